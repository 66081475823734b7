import type { Gesture } from '@shared/contract/methods';
import type { Box, Point, Size } from '@shared/geometry/types';
import type { PointLabel } from '@shared/tools/definitions';
import { type LayerMask, MaskLayer } from './mask-layer';
import { type MaskPiece, outlineOf, rgb, tintOf, without } from './mask-piece';
import type { MaskShape } from './mask-shape';
import type { MaskItem, MaskStyle, Scene, ViewTransform } from './scene';

/** Colours on pictures are the same in both themes: they are judged against the picture, not the window. */
export const paint = {
  active: '#21c48c',
  sibling: '#56b4e9',
  positive: '#21b47f',
  negative: '#e0533a',
  view: '#b49be8',
} as const;

const gridFrom = 8;
/** Finished masks are fainter than the one being worked on. */
const itemShare = 0.75;

/** Paints image, masks, prompts and drafts. Masks are bitmaps: never smoothed, their edges on pixel borders. */
export class Painter {
  cursor: Point | null = null;
  readonly #items: MaskLayer;
  /** Masks that are too large to be decoded, whatever they are. */
  readonly #large: MaskLayer;
  #layerOf: { items: readonly MaskItem[]; style: MaskStyle } | null = null;

  /** @param redraw asks for another frame */
  constructor(redraw: () => void) {
    this.#items = new MaskLayer(redraw);
    this.#large = new MaskLayer(redraw);
  }

  paint(
    context: CanvasRenderingContext2D,
    scene: Scene,
    view: ViewTransform,
    viewport: Size,
    drag: { band: Box | null; gesture: Gesture | null },
  ): void {
    const { size, image } = scene;
    if (!size) return;
    const ratio = context.canvas.width / viewport.width;
    context.save();
    image?.paint(context, view, viewport, ratio);
    if (scene.masksVisible) this.#finished(context, scene, size, view, viewport, ratio);
    context.translate(view.x, view.y);
    context.scale(view.zoom, view.zoom);
    context.imageSmoothingEnabled = false;
    if (scene.masksVisible) this.#current(context, scene, size, view, viewport, ratio);
    if (view.zoom >= gridFrom) grid(context, size, view, viewport);
    if (scene.view) frame(context, scene.view, view.zoom);
    if (scene.masksVisible) {
      const { editable } = scene;
      if (scene.prompts.box) outlineBox(context, scene.prompts.box, paint.active, view.zoom, false);
      for (const point of scene.prompts.points) marker(context, point, point.label, view.zoom, null);
      if (editable && drag.gesture) prompt(context, drag.gesture, editable.color, view.zoom, editable.ghost);
    }
    if (scene.underway) prompt(context, scene.underway, paint.active, view.zoom, true);
    if (drag.band) outlineBox(context, drag.band, paint.active, view.zoom, true);
    context.restore();
  }

  /** Above fabric's objects: the polygon being drawn. */
  paintAbove(context: CanvasRenderingContext2D, scene: Scene, view: ViewTransform, _viewport: Size): void {
    const { polygon } = scene;
    const first = polygon[0];
    if (!first) return;
    const at = (point: Point): [number, number] => [
      point.x * view.zoom + view.x,
      point.y * view.zoom + view.y,
    ];
    context.save();
    context.beginPath();
    context.moveTo(...at(first));
    for (const point of polygon.slice(1)) context.lineTo(...at(point));
    if (this.cursor) context.lineTo(...at(this.cursor));
    context.closePath();
    context.fillStyle = 'rgb(33 196 140 / 18%)';
    context.fill();
    strokeTwice(context, paint.active, 1.5);
    polygon.forEach((point, index) => {
      const [x, y] = at(point);
      context.beginPath();
      context.arc(x, y, index === 0 ? 5 : 3.5, 0, 2 * Math.PI);
      context.fillStyle = index === 0 && polygon.length >= 3 ? paint.active : '#fff';
      context.strokeStyle = index === 0 && polygon.length >= 3 ? '#fff' : '#0b3d2c';
      context.lineWidth = 1.5;
      context.fill();
      context.stroke();
    });
    context.restore();
  }

