import { intersectBoxes, uniteBoxes } from '@shared/geometry/box';
import type { Box, Point, Size } from '@shared/geometry/types';
import type { PaintedMask } from '@shared/mask/brush';
import { type PlacedMask, placedBox, subtractPlaced } from '@shared/mask/placed';
import { maskToPolygons } from '@shared/mask/polygon';
import { type Corner, ringsOf, sameCorner } from '@shared/mask/polygon-edit';
import type { PolygonPart } from '@shared/mask/polygon-ring';
import type { EditScene, LargePreview } from './edit-scene';
import { type LayerMask, MaskLayer } from './mask-layer';
import { rgb } from './mask-piece';
import { MaskTint } from './mask-tint';
import type { ViewTransform } from './scene';

const fillAlpha = 0.45;
const previewAlpha = 0.6;
const added = '#21c48c';
const removed = '#e0533a';
/** Told apart by people with any colour vision (Okabe and Ito). */
const partColors = ['#56b4e9', '#e69f00', '#cc79a7', '#f0e442', '#009e73', '#d55e00', '#0072b2'];
/** Screen pixels. */
const cornerRadius = 4;
/** With more corners than this in sight, only those near the pointer are drawn. */
const cornersInSight = 1500;
const cornersNear = 90;

/**
 * A canvas above the stage's for what is being changed by hand. While a stroke is painted, only the rectangle that
 * changed is drawn again, so that it keeps up with the pointer whatever lies below.
 */
export class EditLayer {
  readonly #canvas: HTMLCanvasElement;
  readonly #ring: HTMLElement;
  readonly #tint = new MaskTint();
  readonly #parts: MaskTint[] = [];
  readonly #large = new MaskLayer(() => this.#redraw());
  #scene: EditScene | null = null;
  #view: ViewTransform = { zoom: 1, x: 0, y: 0 };
  #viewport: Size = { width: 0, height: 0 };
  #cut: { from: Point; to: Point } | null = null;
  #pointer: Point | null = null;
  #hovered: Corner | null = null;
  #painted: { mask: PaintedMask; dirty: Box | null } | null = null;
  #frame = 0;
  /** Everything has to be drawn again, not only what is dirty. */
  #stale = false;

  constructor(host: HTMLElement) {
    this.#canvas = document.createElement('canvas');
    this.#canvas.className = 'edit-layer';
    this.#ring = document.createElement('div');
    this.#ring.className = 'brush-ring';
    this.#ring.hidden = true;
    for (const element of [this.#canvas, this.#ring]) {
      element.setAttribute('aria-hidden', 'true');
      Object.assign(element.style, { position: 'absolute', left: '0', top: '0', pointerEvents: 'none' });
    }
    Object.assign(this.#ring.style, {
      border: '1px solid #fff',
      borderRadius: '50%',
      boxShadow: '0 0 0 1px rgb(0 0 0 / 60%), inset 0 0 0 1px rgb(0 0 0 / 60%)',
    });
    host.append(this.#canvas, this.#ring);
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#canvas.remove();
    this.#ring.remove();
  }

  setScene(scene: EditScene | null): void {
    this.#scene = scene;
    if (scene?.large) this.#large.set(layersOf(scene.large, scene.color), scene.large.size);
    else this.#large.clear();
    this.#moveRing();
    this.#redraw();
  }

  setView(view: ViewTransform, viewport: Size): void {
    this.#view = view;
    this.#viewport = viewport;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(viewport.width * ratio);
    const height = Math.round(viewport.height * ratio);
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#canvas.style.width = `${viewport.width}px`;
      this.#canvas.style.height = `${viewport.height}px`;
    }
    this.#moveRing();
    this.#redraw();
  }

  /** Where the pointer is; null when it left. `erases` as the keys say now. */
  setPointer(point: Point | null, erases: boolean): void {
    this.#pointer = point;
    this.#ring.style.borderStyle = erases ? 'dashed' : 'solid';
    this.#moveRing();
    const { polygon } = this.#scene ?? {};
    if (polygon && cornersOf(polygon.parts) > cornersInSight) this.#redraw();
  }

