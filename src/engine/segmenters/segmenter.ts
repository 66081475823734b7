import type { Box, Point } from '@shared/geometry/types';
import type { Bitmap } from '@shared/mask/bitmap';
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
  pixels(): Promise<RgbImage>;
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
  /** Size of the image; logits > 0. */
  mask: Bitmap;
  predictedIou: number;
  lowRes: LowResMask;
}

export interface Segmentation {
  /** At least one; `best` is the index of the one to use when nobody chooses. */
  candidates: Candidate[];
  best: number;
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
}

/** A promptable segmenter (SAM family). Errors are MaskwrightErrors: SEGMENTER_FAILED, IMAGE_UNREADABLE, CANCELLED. */
export interface Segmenter {
  readonly identity: SegmenterIdentity;
  /** Makes the embedding of an image, or finds it in the cache. Prefetches yield to the foreground. */
  encode(image: ImageSource, options?: { priority?: Priority; signal?: AbortSignal }): Promise<void>;
  segment(image: ImageSource, prompt: Prompt, options?: SegmentOptions): Promise<Segmentation>;
  close(): Promise<void>;
}
