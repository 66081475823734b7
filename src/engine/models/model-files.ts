import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import {
  type AgentConventions,
  coordinatesSchema,
  promptStyleSchema,
  viewPixelsSchema,
} from '@shared/tools/conventions';
import type { z } from 'zod';
import { GgufError, type GgufHeader, readGgufHeader } from './gguf';

/** A checked pair of files: loading it cannot fault on what a header shows. */
export interface VisionModelFiles {
  model: string;
  mmproj: string;
  /** `general.name`, else the file's name. */
  name: string;
  /** `general.architecture`, for example qwen2vl, qwen3vl. */
  architecture: string;
  layers: number;
  /** Longest context that the model was trained for, in tokens; 0 where unknown. */
  contextLength: number;
  /** Side in pixels of the square that one image token covers; 0 where unknown. */
  imageTokenSide: number;
  /** Bytes of weights. */
  modelBytes: number;
  mmprojBytes: number;
  /** How the agent must be spoken to, as far as the file says. */
  conventions: Partial<AgentConventions>;
  /** Bytes of key-value cache for each token of context, in float16. */
  cacheBytesPerToken: number;
}

const getHint =
  'Give a vision model as GGUF with its mmproj file, for example Qwen2.5-VL or Qwen3-VL and the mmproj from the same place.';

function isProjector(header: GgufHeader): boolean {
  return header.metadata.get('general.architecture') === 'clip';
}

function numberOf(header: GgufHeader, key: string): number {
  const value = header.metadata.get(key);
  return typeof value === 'number' ? value : 0;
}

function textOf(header: GgufHeader, key: string): string {
  const value = header.metadata.get(key);
  return typeof value === 'string' ? value : '';
}

/** Reads a header; what is wrong with the file becomes one message that names it. */
async function readHeader(path: string, what: string): Promise<GgufHeader> {
  try {
    return await readGgufHeader(path);
  } catch (error) {
    if (!(error instanceof GgufError)) throw error;
    const name = basename(path);
    const cause = { cause: error };
    switch (error.reason) {
      case 'missing':
        throw new MaskwrightError('MODEL_MISSING', `The ${what} ${name} does not exist.`, {
          hint: 'Check the path in the settings, or download the model again.',
          ...cause,
        });
      case 'empty':
      case 'truncated':
        throw new MaskwrightError(
          'MODEL_UNREADABLE',
          `The ${what} ${name} is not complete: ${error.message}.`,
          {
            hint: 'The download was probably cut off. Download the file again.',
            ...cause,
          },
        );
      case 'not-gguf':
        throw new MaskwrightError('MODEL_UNREADABLE', `The ${what} ${name} is not a GGUF file.`, {
          hint: getHint,
          ...cause,
        });
      default:
        throw new MaskwrightError('MODEL_UNREADABLE', `The ${what} ${name} is damaged: ${error.message}.`, {
          hint: 'Download the file again.',
          ...cause,
        });
    }
  }
}

/** `maskwright.coordinates`, `maskwright.prompt` and `maskwright.view_pixels`, which training/convert writes. */
function declaredConventions(header: GgufHeader, path: string): Partial<AgentConventions> {
  const read = <Value>(key: string, schema: z.ZodType<Value>): Value | undefined => {
    const value = header.metadata.get(`maskwright.${key}`);
    if (value === undefined) return undefined;
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new MaskwrightError(
      'MODEL_UNREADABLE',
      `${basename(path)} declares maskwright.${key} as ${JSON.stringify(value)}, which this version does not know.`,
      { hint: 'Update Maskwright, or convert the model again.' },
    );
  };
  const coordinates = read('coordinates', coordinatesSchema);
  const prompt = read('prompt', promptStyleSchema);
  const viewPixels = read('view_pixels', viewPixelsSchema);
  return {
    ...(coordinates !== undefined && { coordinates }),
    ...(prompt !== undefined && { prompt }),
    ...(viewPixels !== undefined && { viewPixels }),
  };
}

