/**
 * Which SAM-family interface a pair of ONNX models speaks, recognised from the names, types and shapes of their
 * own inputs and outputs. File names are never looked at, and encoder and decoder may come in either order.
 * The formats and where they come from are in sam1.ts, sam2.ts and efficientsam.ts.
 */
import { MaskwrightError } from '@shared/contract/errors';
import type { LoadedModel, TensorInfo } from './protocol';

export type Signature = 'sam1' | 'sam2' | 'efficientsam';

/** How an encoder wants its image. */
export interface EncoderPlan {
  signature: Signature;
  input: string;
  type: 'float32' | 'uint8';
  layout: 'nchw' | 'nhwc' | 'hwc';
  /** Side in pixels of the square frame that images are resized into. */
  size: number;
  /** `longest-side`: aspect ratio kept, content at the top left. `stretch`: both sides become `size`. */
  fit: 'longest-side' | 'stretch';
  /** Whether the frame is filled up with zeros to size × size; if not, the model pads. */
  pad: boolean;
  /** `imagenet`: (RGB − mean) / std on 0..255. `unit`: RGB / 255. `raw`: 0..255. */
  normalise: 'imagenet' | 'unit' | 'raw';
  /** Encoder output → decoder input. */
  outputs: ReadonlyArray<{ from: string; to: string }>;
}

/** An input whose type and rank a decoder dictates. */
export interface InputSlot {
  name: string;
  type: NumericType;
  rank: number;
}
export type NumericType = 'float32' | 'float64' | 'int32' | 'int64' | 'uint8' | 'bool';

/** How a decoder wants its prompts and what its outputs are called. */
export interface DecoderPlan {
  signature: Signature;
  /** The encoder's frame, in which SAM 1 and SAM 2 take coordinates. */
  frame: { size: number; fit: EncoderPlan['fit'] };
  coords: InputSlot;
  labels: InputSlot;
  /** Number of points where the export fixed it, else null. */
  fixedPoints: number | null;
  maskInput: { name: string; width: number; height: number } | null;
  hasMask: InputSlot | null;
  originalSize: InputSlot | null;
  masks: string;
  iou: string;
  lowRes: string | null;
}

export interface ModelPair {
  signature: Signature;
  /** Which of the two files is the encoder. */
  encoder: 'first' | 'second';
  encoderPlan: EncoderPlan;
  decoderPlan: DecoderPlan;
}

export type NamedModel = Pick<LoadedModel, 'inputs' | 'outputs'> & { name: string };

/** Side of a SAM encoder's input where the export leaves it dynamic. */
const defaultSize = 1024;
/** Side of SAM's low-resolution masks where the export leaves it dynamic: a quarter of the input's side. */
const lowResDivisor = 4;

/**
 * Recognises a pair. Throws MODEL_UNREADABLE, naming the inputs seen, when it is no encoder with its decoder.
 */
export function recognisePair(first: NamedModel, second: NamedModel): ModelPair {
  const kinds = [decoderSignature(first), decoderSignature(second)];
  if (kinds[0] !== null && kinds[1] !== null) {
    throw unreadable(
      `Both files are decoders: ${seen(first)}; ${seen(second)}.`,
      'Choose the encoder that was exported together with one of them.',
    );
  }
  if (kinds[0] === null && kinds[1] === null) {
    const encoders = [first, second].filter((model) => imageInput(model) !== null);
    throw unreadable(
      encoders.length === 2
        ? `Both files are image encoders: ${seen(first)}; ${seen(second)}.`
        : `Neither file is a decoder that Maskwright knows: ${seen(first)}; ${seen(second)}.`,
      'Maskwright reads SAM 1, SAM 2 and EfficientSAM exports: one ONNX file for the image encoder and one for the prompt decoder.',
    );
  }
  const swapped = kinds[0] !== null;
  const [encoder, decoder] = swapped ? [second, first] : [first, second];
  const signature = (swapped ? kinds[0] : kinds[1]) ?? 'sam1';
  const encoderPlan = planEncoder(encoder, decoder, signature);
  return {
    signature,
    encoder: swapped ? 'second' : 'first',
    encoderPlan,
    decoderPlan: planDecoder(decoder, signature, encoderPlan),
  };
}

/** The signature whose decoder inputs these are, or null. */
export function decoderSignature(model: NamedModel): Signature | null {
  const has = (name: string): boolean => find(model.inputs, name) !== null;
  if (has('image_embeddings') && has('batched_point_coords') && has('batched_point_labels')) {
    return 'efficientsam';
  }
  if (!has('point_coords') || !has('point_labels')) return null;
  if (has('image_embed') && has('high_res_feats_0') && has('high_res_feats_1')) return 'sam2';
  return has('image_embeddings') ? 'sam1' : null;
}

