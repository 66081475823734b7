/** An image as an encoder's input tensor, for every signature: resized, normalised, padded and laid out. */
import { longestSideTransform, stretchTransform } from '@shared/geometry/letterbox';
import type { Size } from '@shared/geometry/types';
import { resizeBilinear } from './resample';
import type { RgbImage } from './segmenter';
import type { EncoderPlan } from './signatures';

/** ImageNet statistics on 0..255, RGB: the pixel_mean and pixel_std of segment-anything. */
const mean = [123.675, 116.28, 103.53] as const;
const std = [58.395, 57.12, 57.375] as const;

export interface InputTensor {
  type: 'float32' | 'uint8';
  shape: number[];
  data: Float32Array | Uint8Array;
}

/** Where an image of a given size lies in the encoder's frame. */
export function frameTransform(
  size: Size,
  frame: { size: number; fit: EncoderPlan['fit'] },
): ReturnType<typeof stretchTransform> {
  return frame.fit === 'longest-side'
    ? longestSideTransform(size, frame.size)
    : stretchTransform(size, frame.size);
}

/**
 * The tensor of an image. `nchw`: [1, 3, h, w]; `nhwc`: [1, h, w, 3]; `hwc`: [h, w, 3]. Padding is zero after
 * normalisation, to the right and at the bottom.
 *
 * @param of size of the image where `image` is a scaled down copy: prompts are placed by it
 */
export function encoderInput(image: RgbImage, plan: EncoderPlan, of: Size = image): InputTensor {
  const to = frameTransform(of, plan);
  const resized = resizeBilinear(image, to.width, to.height);
  const width = plan.pad ? plan.size : resized.width;
  const height = plan.pad ? plan.size : resized.height;
  const data =
    plan.type === 'uint8' ? new Uint8Array(width * height * 3) : new Float32Array(width * height * 3);
  const planar = plan.layout === 'nchw';
  const step = planar ? 1 : 3;
  const channelStep = planar ? width * height : 1;
  for (let channel = 0; channel < 3; channel++) {
    const levels = levelTable(plan.normalise, channel);
    for (let y = 0; y < resized.height; y++) {
      let from = y * resized.width * 3 + channel;
      let o = channel * channelStep + y * width * step;
      for (let x = 0; x < resized.width; x++, from += 3, o += step) data[o] = levels[resized.data[from]!]!;
    }
  }
  const shape =
    plan.layout === 'nchw'
      ? [1, 3, height, width]
      : plan.layout === 'nhwc'
        ? [1, height, width, 3]
        : [height, width, 3];
  return { type: plan.type, shape, data };
}

/** The normalised value of each of the 256 grey levels. */
function levelTable(normalise: EncoderPlan['normalise'], channel: number): Float32Array {
  const table = new Float32Array(256);
  for (let level = 0; level < 256; level++) {
    if (normalise === 'raw') table[level] = level;
    else if (normalise === 'unit') table[level] = level / 255;
    else table[level] = (level - (mean[channel] ?? 0)) / (std[channel] ?? 1);
  }
  return table;
}
