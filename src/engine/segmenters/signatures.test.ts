import { MaskwrightError } from '@shared/contract/errors';
import { describe, expect, test } from 'vitest';
import type { TensorInfo } from './protocol';
import { decoderSignature, type NamedModel, recognisePair } from './signatures';

const tensor = (name: string, shape: Array<number | string>, type = 'float32'): TensorInfo => ({
  name,
  shape,
  type,
});
const model = (name: string, inputs: TensorInfo[], outputs: TensorInfo[]): NamedModel => ({
  name,
  inputs,
  outputs,
});

const sam1Encoder = model('e', [tensor('x', [1, 3, 512, 512])], [tensor('y', [1, 7, 3])]);
const sam1Decoder = model(
  'd',
  [
    tensor('image_embeddings', [1, 7, 3]),
    tensor('point_coords', [1, 'n', 2]),
    tensor('point_labels', [1, 'n']),
    tensor('mask_input', [1, 1, 128, 128]),
    tensor('has_mask_input', [1]),
    tensor('orig_im_size', [2]),
  ],
  [
    tensor('masks', [1, 4, 'h', 'w']),
    tensor('iou_predictions', [1, 4]),
    tensor('low_res_masks', [1, 4, 128, 128]),
  ],
);

function problem(first: NamedModel, second: NamedModel): string {
  try {
    recognisePair(first, second);
  } catch (error) {
    expect(error).toBeInstanceOf(MaskwrightError);
    if (error instanceof MaskwrightError) {
      expect(error.code).toBe('MODEL_UNREADABLE');
      return error.message;
    }
  }
  return 'none';
}

describe('recognisePair', () => {
  test('SAM 1 with any input side, embedding shape and encoder names', () => {
    expect(recognisePair(sam1Encoder, sam1Decoder)).toEqual({
      signature: 'sam1',
      encoder: 'first',
      encoderPlan: {
        signature: 'sam1',
        input: 'x',
        type: 'float32',
        layout: 'nchw',
        size: 512,
        fit: 'longest-side',
        pad: true,
        normalise: 'imagenet',
        outputs: [{ from: 'y', to: 'image_embeddings' }],
      },
      decoderPlan: {
        signature: 'sam1',
        frame: { size: 512, fit: 'longest-side' },
        coords: { name: 'point_coords', type: 'float32', rank: 3 },
        labels: { name: 'point_labels', type: 'float32', rank: 2 },
        fixedPoints: null,
        maskInput: { name: 'mask_input', width: 128, height: 128 },
        hasMask: { name: 'has_mask_input', type: 'float32', rank: 1 },
        originalSize: { name: 'orig_im_size', type: 'float32', rank: 1 },
        masks: 'masks',
        iou: 'iou_predictions',
        lowRes: 'low_res_masks',
      },
    });
  });

  test('either order', () => {
    const swapped = recognisePair(sam1Decoder, sam1Encoder);
    expect(swapped.encoder).toBe('second');
    expect(swapped.encoderPlan.input).toBe('x');
  });

  test('raw RGB inputs are not normalised, and a dynamic one is 1024 and not padded', () => {
    const raw = model('e', [tensor('x', ['h', 'w', 3], 'uint8')], [tensor('y', [1, 7, 3])]);
    expect(recognisePair(raw, sam1Decoder).encoderPlan).toMatchObject({
      layout: 'hwc',
      type: 'uint8',
      size: 1024,
      pad: false,
      normalise: 'raw',
    });
    const fixed = model('e', [tensor('x', [1, 256, 256, 3])], [tensor('y', [1, 7, 3])]);
    expect(recognisePair(fixed, sam1Decoder).encoderPlan).toMatchObject({
      layout: 'nhwc',
      size: 256,
      pad: true,
      normalise: 'raw',
    });
  });

  test('says what is wrong with a pair', () => {
    expect(problem(sam1Encoder, sam1Encoder)).toContain('Both files are image encoders');
    expect(problem(sam1Decoder, sam1Decoder)).toContain('Both files are decoders');
    const text = model('bert.onnx', [tensor('input_ids', [1, 'n'], 'int64')], [tensor('logits', [1, 2])]);
    expect(problem(text, sam1Decoder)).toContain('bert.onnx has the inputs input_ids int64 [1, n]');
    expect(problem(text, sam1Encoder)).toContain('Neither file is a decoder');
    const other = model('o', [tensor('x', [1, 3, 512, 512])], [tensor('y', [1, 8, 3])]);
    expect(problem(other, sam1Decoder)).toContain('[1, 8, 3] in the encoder and [1, 7, 3] in the decoder');
    const oblong = model('o', [tensor('x', [1, 3, 512, 768])], [tensor('y', [1, 7, 3])]);
    expect(problem(oblong, sam1Decoder)).toContain('768 × 512');
    const half = model('h', [tensor('x', [1, 3, 512, 512], 'float16')], [tensor('y', [1, 7, 3])]);
    expect(problem(half, sam1Decoder)).toContain('float16');
    const more = { ...sam1Decoder, inputs: [...sam1Decoder.inputs, tensor('text', [1, 77])] };
    expect(problem(sam1Encoder, more)).toContain('does not know: text');
    const silent = { ...sam1Decoder, outputs: [tensor('masks', [1, 4, 'h', 'w'])] };
    expect(problem(sam1Encoder, silent)).toContain('predicted IoU');
    const batched = model('b', [tensor('batched_images', ['b', 3, 'h', 'w'])], [tensor('y', [1, 7, 3])]);
    expect(problem(batched, sam1Decoder)).toContain('one is EfficientSAM and the other is not');
  });

  test('a decoder is known by its inputs', () => {
    const names = (...list: string[]): NamedModel =>
      model(
        'd',
        list.map((name) => tensor(name, [1])),
        [],
      );
    expect(decoderSignature(sam1Decoder)).toBe('sam1');
    expect(
      decoderSignature(
        names('image_embed', 'high_res_feats_0', 'high_res_feats_1', 'point_coords', 'point_labels'),
      ),
    ).toBe('sam2');
    expect(decoderSignature(names('image_embeddings', 'batched_point_coords', 'batched_point_labels'))).toBe(
      'efficientsam',
    );
    expect(decoderSignature(names('point_coords', 'point_labels'))).toBeNull();
  });
});
