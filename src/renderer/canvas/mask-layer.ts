import { intersectBoxes } from '@shared/geometry/box';
import {
  parentTile,
  type Tile,
  tileBox,
  tileKey,
  tileSize,
  tileStep,
  tilesIn,
  topLevel,
} from '@shared/geometry/tiles';
import type { Box, Size } from '@shared/geometry/types';
import { type MaskRuns, sampleRuns } from '@shared/mask/runs';
import type { ViewTransform } from './scene';

/** A mask in a layer. */
export interface LayerMask {
  runs: MaskRuns;
  /** Red, green, blue, 0 to 255. */
  color: readonly [number, number, number];
  /** Of its inside, 0 to 1. */
  alpha: number;
  /** Thickness of its border in pixels of the screen; 0: none. */
  border: number;
}

interface Entry {
  canvas: OffscreenCanvas;
  /** A mask in it has changed: shown until it is painted anew. */
  stale: boolean;
}

/** Each takes 1 MB. */
const keptTiles = 80;
/** Milliseconds of one frame that may go into painting tiles; the others wait for the next frame. */
const frameBudget = 6;
const borderAlpha = 0.95;
/** From this many screen pixels for an image pixel, borders are drawn as lines by whoever owns the layer. */
const linesFrom = 4;

/**
 * Any number of masks, painted into tiles by resolution. Panning and zooming only copy tiles; a changed mask costs the
 * tiles that it lies in. What is not painted in time is shown from another resolution meanwhile.
 */
export class MaskLayer {
  readonly #redraw: () => void;
  readonly #tiles = new Map<string, Entry>();
  #masks: readonly LayerMask[] = [];
  #size: Size = { width: 1, height: 1 };

  /** @param redraw asks for another frame, when tiles were left over */
  constructor(redraw: () => void) {
    this.#redraw = redraw;
  }

