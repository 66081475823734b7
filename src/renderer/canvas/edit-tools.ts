import type { Point } from '@shared/geometry/types';
import type { PaintedMask } from '@shared/mask/brush';
import {
  addCorner,
  type Corner,
  cornerAt,
  moveCorner,
  nearestCorner,
  nearestSide,
  removeCorner,
} from '@shared/mask/polygon-edit';
import type { PolygonPart } from '@shared/mask/polygon-ring';
import type { EditLayer } from './edit-layer';
import type { EditEvents, EditScene } from './edit-scene';

/** Screen pixels. */
const cornerReach = 8;
const sideReach = 6;
const slop = 3;

type Gesture =
  | { kind: 'stroke'; mask: PaintedMask; last: Point; erases: boolean; turned: boolean }
  | { kind: 'corner'; parts: readonly PolygonPart[]; corner: Corner; start: Point; moved: boolean }
  | { kind: 'cut'; from: Point };

/** A place of the pointer; `pressure` 0..1, of pens only. */
export interface Sample extends Point {
  pressure: number | null;
}

/** What the pointer does with the tools that change masks: brush, eraser, corners of polygons, cut. */
export class EditTools {
  readonly #layer: EditLayer;
  readonly #events: EditEvents;
  #scene: EditScene | null = null;
  #gesture: Gesture | null = null;

  constructor(layer: EditLayer, events: EditEvents) {
    this.#layer = layer;
    this.#events = events;
  }

  setScene(scene: EditScene | null): void {
    this.#scene = scene;
    if (!scene?.polygon) this.#layer.setHovered(null);
  }

  get isBusy(): boolean {
    return this.#gesture !== null;
  }

  get paints(): boolean {
    return this.#scene?.brush != null;
  }

  /** The cursor for a place, when a tool of these is in hand. */
  cursorAt(point: Point, zoom: number): string | null {
    const { brush, cuts, polygon } = this.#scene ?? {};
    if (brush) return 'none';
    if (cuts) return 'crosshair';
    if (!polygon) return null;
    if (nearestCorner(polygon.parts, point, cornerReach / zoom)) return 'move';
    return nearestSide(polygon.parts, point, sideReach / zoom) ? 'copy' : null;
  }

  /** @returns whether the press belongs to one of these tools */
  down(sample: Sample, event: MouseEvent, zoom: number): boolean {
    const scene = this.#scene;
    if (!scene) return false;
    if (scene.brush && (event.button === 0 || event.button === 2)) {
      const turned = event.button === 2;
      const erases = scene.brush.erases !== (event.altKey || turned);
      const mask = this.#events.strokeBegan(erases);
      if (mask) {
        this.#gesture = { kind: 'stroke', mask, last: sample, erases, turned };
        this.#layer.setPainted(mask);
        this.#paint(this.#gesture, sample);
      }
      return true;
    }
    if (event.button !== 0) return false;
    if (scene.cuts) {
      this.#gesture = { kind: 'cut', from: sample };
      return true;
    }
    return scene.polygon ? this.#downOnPolygon(scene.polygon, sample, event, zoom) : false;
  }

  #downOnPolygon(
    { parts, selected }: NonNullable<EditScene['polygon']>,
    point: Point,
    event: MouseEvent,
    zoom: number,
  ): boolean {
    const corner = nearestCorner(parts, point, cornerReach / zoom);
    if (corner && event.altKey) {
      this.#events.polygonEdited(removeCorner(parts, corner));
      return true;
    }
    if (corner && event.shiftKey && selected) {
      this.#events.cornersJoined(selected, corner);
      return true;
    }
    if (corner) {
      this.#events.cornerSelected(corner);
      this.#gesture = { kind: 'corner', parts, corner, start: point, moved: false };
      return true;
    }
    const side = nearestSide(parts, point, sideReach / zoom);
    if (!side || event.altKey) return false;
    const added = { ...side.corner, index: side.corner.index + 1 };
    const longer = addCorner(parts, side.corner, side.at);
    this.#gesture = { kind: 'corner', parts: longer, corner: added, start: point, moved: true };
    this.#events.polygonDragged(longer, added);
    return true;
  }

  /** All places of the pointer since the last call, the newest last. */
  move(samples: readonly Sample[], event: MouseEvent, zoom: number): void {
    const last = samples.at(-1);
    if (!last) return;
    const gesture = this.#gesture;
    if (!gesture) {
      const { polygon } = this.#scene ?? {};
      if (polygon) this.#layer.setHovered(nearestCorner(polygon.parts, last, cornerReach / zoom));
    } else if (gesture.kind === 'stroke') {
      if (!gesture.turned && this.#scene?.brush) {
        // Alt switches between painting and erasing in the midst of a stroke.
        gesture.erases = this.#scene.brush.erases !== event.altKey;
      }
      for (const sample of samples) this.#paint(gesture, sample);
    } else if (gesture.kind === 'cut') {
      this.#layer.setCut({ from: gesture.from, to: last });
      this.#events.cutDrawn(gesture.from, last);
    } else if (
      gesture.moved ||
      Math.hypot(last.x - gesture.start.x, last.y - gesture.start.y) * zoom > slop
    ) {
      gesture.moved = true;
      const before = cornerAt(gesture.parts, gesture.corner);
      if (!before) return;
      gesture.parts = moveCorner(gesture.parts, gesture.corner, { x: last.x, y: last.y });
      this.#events.polygonDragged(gesture.parts, gesture.corner);
    }
    this.showPointer(last, event.altKey);
  }

  up(point: Point): void {
    const gesture = this.#gesture;
    this.#gesture = null;
    if (gesture?.kind === 'stroke') {
      this.#events.strokeEnded(gesture.mask, gesture.erases);
      this.#layer.setPainted(null);
    } else if (gesture?.kind === 'cut') {
      this.#layer.setCut(null);
      this.#events.cutEnded(gesture.from, point);
    } else if (gesture?.kind === 'corner' && gesture.moved) this.#events.polygonEdited(gesture.parts);
  }

  showPointer(point: Point | null, altHeld: boolean): void {
    const { brush } = this.#scene ?? {};
    this.#layer.setPointer(point, brush ? brush.erases !== altHeld : false);
  }

  #paint(stroke: Extract<Gesture, { kind: 'stroke' }>, sample: Sample): void {
    const { brush } = this.#scene ?? {};
    if (!brush) return;
    // A pen that is pressed lightly paints half as wide.
    const radius = (brush.diameter / 2) * (sample.pressure === null ? 1 : 0.5 + sample.pressure / 2);
    const box = stroke.mask.paint(stroke.last, sample, radius, stroke.erases ? 0 : 1);
    stroke.last = sample;
    if (box) this.#layer.touched(box);
  }
}