/** Letters and digits that two names share from the start, without quantisation and the like. */
function sharedStart(one: string, two: string): number {
  const plain = (name: string): string =>
    name
      .toLowerCase()
      .replace(/mmproj/g, '')
      .replace(/[^a-z0-9]/g, '');
  const [a, b] = [plain(one), plain(two)];
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** The mmproj beside a model: the file with `mmproj` in its name that shares most of the model's. */
async function findProjector(model: string): Promise<string> {
  const folder = dirname(model);
  const files = await readdir(folder).catch((): string[] => []);
  const candidates = files.filter((file) => /mmproj/i.test(file) && /\.gguf$/i.test(file)).sort();
  const name = basename(model);
  const [best] = candidates.sort((a, b) => sharedStart(name, b) - sharedStart(name, a));
  if (best === undefined) {
    throw new MaskwrightError('MODEL_MISSING', `No mmproj file was found beside ${name}.`, {
      hint: 'The agent has to see the image. Put the model’s mmproj GGUF into the same folder, or give its path.',
    });
  }
  return join(folder, best);
}

/**
 * Checks a model and its projector (searched beside the model when null) before llama.cpp sees them: it ends
 * in a segmentation fault where a model is missing, truncated, or a projector. Reads headers only.
 *
 * @throws MaskwrightError MODEL_MISSING or MODEL_UNREADABLE with one clear message and a hint
 */
export async function checkVisionModel(model: string, mmproj: string | null): Promise<VisionModelFiles> {
  const header = await readHeader(model, 'model file');
  if (isProjector(header)) {
    throw new MaskwrightError('MODEL_UNREADABLE', `${basename(model)} is an mmproj file, not a model.`, {
      hint: 'Give the language model as the model and this file as its mmproj.',
    });
  }
  const architecture = textOf(header, 'general.architecture');
  const layers = numberOf(header, `${architecture}.block_count`);
  if (architecture === '' || header.tensorCount === 0 || layers === 0) {
    throw new MaskwrightError('MODEL_UNREADABLE', `${basename(model)} holds no language model.`, {
      hint: getHint,
    });
  }
  const projectorPath = mmproj ?? (await findProjector(model));
  const projector = await readHeader(projectorPath, 'mmproj file');
  if (!isProjector(projector)) {
    throw new MaskwrightError(
      'MODEL_UNREADABLE',
      `${basename(projectorPath)} is given as mmproj but is a language model.`,
      {
        hint: 'The mmproj file usually has “mmproj” in its name and comes from the same place as the model.',
      },
    );
  }
  if (projector.metadata.get('clip.has_vision_encoder') !== true) {
    throw new MaskwrightError('MODEL_UNREADABLE', `${basename(projectorPath)} has no vision encoder.`, {
      hint: getHint,
    });
  }
  const width = numberOf(header, `${architecture}.embedding_length`);
  const projected = numberOf(projector, 'clip.vision.projection_dim');
  // Qwen3-VL's deepstack appends features of further layers, so a projector may be wider by a whole factor.
  if (width > 0 && projected > 0 && width % projected !== 0 && projected % width !== 0) {
    throw new MaskwrightError(
      'MODEL_UNREADABLE',
      `${basename(projectorPath)} does not belong to ${basename(model)}: it gives ${projected} features, the model takes ${width}.`,
      { hint: 'Take the mmproj file from the same place as the model.' },
    );
  }
  const heads = numberOf(header, `${architecture}.attention.head_count`) || 1;
  const keyValueHeads = numberOf(header, `${architecture}.attention.head_count_kv`) || heads;
  const mergedPatch = numberOf(projector, 'clip.vision.patch_size') * 2;
  return {
    model,
    mmproj: projectorPath,
    name: textOf(header, 'general.name') || basename(model, '.gguf'),
    architecture,
    layers,
    contextLength: numberOf(header, `${architecture}.context_length`),
    imageTokenSide: /qwen/i.test(textOf(projector, 'clip.projector_type')) ? mergedPatch : 0,
    modelBytes: header.fileSize,
    mmprojBytes: projector.fileSize,
    conventions: declaredConventions(header, model),
    cacheBytesPerToken: 2 * 2 * layers * (width / heads) * keyValueHeads,
  };
}
