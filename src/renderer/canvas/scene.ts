import type { Gesture } from '@shared/contract/methods';
import type { Box, Point, Size } from '@shared/geometry/types';
import type { PointLabel } from '@shared/tools/definitions';
import type { EditEvents } from './edit-scene';
import type { MaskShape } from './mask-shape';
import type { Picture } from './picture';

export type Tool = 'select' | 'box' | 'positive' | 'negative' | 'brush' | 'eraser' | 'polygon' | 'cut';

/** A finished mask of the image. */
export interface MaskItem {
  id: number;
  shape: MaskShape;
  color: string;
}

/** How masks look. */
export interface MaskStyle {
  /** Of the object being worked on, 0 to 1; finished ones are fainter. */
  opacity: number;
  /** CSS pixels; 0: no outlines. */
  outline: number;
}

/** The call that can be dragged. */
export interface EditableCall {
  /** Changes when another call is meant, so that a drag under way is not confused. */
  key: string;
  gesture: Gesture;
  color: string;
  /** Not run yet: drawn dashed. */
  ghost: boolean;
}

/** Everything that the canvas shows, in image pixels. */
export interface Scene {
  image: Picture | null;
  size: Size | null;
  items: readonly MaskItem[];
  hoveredId: number | null;
  selectedId: number | null;
  /** Selected beside that one. */
  alsoSelected: readonly number[];
  /** Mask of the object being worked on, and of the episode's other objects. */
  active: MaskShape | null;
  siblings: readonly MaskShape[];
  /** What a proposed or dragged prompt would give. */
  preview: { shape: MaskShape; color: string } | null;
  /** Prompts of the active object that are not being edited. */
  prompts: { box: Box | null; points: readonly (Point & { label: PointLabel })[] };
  editable: EditableCall | null;
  /** A person's call that is being run. */
  underway: Gesture | null;
  /** The rectangle that the agent sees, when that is not the whole image. */
  view: Box | null;
  tool: Tool;
  polygon: readonly Point[];
  masksVisible: boolean;
  style: MaskStyle;
}

export const emptyScene: Scene = {
  image: null,
  size: null,
  items: [],
  hoveredId: null,
  selectedId: null,
  alsoSelected: [],
  active: null,
  siblings: [],
  preview: null,
  prompts: { box: null, points: [] },
  editable: null,
  underway: null,
  view: null,
  tool: 'select',
  polygon: [],
  masksVisible: true,
  style: { opacity: 0.4, outline: 1 },
};

/** From image pixels to CSS pixels of the canvas: screen = image × zoom + (x, y). */
export interface ViewTransform {
  zoom: number;
  x: number;
  y: number;
}

export interface StageEvents {
  readonly edit: EditEvents;
  /** A person's finished gesture. */
  gesture(gesture: Gesture): void;
  /** A new box while it is being dragged, null when that ended. */
  drafted(gesture: Gesture | null): void;
  /** The editable call while it is being dragged. */
  dragged(gesture: Gesture): void;
  /** The editable call after it was dragged. */
  edited(gesture: Gesture): void;
  /** A click on masks, topmost first; `adds` to what is selected. */
  picked(ids: number[], adds: boolean): void;
  /** A double click with the select tool. */
  opened(ids: number[]): void;
  hovered(id: number | null): void;
  /** The point that a click would make, while the cursor rests or moves without a button; null when it would make none. */
  probed(gesture: Gesture | null): void;
  moved(point: Point | null): void;
  vertex(point: Point): void;
  closePolygon(): void;
  viewed(view: ViewTransform, viewport: Size): void;
}
