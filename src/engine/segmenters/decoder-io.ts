/** What the decoders of all signatures share: points, masks and candidates. Part of the thread's bundle. */
import type { Size } from '@shared/geometry/types';
import { type Bitmap, bitmapBox, bitmapFromLogits, cropBitmap } from '@shared/mask/bitmap';
import { frameTransform } from './encoder-input';
import { type DecodedCandidates, type MaskPart, ThreadFailure } from './protocol';
import type { LowResMask, Prompt } from './segmenter';
import type { DecoderPlan } from './signatures';
import { type FeedTensor, feed, type OutputTensor, output } from './tensors';
import { maskFromLogits } from './upsample';

/** Labels of SAM's prompt encoder. */
export const promptLabels = { negative: 0, positive: 1, topLeft: 2, bottomRight: 3, padding: -1 } as const;

/** A prompt point in whatever frame the decoder takes, with SAM's label. */
export interface LabelledPoint {
  x: number;
  y: number;
  label: number;
}

export interface DecoderFormat {
  /** All feeds except the embeddings. */
  feeds(plan: DecoderPlan, prompt: Prompt, image: Size): FeedTensor[];
  /** Masks in image pixels, predicted IoU and low-resolution logits, in the model's order. */
  candidates(plan: DecoderPlan, outputs: ReadonlyMap<string, OutputTensor>, image: Size): DecodedCandidates;
}

/**
 * Most pixels that a decoder is asked to give each mask in. Larger images get their masks at a smaller size,
 * enlarged bilinearly here: SAM's logits have 256 × 256 samples in any case, and four float32 masks of a
 * 24-megapixel photograph would take 384 MB.
 */
export const maxMaskPixels = 4_194_304;

/** The size in which a decoder with `orig_im_size` is asked for its masks. */
export function requestedSize(image: Size): Size {
  const scale = Math.min(1, Math.sqrt(maxMaskPixels / (image.width * image.height)));
  return {
    width: Math.max(1, Math.round(image.width * scale)),
    height: Math.max(1, Math.round(image.height * scale)),
  };
}

/** The box's corners (labels 2 and 3) and the clicks (1 and 0) in image pixels. */
export function promptPoints(prompt: Prompt): { corners: LabelledPoint[]; clicks: LabelledPoint[] } {
  const { box } = prompt;
  return {
    corners:
      box === null
        ? []
        : [
            { x: box.x1, y: box.y1, label: promptLabels.topLeft },
            { x: box.x2, y: box.y2, label: promptLabels.bottomRight },
          ],
    clicks: prompt.points.map(({ x, y, label }) => ({ x, y, label: promptLabels[label] })),
  };
}

/** Points moved from image pixels into the encoder's frame. Padding stays at (0, 0). */
export function toFrame(points: readonly LabelledPoint[], plan: DecoderPlan, image: Size): LabelledPoint[] {
  const transform = frameTransform(image, plan.frame);
  return points.map((point) =>
    point.label === promptLabels.padding ? point : { ...transform.apply(point), label: point.label },
  );
}

/** The coordinate and label feeds: [1, N, 2] and [1, N], or with one more leading 1. */
export function pointFeeds(plan: DecoderPlan, points: readonly LabelledPoint[]): FeedTensor[] {
  const all = [...points];
  if (plan.fixedPoints !== null) {
    if (all.length > plan.fixedPoints) {
      throw new ThreadFailure(
        'INVALID_REQUEST',
        `This decoder takes at most ${plan.fixedPoints} points and ${all.length} were given.`,
        'A box counts as two points.',
      );
    }
    while (all.length < plan.fixedPoints) all.push({ x: 0, y: 0, label: promptLabels.padding });
  }
  return [
    feed(
      plan.coords,
      all.flatMap(({ x, y }) => [x, y]),
      [1, all.length, 2],
    ),
    feed(
      plan.labels,
      all.map(({ label }) => label),
      [1, all.length],
    ),
  ];
}

