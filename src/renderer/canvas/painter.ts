import type { Gesture } from '@shared/contract/methods';
import type { Box, Point, Size } from '@shared/geometry/types';
import type { PointLabel } from '@shared/tools/definitions';
import { type MaskPiece, outlineOf, tintOf, without } from './mask-piece';
import type { MaskItem, Scene, ViewTransform } from './scene';

/** Colours on pictures are the same in both themes: they are judged against the picture, not the window. */
export const paint = {
  active: '#21c48c',
  sibling: '#56b4e9',
  positive: '#21b47f',
  negative: '#e0533a',
  view: '#b49be8',
} as const;

const nearestFrom = 3;
const gridFrom = 8;
/** Outlines of more masks than this would slow down panning. */
const outlinesUpTo = 150;

/** Paints image, masks, prompts and drafts. Masks are bitmaps: never smoothed, their edges on pixel borders. */
export class Painter {
  cursor: Point | null = null;
  #layer: HTMLCanvasElement | null = null;
  #layerOf: readonly MaskItem[] | null = null;
  #layerSize = '';

  paint(
    context: CanvasRenderingContext2D,
    scene: Scene,
    view: ViewTransform,
    viewport: Size,
    drag: { band: Box | null; gesture: Gesture | null },
  ): void {
    const { size, image } = scene;
    if (!size) return;
    context.save();
    context.translate(view.x, view.y);
    context.scale(view.zoom, view.zoom);
    if (image) {
      context.imageSmoothingEnabled = view.zoom < nearestFrom;
      context.imageSmoothingQuality = 'medium';
      context.drawImage(image, 0, 0, size.width, size.height);
    }
    context.imageSmoothingEnabled = false;
    if (scene.masksVisible) this.#masks(context, scene, size, view.zoom);
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

  #masks(context: CanvasRenderingContext2D, scene: Scene, size: Size, zoom: number): void {
    const { items, active, preview } = scene;
    if (items.length > 0) {
      context.drawImage(this.#compose(items, size), 0, 0);
      if (items.length <= outlinesUpTo) {
        for (const item of items) outline(context, item.piece, item.color, 1, zoom);
      }
    }
    for (const item of items) {
      if (item.id !== scene.selectedId && item.id !== scene.hoveredId) continue;
      fill(context, item.piece, item.color, 0.3);
      outline(context, item.piece, '#ffffff', item.id === scene.selectedId ? 3.5 : 2, zoom);
      outline(context, item.piece, item.color, 1.5, zoom);
    }
    for (const piece of scene.siblings) {
      fill(context, piece, paint.sibling, 0.4);
      outline(context, piece, paint.sibling, 1.25, zoom);
    }
    if (active) {
      fill(context, active, paint.active, 0.5);
      outline(context, active, 'rgb(255 255 255 / 85%)', 2.5, zoom);
      outline(context, active, '#0f9d6c', 1.25, zoom);
    }
    if (preview) {
      // What would come and what would go, when there is a mask already.
      const removed = active ? without(active, preview.piece) : null;
      const added = active ? without(preview.piece, active) : preview.piece;
      if (removed) fill(context, removed, paint.negative, 0.55);
      if (added) fill(context, added, preview.color, 0.45);
      context.setLineDash([5 / zoom, 4 / zoom]);
      outline(context, preview.piece, '#ffffff', 1.25, zoom);
      context.setLineDash([]);
    }
  }

  #compose(items: readonly MaskItem[], size: Size): HTMLCanvasElement {
    const key = `${size.width} ${size.height}`;
    if (this.#layer && this.#layerOf === items && this.#layerSize === key) return this.#layer;
    const layer = this.#layer ?? document.createElement('canvas');
    layer.width = size.width;
    layer.height = size.height;
    const context = layer.getContext('2d');
    for (const item of items)
      context?.drawImage(tintOf(item.piece, item.color, 0.3), item.piece.x, item.piece.y);
    this.#layer = layer;
    this.#layerOf = items;
    this.#layerSize = key;
    return layer;
  }
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