  /** Bottom first. */
  set(masks: readonly LayerMask[], size: Size): void {
    if (size.width !== this.#size.width || size.height !== this.#size.height) {
      this.#tiles.clear();
      this.#size = size;
    } else {
      for (const box of changedBoxes(this.#masks, masks, size)) this.#invalidate(box);
    }
    this.#masks = masks;
  }

  /** Whether borders are drawn by the layer itself at this scale (device pixels for an image pixel). */
  static drawsBorders(scale: number): boolean {
    return scale < linesFrom;
  }

  /**
   * Draws what is seen.
   *
   * @param context in CSS pixels of the canvas
   * @param ratio device pixels for a CSS pixel
   */
  draw(context: CanvasRenderingContext2D, view: ViewTransform, viewport: Size, ratio: number): void {
    if (this.#masks.length === 0) return;
    const scale = view.zoom * ratio;
    const level = levelFor(scale, topLevel(this.#size));
    const seen = seenBox(view, viewport, this.#size);
    if (!seen) return;
    const start = performance.now();
    let painted = 0;
    let missing = false;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.imageSmoothingEnabled = scale < 1;
    context.imageSmoothingQuality = 'low';
    const tiles = tilesIn(seen, this.#size, level);
    for (const tile of tiles) {
      let entry = this.#take(tile, scale);
      if (!entry || entry.stale) {
        if (painted === 0 || performance.now() - start < frameBudget) {
          entry = this.#paint(tile, scale, entry);
          painted++;
        } else missing = true;
      }
      if (entry) copy(context, entry.canvas, tile, tileBox(tile, this.#size), view, ratio);
      else this.#substitute(context, tile, scale, view, ratio);
    }
    context.restore();
    this.#forget(Math.max(keptTiles, tiles.length * 2));
    if (missing) this.#redraw();
  }

  clear(): void {
    this.#tiles.clear();
    this.#masks = [];
  }

  #take(tile: Tile, scale: number): Entry | undefined {
    const key = keyOf(tile, scale);
    const entry = this.#tiles.get(key);
    if (!entry) return undefined;
    this.#tiles.delete(key);
    this.#tiles.set(key, entry);
    return entry;
  }

  #forget(kept: number): void {
    for (const key of this.#tiles.keys()) {
      if (this.#tiles.size <= kept) return;
      this.#tiles.delete(key);
    }
  }

  #invalidate(box: Box): void {
    for (const [key, entry] of this.#tiles) {
      const tile = tileOf(key);
      if (intersectBoxes(grown(tileBox(tile, this.#size), 2 * tileStep(tile.level)), box)) entry.stale = true;
    }
  }

  #paint(tile: Tile, scale: number, old: Entry | undefined): Entry {
    const entry: Entry = { canvas: old?.canvas ?? new OffscreenCanvas(tileSize, tileSize), stale: false };
    paintTile(entry.canvas, tile, this.#size, this.#masks, MaskLayer.drawsBorders(scale));
    this.#tiles.set(keyOf(tile, scale), entry);
    return entry;
  }

  /** Something of another resolution in place of a tile that is not there yet. */
  #substitute(
    context: CanvasRenderingContext2D,
    tile: Tile,
    scale: number,
    view: ViewTransform,
    ratio: number,
  ): void {
    const part = tileBox(tile, this.#size);
    for (let parent = parentTile(tile); parent.level <= tile.level + 3; parent = parentTile(parent)) {
      const entry = this.#tiles.get(keyOf(parent, scale));
      if (!entry) continue;
      copy(context, entry.canvas, parent, part, view, ratio);
      return;
    }
    for (const finer of tilesIn(part, this.#size, tile.level - 1)) {
      const entry = this.#tiles.get(keyOf(finer, scale));
      if (entry) copy(context, entry.canvas, finer, tileBox(finer, this.#size), view, ratio);
    }
  }
}

/** At and above the image's own resolution whole multiples of it, so that edges stay on the borders of pixels. */
function levelFor(scale: number, top: number): number {
  if (scale >= linesFrom) return 0;
  if (scale >= 1) return scale >= 2 ? -1 : 0;
  return Math.min(top, Math.round(-Math.log2(scale)));
}

/** Tiles with and without borders are different ones. */
function keyOf(tile: Tile, scale: number): string {
  return MaskLayer.drawsBorders(scale) ? tileKey(tile) : `${tileKey(tile)}/plain`;
}

function tileOf(key: string): Tile {
  const [level = 0, column = 0, row = 0] = key.split('/').map(Number);
  return { level, column, row };
}

function seenBox(view: ViewTransform, viewport: Size, size: Size): Box | null {
  return intersectBoxes(
    {
      x1: -view.x / view.zoom,
      y1: -view.y / view.zoom,
      x2: (viewport.width - view.x) / view.zoom,
      y2: (viewport.height - view.y) / view.zoom,
    },
    { x1: 0, y1: 0, x2: size.width, y2: size.height },
  );
}

/** Copies a part (image pixels) of a tile to whole device pixels, so that tiles meet without a seam. */
export function copy(
  context: CanvasRenderingContext2D,
  picture: CanvasImageSource,
  tile: Tile,
  part: Box,
  view: ViewTransform,
  ratio: number,
): void {
  const step = tileStep(tile.level);
  const left = tile.column * tileSize * step;
  const top = tile.row * tileSize * step;
  const x1 = Math.round((part.x1 * view.zoom + view.x) * ratio);
  const y1 = Math.round((part.y1 * view.zoom + view.y) * ratio);
  const x2 = Math.round((part.x2 * view.zoom + view.x) * ratio);
  const y2 = Math.round((part.y2 * view.zoom + view.y) * ratio);
  if (x2 <= x1 || y2 <= y1) return;
  context.drawImage(
    picture,
    (part.x1 - left) / step,
    (part.y1 - top) / step,
    (part.x2 - part.x1) / step,
    (part.y2 - part.y1) / step,
    x1,
    y1,
    x2 - x1,
    y2 - y1,
  );
}

/** Around every mask that is in only one of the lists; of the whole image when their order changed. */
function changedBoxes(before: readonly LayerMask[], after: readonly LayerMask[], size: Size): Box[] {
  if (before === after) return [];
  const keyed = (masks: readonly LayerMask[]): Map<MaskRuns, LayerMask> =>
    new Map(masks.map((mask) => [mask.runs, mask]));
  const old = keyed(before);
  const now = keyed(after);
  const isSame = (a: LayerMask, b: LayerMask | undefined): boolean =>
    !!b && a.alpha === b.alpha && a.border === b.border && a.color.every((value, i) => value === b.color[i]);
  const commonBefore = before.filter((mask) => isSame(mask, now.get(mask.runs)));
  const commonAfter = after.filter((mask) => isSame(mask, old.get(mask.runs)));
  if (
    commonBefore.length !== commonAfter.length ||
    commonBefore.some((mask, i) => mask.runs !== commonAfter[i]?.runs)
  ) {
    return [{ x1: 0, y1: 0, x2: size.width, y2: size.height }];
  }
  const kept = new Set(commonAfter.map(({ runs }) => runs));
  return [...before, ...after].filter(({ runs }) => !kept.has(runs)).map(({ runs }) => runs.box);
}

/** One more pixel on every side, so that borders are right at the edges of tiles. */
const margin = 4;
const side = tileSize + 2 * margin;
const coverage = new Uint8Array(side * side);

function paintTile(
  canvas: OffscreenCanvas,
  tile: Tile,
  size: Size,
  masks: readonly LayerMask[],
  withBorders: boolean,
): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const step = tileStep(tile.level);
  const box = tileBox(tile, size);
  const image = new ImageData(tileSize, tileSize);
  const raster = {
    x: tile.column * tileSize * step - margin * step,
    y: tile.row * tileSize * step - margin * step,
    step,
    width: side,
    height: side,
  };
  for (const mask of masks) {
    if (!intersectBoxes(grown(mask.runs.box, step), grown(box, margin * step))) continue;
    const covered = sampleRuns(mask.runs, raster, coverage);
    if (!covered) continue;
    blend(image.data, covered, mask, withBorders ? Math.min(margin, Math.ceil(mask.border)) : 0);
    for (let y = covered.y1; y < covered.y2; y++) {
      coverage.fill(0, y * side + covered.x1, y * side + covered.x2);
    }
  }
  context.putImageData(image, 0, 0);
}

function grown({ x1, y1, x2, y2 }: Box, by: number): Box {
  return { x1: x1 - by, y1: y1 - by, x2: x2 + by, y2: y2 + by };
}

/** Lays one mask over what a tile holds already. */
function blend(pixels: Uint8ClampedArray, covered: Box, mask: LayerMask, border: number): void {
  const [r, g, b] = mask.color;
  const x1 = Math.max(margin, covered.x1);
  const x2 = Math.min(side - margin, covered.x2);
  const y1 = Math.max(margin, covered.y1);
  const y2 = Math.min(side - margin, covered.y2);
  for (let y = y1; y < y2; y++) {
    for (let x = x1; x < x2; x++) {
      const at = y * side + x;
      if (coverage[at] === 0) continue;
      let isBorder = false;
      for (let d = 1; d <= border && !isBorder; d++) {
        isBorder =
          coverage[at - d] === 0 ||
          coverage[at + d] === 0 ||
          coverage[at - d * side] === 0 ||
          coverage[at + d * side] === 0;
      }
      const alpha = isBorder ? borderAlpha : mask.alpha;
      const o = ((y - margin) * tileSize + x - margin) * 4;
      const under = (pixels[o + 3] ?? 0) / 255;
      const below = under * (1 - alpha);
      const sum = alpha + below;
      if (sum === 0) continue;
      pixels[o] = (r * alpha + (pixels[o] ?? 0) * below) / sum;
      pixels[o + 1] = (g * alpha + (pixels[o + 1] ?? 0) * below) / sum;
      pixels[o + 2] = (b * alpha + (pixels[o + 2] ?? 0) * below) / sum;
      pixels[o + 3] = sum * 255;
    }
  }
}
