/** Numbers as the tensors that a model dictates. Part of the thread's bundle. */
import { ThreadFailure } from './protocol';
import type { InputSlot, NumericType } from './signatures';

/** A tensor to be fed: onnxruntime's type name, row-major data, shape. */
export interface FeedTensor {
  name: string;
  type: NumericType;
  shape: number[];
  data: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
}

/** A float32 tensor that a model gave. */
export interface OutputTensor {
  shape: readonly number[];
  data: Float32Array;
}

/**
 * `values` in the slot's type. `shape` gets leading ones until it has the slot's rank, since exports differ in
 * whether orig_im_size is [2] or [1, 2].
 */
export function feed(slot: InputSlot, values: readonly number[], shape: readonly number[]): FeedTensor {
  const full = [...shape];
  while (full.length < slot.rank) full.unshift(1);
  return { name: slot.name, type: slot.type, shape: full, data: typed(slot.type, values) };
}

function typed(type: NumericType, values: readonly number[]): FeedTensor['data'] {
  switch (type) {
    case 'float32':
      return Float32Array.from(values);
    case 'float64':
      return Float64Array.from(values);
    case 'int32':
      return Int32Array.from(values, Math.round);
    case 'int64':
      return BigInt64Array.from(values, (value) => BigInt(Math.round(value)));
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values, Math.round);
  }
}

/** An output by name; SEGMENTER_FAILED when the model did not give it. */
export function output(outputs: ReadonlyMap<string, OutputTensor>, name: string): OutputTensor {
  const found = outputs.get(name);
  if (found === undefined) throw new ThreadFailure('SEGMENTER_FAILED', `The decoder gave no ${name}.`);
  return found;
}
