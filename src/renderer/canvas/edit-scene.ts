import type { Point, Size } from '@shared/geometry/types';
import type { PaintedMask } from '@shared/mask/brush';
import type { PlacedMask } from '@shared/mask/placed';
import type { Corner } from '@shared/mask/polygon-edit';
import type { PolygonPart } from '@shared/mask/polygon-ring';
import type { MaskRuns } from '@shared/mask/runs';

/** A mask that is being changed by hand, in image pixels; shown above everything else on the canvas. */
export interface EditScene {
  color: string;
  /** The mask as it is now; null while it has no pixel. */
  mask: PlacedMask | null;
  /** What an operation would leave or make: one mask, or one for each part. Null when none is being tried. */
  preview: readonly PlacedMask[] | null;
  /** The same, of masks that are too large to be decoded; null when none is. */
  large: LargePreview | null;
  /** Corners that can be dragged, and the one that is selected. */
  polygon: { parts: readonly PolygonPart[]; selected: Corner | null } | null;
  /** Diameter in image pixels. */
  brush: { diameter: number; erases: boolean } | null;
  cuts: boolean;
}

/** An operation on a large mask, by runs. */
export interface LargePreview {
  /** Of the image. */
  size: Size;
  /** What stays, comes and goes, where it makes one mask; null where it makes several. */
  change: readonly (MaskRuns | null)[] | null;
  parts: readonly MaskRuns[];
}

/** What the tools that change masks tell and ask. Points are in image pixels and may lie outside of the image. */
export interface EditEvents {
  /** A stroke begins: the mask to paint on, or null when nothing can be painted now. */
  strokeBegan(erases: boolean): PaintedMask | null;
  /** The pixels of the stroke are in the mask. */
  strokeEnded(painted: PaintedMask, erases: boolean): void;
  /** Makes the brush larger (1) or smaller (−1). */
  brushStepped(direction: 1 | -1): void;
  /** Corners while one is dragged, and after it was. */
  polygonDragged(parts: readonly PolygonPart[], corner: Corner): void;
  polygonEdited(parts: readonly PolygonPart[]): void;
  cornerSelected(corner: Corner | null): void;
  cornersJoined(a: Corner, b: Corner): void;
  /** A line across the mask while it is drawn, and when it is done. */
  cutDrawn(from: Point, to: Point): void;
  cutEnded(from: Point, to: Point): void;
}