const embeddingInputs: Record<Signature, readonly string[]> = {
  sam1: ['image_embeddings'],
  sam2: ['image_embed', 'high_res_feats_0', 'high_res_feats_1'],
  efficientsam: ['image_embeddings'],
};

function planEncoder(encoder: NamedModel, decoder: NamedModel, signature: Signature): EncoderPlan {
  const image = imageInput(encoder);
  if (image === null) {
    throw unreadable(
      `${encoder.name} is no image encoder that Maskwright knows: ${seen(encoder)}.`,
      'An encoder has one image input: [1, 3, height, width], [1, height, width, 3] or [height, width, 3].',
    );
  }
  if ((image.info.name === 'batched_images') !== (signature === 'efficientsam')) {
    throw mismatch(encoder, decoder, 'one is EfficientSAM and the other is not');
  }
  if (image.type !== 'float32' && image.type !== 'uint8') {
    throw unreadable(
      `${encoder.name} takes its image as ${image.type}; Maskwright gives float32 or uint8.`,
      'Export the model with 32-bit floating point inputs and outputs.',
    );
  }
  const raw = image.layout !== 'nchw' || image.type === 'uint8';
  const { height, width } = image;
  if (height !== null && width !== null && height !== width) {
    throw unreadable(
      `${encoder.name} takes images of ${width} × ${height} pixels; Maskwright knows square inputs and dynamic ones.`,
    );
  }
  const fixed = height ?? width;
  return {
    signature,
    input: image.info.name,
    type: image.type,
    layout: image.layout,
    size: fixed ?? defaultSize,
    fit: signature === 'sam1' ? 'longest-side' : 'stretch',
    pad: signature === 'sam1' && !(raw && fixed === null),
    normalise: raw ? 'raw' : signature === 'efficientsam' ? 'unit' : 'imagenet',
    outputs: pairEmbeddings(encoder, decoder, embeddingInputs[signature]),
  };
}

/** Encoder outputs that feed the decoder: by name, or by being the only one. Checks types and static shapes. */
function pairEmbeddings(
  encoder: NamedModel,
  decoder: NamedModel,
  names: readonly string[],
): Array<{ from: string; to: string }> {
  return names.map((to) => {
    const only = names.length === 1 && encoder.outputs.length === 1 ? (encoder.outputs[0] ?? null) : null;
    const output = find(encoder.outputs, to) ?? only;
    const input = find(decoder.inputs, to);
    if (output === null || input === null) {
      throw mismatch(
        encoder,
        decoder,
        `the decoder wants ${to}, the encoder gives ${list(encoder.outputs.map((tensor) => tensor.name))}`,
      );
    }
    if (output.type !== 'float32' || input.type !== 'float32') {
      throw unreadable(
        `Embeddings must be float32: ${encoder.name} gives ${output.type}, ${decoder.name} takes ${input.type}.`,
        'Export both models with 32-bit floating point inputs and outputs.',
      );
    }
    const fits =
      output.shape.length === input.shape.length &&
      output.shape.every((side, i) => {
        const other = input.shape[i];
        return typeof side !== 'number' || typeof other !== 'number' || side === other;
      });
    // An export may lose its output's shape altogether; then only the run can tell.
    if (!fits && output.shape.length > 0 && input.shape.length > 0) {
      throw mismatch(
        encoder,
        decoder,
        `${to} is ${shapeText(output)} in the encoder and ${shapeText(input)} in the decoder`,
      );
    }
    return { from: output.name, to };
  });
}

function planDecoder(decoder: NamedModel, signature: Signature, encoder: EncoderPlan): DecoderPlan {
  const batched = signature === 'efficientsam';
  const coordsInfo = required(decoder, batched ? 'batched_point_coords' : 'point_coords');
  const coords = slot(decoder, coordsInfo);
  const labels = slot(decoder, required(decoder, batched ? 'batched_point_labels' : 'point_labels'));
  const count = coordsInfo.shape[coordsInfo.shape.length - 2];
  const mask = find(decoder.inputs, 'mask_input');
  const hasMask = find(decoder.inputs, 'has_mask_input');
  const size = find(decoder.inputs, 'orig_im_size');
  const known = new Set([
    ...embeddingInputs[signature],
    coords.name,
    labels.name,
    'mask_input',
    'has_mask_input',
    'orig_im_size',
  ]);
  const unknown = decoder.inputs.filter((input) => !known.has(input.name));
  if (unknown.length > 0) {
    throw unreadable(
      `${decoder.name} looks like a decoder of ${signature} but wants inputs that Maskwright does not know: ${list(unknown.map((input) => input.name))}.`,
    );
  }
  if (mask !== null && mask.type !== 'float32') {
    throw unreadable(`${decoder.name} takes mask_input as ${mask.type}; Maskwright gives float32.`);
  }
  const lowResSide = Math.round(encoder.size / lowResDivisor);
  const side = (fromEnd: number): number => {
    const value = mask?.shape[(mask?.shape.length ?? 0) - fromEnd];
    return typeof value === 'number' ? value : lowResSide;
  };
  return {
    signature,
    frame: { size: encoder.size, fit: encoder.fit },
    coords,
    labels,
    fixedPoints: typeof count === 'number' ? count : null,
    maskInput: mask === null ? null : { name: mask.name, width: side(1), height: side(2) },
    hasMask: hasMask === null ? null : slot(decoder, hasMask),
    originalSize: size === null ? null : slot(decoder, size),
    ...outputNames(decoder),
  };
}