  /** The image's annotations. */
  #finished(
    context: CanvasRenderingContext2D,
    scene: Scene,
    size: Size,
    view: ViewTransform,
    viewport: Size,
    ratio: number,
  ): void {
    const { items, style } = scene;
    const known = this.#layerOf;
    if (
      known?.items !== items ||
      known.style.opacity !== style.opacity ||
      known.style.outline !== style.outline
    ) {
      this.#items.set(
        items.map(({ shape, color }) => ({
          runs: shape.runs,
          color: rgb(color),
          alpha: style.opacity * itemShare,
          border: style.outline,
        })),
        size,
      );
      this.#layerOf = { items, style };
    }
    this.#items.draw(context, view, viewport, ratio);
    if (MaskLayer.drawsBorders(view.zoom * ratio) || style.outline === 0) return;
    context.save();
    context.translate(view.x, view.y);
    context.scale(view.zoom, view.zoom);
    for (const { shape, color } of items) {
      if (!isSeen(shape, view, viewport) || !shape.piece) continue;
      outline(context, shape.piece, color, style.outline, view.zoom);
    }
    context.restore();
  }

  /** What is pointed at, worked on, or proposed. @param context in image pixels */
  #current(
    context: CanvasRenderingContext2D,
    scene: Scene,
    size: Size,
    view: ViewTransform,
    viewport: Size,
    ratio: number,
  ): void {
    const { items, active, preview, style } = scene;
    const { zoom } = view;
    const large: LayerMask[] = [];
    const lay = (shape: MaskShape, color: string, alpha: number): void => {
      if (shape.piece) fill(context, shape.piece, color, alpha);
      else large.push({ runs: shape.runs, color: rgb(color), alpha, border: 2 });
    };
    const line = (shape: MaskShape, color: string, width: number): void => {
      if (shape.piece) outline(context, shape.piece, color, width, zoom);
    };
    for (const { id, shape, color } of items) {
      const isSelected = id === scene.selectedId || scene.alsoSelected.includes(id);
      if ((!isSelected && id !== scene.hoveredId) || !isSeen(shape, view, viewport)) continue;
      lay(shape, color, style.opacity * itemShare);
      line(shape, '#ffffff', isSelected ? 3.5 : 2);
      line(shape, color, 1.5);
    }
    for (const shape of scene.siblings) {
      lay(shape, paint.sibling, style.opacity);
      line(shape, paint.sibling, 1.25);
    }
    if (active) {
      lay(active, paint.active, Math.min(1, style.opacity * 1.25));
      line(active, 'rgb(255 255 255 / 85%)', 2.5);
      line(active, '#0f9d6c', 1.25);
    }
    if (preview) {
      // What would come and what would go, when there is a mask already.
      const now = active?.piece ?? null;
      const then = preview.shape.piece;
      const removed = now && then ? without(now, then) : null;
      const added = now && then ? without(then, now) : then;
      if (removed) fill(context, removed, paint.negative, 0.55);
      if (added) fill(context, added, preview.color, 0.45);
      if (!then) lay(preview.shape, preview.color, 0.45);
      context.setLineDash([5 / zoom, 4 / zoom]);
      line(preview.shape, '#ffffff', 1.25);
      context.setLineDash([]);
    }
    this.#large.set(large, size);
    this.#large.draw(context, view, viewport, ratio);
  }
}

function isSeen({ box }: MaskShape, view: ViewTransform, viewport: Size): boolean {
  return (
    box.x2 * view.zoom + view.x >= 0 &&
    box.y2 * view.zoom + view.y >= 0 &&
    box.x1 * view.zoom + view.x <= viewport.width &&
    box.y1 * view.zoom + view.y <= viewport.height
  );
}

function fill(context: CanvasRenderingContext2D, piece: MaskPiece, color: string, alpha: number): void {
  context.drawImage(tintOf(piece, color, alpha), piece.x, piece.y);
}

function outline(
  context: CanvasRenderingContext2D,
  piece: MaskPiece,
  color: string,
  width: number,
  zoom: number,
): void {
  context.strokeStyle = color;
  context.lineWidth = width / zoom;
  context.lineCap = 'square';
  context.stroke(outlineOf(piece));
}

