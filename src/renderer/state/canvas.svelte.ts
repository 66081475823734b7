import type { Gesture } from '@shared/contract/methods';
import type { Point, Size } from '@shared/geometry/types';
import type { Rle } from '@shared/mask/rle';
import type { Tool, ViewTransform } from '../canvas/scene';
import type { Stage } from '../canvas/stage';

/** These work on the selected mask, or select it. */
const keepSelection: ReadonlySet<Tool> = new Set<Tool>(['select', 'brush', 'eraser', 'polygon', 'cut']);

/** What is going on on the canvas; nothing of it is recorded. */
export class CanvasState {
  tool = $state<Tool>('select');
  masksVisible = $state(true);
  view = $state.raw<ViewTransform>({ zoom: 1, x: 0, y: 0 });
  viewport = $state.raw<Size>({ width: 0, height: 0 });
  cursor = $state.raw<Point | null>(null);
  hoveredId = $state<number | null>(null);
  selectedId = $state<number | null>(null);
  /** Masks selected beside that one, to be joined or copied with it. */
  alsoSelected = $state.raw<readonly number[]>([]);
  polygon = $state.raw<readonly Point[]>([]);
  /** The editable call as it is being moved by keyboard, not committed yet. */
  staged = $state.raw<Gesture | null>(null);
  /** A gesture under way, to be previewed. */
  dragged = $state.raw<Gesture | null>(null);
  /** The person's call that is being run, shown until its result is there. */
  underway = $state.raw<Gesture | null>(null);
  preview = $state.raw<Rle | null>(null);
  stage: Stage | null = null;

  setTool(tool: Tool): void {
    this.tool = tool;
    if (tool !== 'polygon') this.polygon = [];
    if (!keepSelection.has(tool)) {
      this.selectedId = null;
      this.alsoSelected = [];
    }
  }

  /** Back to how an image is first shown; the tool stays. */
  clear(): void {
    this.polygon = [];
    this.staged = null;
    this.dragged = null;
    this.underway = null;
    this.preview = null;
    this.hoveredId = null;
    this.selectedId = null;
    this.alsoSelected = [];
  }
}