/** Outputs by name; EfficientSAM's low-resolution output has a generated name and is the one left over. */
function outputNames(decoder: NamedModel): Pick<DecoderPlan, 'masks' | 'iou' | 'lowRes'> {
  const named = (test: (name: string) => boolean): string | null =>
    decoder.outputs.find((output) => test(output.name.toLowerCase()))?.name ?? null;
  const isLow = (name: string): boolean => name.includes('low_res') || name.includes('lowres');
  const masks = named((name) => name.includes('mask') && !isLow(name));
  const iou = named((name) => name.includes('iou') || name.includes('score'));
  if (masks === null || iou === null) {
    throw unreadable(
      `${decoder.name} has no output for ${masks === null ? 'masks' : 'predicted IoU'}: it gives ${list(decoder.outputs.map((output) => output.name))}.`,
    );
  }
  const rest = decoder.outputs.filter((output) => output.name !== masks && output.name !== iou);
  return { masks, iou, lowRes: named(isLow) ?? (rest.length === 1 ? (rest[0]?.name ?? null) : null) };
}

interface ImageInput {
  info: TensorInfo;
  type: string;
  layout: EncoderPlan['layout'];
  height: number | null;
  width: number | null;
}

/** The only input, when it has the shape of an RGB image. */
function imageInput(model: NamedModel): ImageInput | null {
  const info = model.inputs[0];
  if (info === undefined || model.inputs.length !== 1) return null;
  const { shape, type } = info;
  const fixed = (index: number): number | null => {
    const side = shape[index];
    return typeof side === 'number' ? side : null;
  };
  if (shape.length === 4 && shape[1] === 3) {
    return { info, type, layout: 'nchw', height: fixed(2), width: fixed(3) };
  }
  if (shape.length === 4 && shape[3] === 3) {
    return { info, type, layout: 'nhwc', height: fixed(1), width: fixed(2) };
  }
  if (shape.length === 3 && (shape[2] === 3 || typeof shape[2] === 'string')) {
    return { info, type, layout: 'hwc', height: fixed(0), width: fixed(1) };
  }
  // Wholly dynamic shapes: channels first, as PyTorch exports are.
  if (shape.length === 4 && typeof shape[1] === 'string') {
    return { info, type, layout: 'nchw', height: fixed(2), width: fixed(3) };
  }
  return null;
}

const numericTypes: readonly string[] = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'];
function isNumericType(type: string): type is NumericType {
  return numericTypes.includes(type);
}

function slot(model: NamedModel, info: TensorInfo): InputSlot {
  if (!isNumericType(info.type)) {
    throw unreadable(`${model.name} takes ${info.name} as ${info.type}, which Maskwright cannot give.`);
  }
  return { name: info.name, type: info.type, rank: info.shape.length };
}

function required(model: NamedModel, name: string): TensorInfo {
  const found = find(model.inputs, name);
  if (found === null) throw unreadable(`${model.name} has no input ${name}: ${seen(model)}.`);
  return found;
}

function find(tensors: readonly TensorInfo[], name: string): TensorInfo | null {
  return tensors.find((tensor) => tensor.name === name) ?? null;
}

function shapeText(info: TensorInfo): string {
  return `[${info.shape.join(', ')}]`;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}

function seen(model: NamedModel): string {
  const inputs = model.inputs.map((info) => `${info.name} ${info.type} ${shapeText(info)}`);
  return `${model.name} has the inputs ${list(inputs)}`;
}

function mismatch(encoder: NamedModel, decoder: NamedModel, why: string): MaskwrightError {
  return unreadable(
    `${encoder.name} and ${decoder.name} do not belong together: ${why}.`,
    'Choose an encoder and a decoder that were exported from the same checkpoint.',
  );
}

function unreadable(message: string, hint = ''): MaskwrightError {
  return new MaskwrightError('MODEL_UNREADABLE', message, { hint });
}
