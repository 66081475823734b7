import type { Annotation } from '@shared/contract/methods';
import type { Point } from '@shared/geometry/types';

/** What end-to-end tests may read when the page's address has `?test` or `#test`. It changes nothing. */
export interface TestHook {
  /** From image pixels to CSS pixels of the page. */
  toScreen(point: Point): Point;
  readonly zoom: number;
  readonly status: string | null;
  readonly imageId: string | null;
  readonly imageReady: boolean;
  /** Place of the selected annotation among the image's; −1: none. */
  readonly selected: number;
  /** Recorded turns of the episode on the canvas. */
  readonly turns: number;
  /** Painted since the canvas was made. */
  readonly frames: number;
  /** Of the image on the canvas, from bottom to top. */
  readonly annotations: readonly Pick<Annotation, 'id' | 'mask' | 'area' | 'author' | 'imageId'>[];
  readonly selectedId: number | null;
  /** Corners of the polygon that is being edited. */
  readonly corners: readonly Point[];
}

declare global {
  interface Window {
    __maskwright?: TestHook;
  }
}