  setHovered(corner: Corner | null): void {
    if (sameCorner(corner, this.#hovered)) return;
    this.#hovered = corner;
    this.#redraw();
  }

  setCut(cut: { from: Point; to: Point } | null): void {
    this.#cut = cut;
    this.#redraw();
  }

  /** Shows a mask while it is painted; `null` goes back to what the scene has. */
  setPainted(mask: PaintedMask | null): void {
    this.#painted = mask ? { mask, dirty: null } : null;
    this.#redraw();
  }

  /** Pixels of the painted mask changed in this box of the image. */
  touched(box: Box): void {
    const painted = this.#painted;
    if (!painted) return;
    const { dirty } = painted;
    painted.dirty = dirty ? uniteBoxes(dirty, box) : box;
    this.#request();
  }

  #redraw(): void {
    this.#stale = true;
    this.#request();
  }

  #request(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const context = this.#canvas.getContext('2d');
    if (!context) return;
    const painted = this.#painted;
    const dirty = painted?.dirty ?? null;
    if (painted) {
      this.#tint.show(painted.mask.part, dirty, this.#scene?.color ?? added, fillAlpha);
      painted.dirty = null;
    }
    const ratio = window.devicePixelRatio || 1;
    const { zoom, x, y } = this.#view;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (!this.#stale && painted && dirty) {
      // Whole screen pixels around what changed.
      const left = Math.floor(dirty.x1 * zoom + x) - 1;
      const top = Math.floor(dirty.y1 * zoom + y) - 1;
      const right = Math.ceil(dirty.x2 * zoom + x) + 1;
      const bottom = Math.ceil(dirty.y2 * zoom + y) + 1;
      context.beginPath();
      context.rect(left, top, right - left, bottom - top);
      context.clip();
      context.clearRect(left, top, right - left, bottom - top);
    } else {
      context.clearRect(0, 0, this.#viewport.width, this.#viewport.height);
    }
    this.#stale = false;
    if (this.#scene?.large) this.#large.draw(context, this.#view, this.#viewport, ratio);
    context.translate(x, y);
    context.scale(zoom, zoom);
    context.imageSmoothingEnabled = false;
    if (painted) this.#tint.draw(context);
    else if (this.#scene) this.#drawScene(context, this.#scene);
    context.restore();
  }

  #drawScene(context: CanvasRenderingContext2D, scene: EditScene): void {
    const { zoom } = this.#view;
    const { mask, preview, color } = scene;
    if (preview) {
      // Every part in a colour of its own, or what would come and what would go.
      const masks = preview.length === 1 ? differences(mask, preview[0]!) : preview;
      masks.forEach((part, i) => {
        const tint = this.#parts[i] ?? new MaskTint();
        this.#parts[i] = tint;
        const { shade, alpha } = shadeOf(i, preview.length === 1, color);
        tint.show(part, null, shade, alpha);
        tint.draw(context);
      });
      for (const part of preview) {
        context.setLineDash([5 / zoom, 4 / zoom]);
        stroke(context, outlineOf(part), '#ffffff', 1.5 / zoom);
        context.setLineDash([]);
      }
    } else if (mask) {
      this.#tint.show(mask, null, color, fillAlpha);
      this.#tint.draw(context);
      if (!scene.polygon) {
        const path = outlineOf(mask);
        stroke(context, path, '#ffffff', 3 / zoom);
        stroke(context, path, color, 1.5 / zoom);
      }
    }
    if (scene.polygon && !preview) this.#drawPolygon(context, scene.polygon);
    if (this.#cut) {
      const { from, to } = this.#cut;
      const path = new Path2D();
      path.moveTo(from.x, from.y);
      path.lineTo(to.x, to.y);
      stroke(context, path, 'rgb(0 0 0 / 70%)', 4 / zoom);
      stroke(context, path, '#ffffff', 1.75 / zoom);
    }
  }

  #drawPolygon(
    context: CanvasRenderingContext2D,
    { parts, selected }: NonNullable<EditScene['polygon']>,
  ): void {
    const { zoom, x, y } = this.#view;
    const path = new Path2D();
    for (const ring of parts.flatMap(ringsOf)) {
      for (let i = 0; i < ring.length; i += 2) {
        if (i === 0) path.moveTo(ring[0]!, ring[1]!);
        else path.lineTo(ring[i]!, ring[i + 1]!);
      }
      path.closePath();
    }
    stroke(context, path, 'rgb(0 0 0 / 60%)', 3.5 / zoom);
    stroke(context, path, '#ffffff', 1.5 / zoom);
    const visible = {
      x1: -x / zoom - 8 / zoom,
      y1: -y / zoom - 8 / zoom,
      x2: (this.#viewport.width - x) / zoom + 8 / zoom,
      y2: (this.#viewport.height - y) / zoom + 8 / zoom,
    };
    const isMany = cornersOf(parts) > cornersInSight;
    const near = isMany && this.#pointer ? around(this.#pointer, cornersNear / zoom) : null;
    const shown = isMany ? near && intersectBoxes(near, visible) : visible;
    parts.forEach((part, p) => {
      ringsOf(part).forEach((ring, r) => {
        for (let i = 0; i < ring.length; i += 2) {
          const [cx, cy] = [ring[i]!, ring[i + 1]!];
          const corner = { part: p, ring: r, index: i / 2 };
          const isSelected = sameCorner(corner, selected);
          const isInside = shown && cx >= shown.x1 && cx <= shown.x2 && cy >= shown.y1 && cy <= shown.y2;
          if (!isSelected && !isInside) continue;
          const isHovered = sameCorner(corner, this.#hovered);
          context.beginPath();
          context.arc(cx, cy, (cornerRadius + (isHovered ? 2 : 0)) / zoom, 0, 2 * Math.PI);
          context.fillStyle = isSelected ? '#2f6fed' : '#ffffff';
          context.fill();
          context.lineWidth = 1.5 / zoom;
          context.strokeStyle = isSelected ? '#ffffff' : '#16181c';
          context.stroke();
        }
      });
    });
  }

  #moveRing(): void {
    const { brush } = this.#scene ?? {};
    const at = this.#pointer;
    this.#ring.hidden = !brush || !at;
    if (!brush || !at) return;
    const { zoom, x, y } = this.#view;
    const size = Math.max(2, brush.diameter * zoom);
    this.#ring.style.width = `${size}px`;
    this.#ring.style.height = `${size}px`;
    this.#ring.style.transform = `translate(${at.x * zoom + x - size / 2}px, ${at.y * zoom + y - size / 2}px)`;
  }
}

function cornersOf(parts: readonly PolygonPart[]): number {
  return parts.reduce((sum, part) => sum + ringsOf(part).reduce((all, { length }) => all + length / 2, 0), 0);
}

function around({ x, y }: Point, reach: number): Box {
  return { x1: x - reach, y1: y - reach, x2: x + reach, y2: y + reach };
}

/** Of what stays, comes and goes, or of one of several parts. */
function shadeOf(index: number, isChange: boolean, color: string): { shade: string; alpha: number } {
  return isChange
    ? { shade: [color, added, removed][index] ?? color, alpha: index === 0 ? fillAlpha : previewAlpha }
    : { shade: partColors[index % partColors.length] ?? color, alpha: previewAlpha };
}

function layersOf({ change, parts }: LargePreview, color: string): LayerMask[] {
  return (change ?? parts).flatMap((runs, i) => {
    const { shade, alpha } = shadeOf(i, change !== null, color);
    return runs ? [{ runs, color: rgb(shade), alpha, border: 2 }] : [];
  });
}

/** What stays, what comes and what goes. */
function differences(before: PlacedMask | null, after: PlacedMask): (PlacedMask | null)[] {
  if (!before) return [null, after, null];
  const comes = subtractPlaced(after, [before]);
  const goes = subtractPlaced(before, [after]);
  return [comes ? subtractPlaced(after, [comes]) : after, comes, goes];
}

const outlines = new WeakMap<PlacedMask, Path2D>();

/** The borders between its pixels and the others: exactly on the edges of pixels. */
function outlineOf(mask: PlacedMask): Path2D {
  const known = outlines.get(mask);
  if (known) return known;
  const path = new Path2D();
  const { x1, y1 } = placedBox(mask);
  for (const ring of maskToPolygons(mask).flatMap(ringsOf)) {
    for (let i = 0; i < ring.length; i += 2) {
      if (i === 0) path.moveTo(x1 + ring[0]!, y1 + ring[1]!);
      else path.lineTo(x1 + ring[i]!, y1 + ring[i + 1]!);
    }
    path.closePath();
  }
  outlines.set(mask, path);
  return path;
}

function stroke(context: CanvasRenderingContext2D, path: Path2D, color: string, width: number): void {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.lineJoin = 'round';
  context.stroke(path);
}
