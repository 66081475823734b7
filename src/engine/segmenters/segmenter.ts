import type { Box, Point, Size } from '@shared/geometry/types';
import type { Bitmap } from '@shared/mask/bitmap';
import type { Rle } from '@shared/mask/rle';
import type { PointLabel } from '@shared/tools/definitions';

/** RGB pixels, row-major, 3 bytes a pixel, after EXIF orientation. */
export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** An image that a segmenter can be asked about. Its pixels are read only when an encoder needs them. */
export interface ImageSource {
  /** sha256 of the file's bytes, hex: the key of the embedding cache. */
  hash: string;
  /** Size in pixels after EXIF orientation. */
  width: number;
  height: number;
  /** All of them, or of a very large image the same picture scaled down (see `images/image-file.ts`). */
  pixels(): Promise<RgbImage>;
  /** A part of the image (whole pixels) at full resolution, scaled to a size. */
  region?(box: Box, size: Size): Promise<RgbImage>;
}

export interface SignedPoint extends Point {
  label: PointLabel;
}

/** Low-resolution logits that a decoder gave and takes back to refine its own answer. */
export interface LowResMask {
  width: number;
  height: number;
  data: Float32Array;
}

/** All prompts of one object, in image pixels. */
export interface Prompt {
  box: Box | null;
  points: readonly SignedPoint[];
  /** The decoder's previous answer for this object, if any. */
  lowRes: LowResMask | null;
}

export interface Candidate {
  /** Size of the image; logits > 0. Of a large image it may be made only when it is asked for. */
  readonly mask: Bitmap;
  /** The same mask, where it is there without making the bitmap. */
  readonly rle?: Rle;
  predictedIou: number;
  lowRes: LowResMask;
}

export interface Segmentation {
  /** At least one; `best` is the index of the one to use when nobody chooses. */
  candidates: Candidate[];
  best: number;
  /** {@link SegmentOptions.candidate} where it was heeded. */
  chosen?: number;
}

export type Priority = 'foreground' | 'prefetch';

export interface SegmenterIdentity {
  name: string;
  signature: 'sam1' | 'sam2' | 'efficientsam' | 'recorded';
}

export interface SegmentOptions {
  signal?: AbortSignal;
  /** Requests of the same lane are latest-wins: one runs, one waits, an older waiting one is CANCELLED. */
  lane?: string;
  /** The candidate that a person chose: it is the `best` one of the answer, where the decoder gives as many. */
  candidate?: number;
}

export interface EncodeOptions {
  priority?: Priority;
  signal?: AbortSignal;
  /** Called when the encoder begins, which it does not for an embedding that is there already. */
  onStart?: () => void;
}

/** A promptable segmenter (SAM family). Errors are MaskwrightErrors: SEGMENTER_FAILED, IMAGE_UNREADABLE, CANCELLED. */
export interface Segmenter {
  readonly identity: SegmenterIdentity;
  /** Makes the embedding of an image, or finds it in the cache. Prefetches yield to the foreground. */
  encode(image: ImageSource, options?: EncodeOptions): Promise<void>;
  segment(image: ImageSource, prompt: Prompt, options?: SegmentOptions): Promise<Segmentation>;
  close(): Promise<void>;
}