/** mask_input and has_mask_input; zeros without a previous answer. */
export function maskFeeds(plan: DecoderPlan, lowRes: LowResMask | null): FeedTensor[] {
  const slot = plan.maskInput;
  if (slot === null) return [];
  // A mask of no size is what recorded answers carry: there were no logits to keep.
  const given = lowRes !== null && lowRes.data.length > 0 ? lowRes : null;
  if (given !== null && (given.width !== slot.width || given.height !== slot.height)) {
    throw new ThreadFailure(
      'INVALID_REQUEST',
      `The previous answer has ${given.width} × ${given.height} logits; this decoder takes ${slot.width} × ${slot.height}.`,
      'Answers of one segmenter cannot be refined by another one: start the object again.',
    );
  }
  const data = given === null ? new Float32Array(slot.width * slot.height) : given.data;
  const feeds: FeedTensor[] = [
    { name: slot.name, type: 'float32', shape: [1, 1, slot.height, slot.width], data },
  ];
  if (plan.hasMask !== null) {
    feeds.push(feed(plan.hasMask, [given === null ? 0 : 1], plan.hasMask.rank === 0 ? [] : [1]));
  }
  return feeds;
}

/** orig_im_size as (height, width), where the decoder takes it. */
export function sizeFeeds(plan: DecoderPlan, size: Size): FeedTensor[] {
  return plan.originalSize === null ? [] : [feed(plan.originalSize, [size.height, size.width], [2])];
}

/**
 * Masks from the outputs. A mask of the image's size is thresholded as it is. Any other size is enlarged or
 * shrunk bilinearly: over the whole mask, or, where a decoder of SAM 1 answers in the padded frame because it
 * was not told the image's size, over the part that shows the image.
 */
export function readCandidates(
  plan: DecoderPlan,
  outputs: ReadonlyMap<string, OutputTensor>,
  image: Size,
): DecodedCandidates {
  const masks = planes(output(outputs, plan.masks), plan.masks);
  const iou = output(outputs, plan.iou);
  const count = masks.count;
  if (iou.data.length < count) {
    throw new ThreadFailure(
      'SEGMENTER_FAILED',
      `The decoder gave ${count} masks and ${iou.data.length} predicted IoUs.`,
    );
  }
  const low = plan.lowRes === null ? masks : planes(output(outputs, plan.lowRes), plan.lowRes);
  const padded = plan.frame.fit === 'longest-side' && plan.originalSize === null;
  const content = frameTransform(image, plan.frame);
  const result: DecodedCandidates = { masks: [], predictedIou: [], lowRes: [] };
  for (let i = 0; i < count; i++) {
    const offset = i * masks.width * masks.height;
    result.masks.push(
      partOf(
        !padded && masks.width === image.width && masks.height === image.height
          ? bitmapFromLogits(
              masks.data.subarray(offset, offset + masks.width * masks.height),
              masks.width,
              masks.height,
            )
          : maskFromLogits(
              {
                data: masks.data,
                offset,
                width: masks.width,
                height: masks.height,
                contentWidth: padded ? (masks.width * content.width) / plan.frame.size : masks.width,
                contentHeight: padded ? (masks.height * content.height) / plan.frame.size : masks.height,
              },
              image.width,
              image.height,
            ),
      ),
    );
    result.predictedIou.push(iou.data[i] ?? 0);
    result.lowRes.push(lowResOf(plan, low, i));
  }
  return result;
}

/** One whole mask at a time is in memory. */
function partOf(mask: Bitmap): MaskPart | null {
  const box = bitmapBox(mask);
  return box && { x: box.x1, y: box.y1, ...cropBitmap(mask, box) };
}

/** The logits that the decoder takes back; of no size where it takes none. */
function lowResOf(plan: DecoderPlan, low: Planes, index: number): LowResMask {
  const slot = plan.maskInput;
  if (slot === null || index >= low.count || slot.width !== low.width || slot.height !== low.height) {
    return { width: 0, height: 0, data: new Float32Array(0) };
  }
  const samples = low.width * low.height;
  return {
    width: low.width,
    height: low.height,
    data: low.data.slice(index * samples, (index + 1) * samples),
  };
}

interface Planes {
  data: Float32Array;
  count: number;
  width: number;
  height: number;
}

/** [..., M, h, w] of one object. */
function planes(tensor: OutputTensor, name: string): Planes {
  const { shape, data } = tensor;
  const [count, height, width] = shape.slice(-3);
  const leading = shape.slice(0, -3);
  if (
    count === undefined ||
    height === undefined ||
    width === undefined ||
    count * height * width < 1 ||
    data.length !== count * height * width ||
    leading.some((side) => side !== 1)
  ) {
    throw new ThreadFailure('SEGMENTER_FAILED', `The decoder gave ${name} with shape [${shape.join(', ')}].`);
  }
  return { data, count, width, height };
}
