import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';

/** How a person names an agent: on the command line and in the settings. */
export type PolicySpec =
  | { kind: 'none' }
  | { kind: 'simulated' }
  | { kind: 'llama'; model: string; mmproj: string | null }
  | { kind: 'openai'; url: string; model: string | null }
  | { kind: 'replay'; file: string };

export const policySpecForms =
  'simulated, llama:MODEL.gguf[,MMPROJ.gguf], openai:URL[#MODEL], replay:FILE, embedded or none';

/**
 * @param resourcesDir folder with `models/`, where `embedded` is looked for
 * @throws MaskwrightError INVALID_REQUEST for another form, MODEL_MISSING for `embedded` where none is shipped
 */
export function parsePolicySpec(text: string, resourcesDir: string): PolicySpec {
  const [kind, rest] = split(text);
  switch (kind) {
    case 'none':
    case 'simulated':
      if (rest === '') return { kind };
      break;
    case 'llama': {
      const [model = '', mmproj = null, ...more] = rest.split(',');
      if (model !== '' && mmproj !== '' && more.length === 0) return { kind, model, mmproj };
      break;
    }
    case 'openai': {
      const hash = rest.indexOf('#');
      const url = hash < 0 ? rest : rest.slice(0, hash);
      const model = hash < 0 ? null : rest.slice(hash + 1);
      if (/^https?:\/\/[^/]/.test(url) && model !== '') return { kind, url, model };
      break;
    }
    case 'replay':
      if (rest !== '') return { kind, file: rest };
      break;
    case 'embedded':
      if (rest === '') return embeddedPolicy(resourcesDir);
      break;
  }
  throw new MaskwrightError('INVALID_REQUEST', `"${text}" is no policy.`, {
    hint: `Use ${policySpecForms}.`,
  });
}

export interface SegmenterSpec {
  encoder: string;
  decoder: string;
}

/**
 * @throws MaskwrightError INVALID_REQUEST for another form, MODEL_MISSING for `embedded` where none is shipped
 */
export function parseSegmenterSpec(text: string, resourcesDir: string): SegmenterSpec {
  if (text === 'embedded') return embeddedSegmenter(resourcesDir);
  const [encoder, decoder, ...more] = text.split(',');
  if (encoder && decoder && more.length === 0) return { encoder, decoder };
  throw new MaskwrightError('INVALID_REQUEST', `"${text}" is no segmenter.`, {
    hint: 'Use ENCODER.onnx,DECODER.onnx or embedded.',
  });
}

function embeddedPolicy(resourcesDir: string): PolicySpec {
  const model = join(resourcesDir, 'models', 'embedded-vlm.gguf');
  const mmproj = join(resourcesDir, 'models', 'embedded-vlm-mmproj.gguf');
  if (existsSync(model) && existsSync(mmproj)) return { kind: 'llama', model, mmproj };
  throw new MaskwrightError('MODEL_MISSING', 'This version ships no embedded agent.', {
    hint: 'Use llama:MODEL.gguf with a Qwen2.5-VL or Qwen3-VL file, openai:URL, or --policy simulated.',
  });
}

function embeddedSegmenter(resourcesDir: string): SegmenterSpec {
  const encoder = join(resourcesDir, 'models', 'embedded-seg-encoder.onnx');
  const decoder = join(resourcesDir, 'models', 'embedded-seg-decoder.onnx');
  if (existsSync(encoder) && existsSync(decoder)) return { encoder, decoder };
  throw new MaskwrightError('MODEL_MISSING', 'This version ships no embedded segmenter.', {
    hint: 'Use ENCODER.onnx,DECODER.onnx of a SAM, SAM 2 or EfficientSAM export.',
  });
}

function split(text: string): [string, string] {
  const colon = text.indexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}
