import type { Point } from '@shared/geometry/types';

/** What end-to-end tests may read when the page's address has `?test` or `#test`. It changes nothing. */
export interface TestHook {
  /** From image pixels to CSS pixels of the page. */
  toScreen(point: Point): Point;
  readonly zoom: number;
  readonly status: string | null;
  readonly imageId: string | null;
  readonly imageReady: boolean;
}

declare global {
  interface Window {
    __maskwright?: TestHook;
  }
}