function strokeTwice(context: CanvasRenderingContext2D, color: string, width: number): void {
  const dashes = context.getLineDash();
  context.setLineDash([]);
  context.strokeStyle = 'rgb(0 0 0 / 45%)';
  context.lineWidth = width * 2;
  context.stroke();
  context.setLineDash(dashes);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
}

function prompt(
  context: CanvasRenderingContext2D,
  gesture: Gesture,
  color: string,
  zoom: number,
  ghost: boolean,
): void {
  if (gesture.name === 'segment_box' || gesture.name === 'zoom') {
    outlineBox(context, gesture.box, color, zoom, ghost);
  } else if (gesture.name === 'add_point') {
    marker(context, gesture.point, gesture.label, zoom, color, ghost);
  }
}

function outlineBox(
  context: CanvasRenderingContext2D,
  box: Box,
  color: string,
  zoom: number,
  dashed: boolean,
): void {
  context.save();
  context.beginPath();
  context.rect(box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1);
  if (dashed) context.setLineDash([6 / zoom, 4 / zoom]);
  strokeTwice(context, color, 1.75 / zoom);
  context.restore();
}

function marker(
  context: CanvasRenderingContext2D,
  point: Point,
  label: PointLabel,
  zoom: number,
  ring: string | null,
  ghost = false,
): void {
  const px = 1 / zoom;
  context.save();
  context.translate(point.x, point.y);
  if (ring) {
    context.beginPath();
    context.arc(0, 0, 12.5 * px, 0, 2 * Math.PI);
    if (ghost) context.setLineDash([4 * px, 3 * px]);
    strokeTwice(context, ring, 1.75 * px);
    context.setLineDash([]);
  }
  context.beginPath();
  context.arc(0, 0, 8 * px, 0, 2 * Math.PI);
  context.fillStyle = label === 'positive' ? paint.positive : paint.negative;
  context.fill();
  context.strokeStyle = '#ffffff';
  context.lineWidth = 1.5 * px;
  context.stroke();
  context.beginPath();
  context.moveTo(-3.75 * px, 0);
  context.lineTo(3.75 * px, 0);
  if (label === 'positive') {
    context.moveTo(0, -3.75 * px);
    context.lineTo(0, 3.75 * px);
  }
  context.lineWidth = 1.75 * px;
  context.stroke();
  context.restore();
}

/** Corners of the rectangle that the agent looks at. */
function frame(context: CanvasRenderingContext2D, box: Box, zoom: number): void {
  const px = 1 / zoom;
  const length = Math.min(18 * px, (box.x2 - box.x1) / 3, (box.y2 - box.y1) / 3);
  context.beginPath();
  for (const [x, y, dx, dy] of [
    [box.x1, box.y1, 1, 1],
    [box.x2, box.y1, -1, 1],
    [box.x2, box.y2, -1, -1],
    [box.x1, box.y2, 1, -1],
  ] as const) {
    context.moveTo(x + dx * length, y);
    context.lineTo(x, y);
    context.lineTo(x, y + dy * length);
  }
  strokeTwice(context, paint.view, 2 * px);
}

function grid(context: CanvasRenderingContext2D, size: Size, view: ViewTransform, viewport: Size): void {
  const left = Math.max(0, Math.floor(-view.x / view.zoom));
  const top = Math.max(0, Math.floor(-view.y / view.zoom));
  const right = Math.min(size.width, Math.ceil((viewport.width - view.x) / view.zoom));
  const bottom = Math.min(size.height, Math.ceil((viewport.height - view.y) / view.zoom));
  context.beginPath();
  for (let x = left; x <= right; x++) {
    context.moveTo(x, top);
    context.lineTo(x, bottom);
  }
  for (let y = top; y <= bottom; y++) {
    context.moveTo(left, y);
    context.lineTo(right, y);
  }
  context.strokeStyle = 'rgb(128 128 128 / 35%)';
  context.lineWidth = 1 / view.zoom;
  context.stroke();
}
