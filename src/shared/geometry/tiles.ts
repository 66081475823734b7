import { clamp } from './box';
import type { Box, Size } from './types';

/** Side of a tile in its own pixels. */
export const tileSize = 512;

/**
 * A square part of an image at one resolution. At level n one pixel of a tile is 2ⁿ pixels of the image wide: level 0
 * is the image itself, positive levels are scaled down, negative ones enlarged.
 */
export interface Tile {
  level: number;
  column: number;
  row: number;
}

/** Pixels of the image that one pixel of a tile is wide. */
export function tileStep(level: number): number {
  return 2 ** level;
}

/**
 * The coarsest level that still has a pixel for every pixel of the screen.
 *
 * @param scale screen pixels for one pixel of the image
 */
export function sharpLevel(scale: number, least: number, greatest: number): number {
  // A hair of tolerance: a scale of exactly 2ⁿ must not fall to the next level by rounding.
  return clamp(Math.floor(-Math.log2(scale) + 1e-9), least, greatest);
}

/** The finest level whose pixels are no smaller than those of the screen. */
export function coarseLevel(scale: number, least: number, greatest: number): number {
  // Adding 0 turns −0 into 0.
  return clamp(Math.ceil(-Math.log2(scale) - 1e-9) + 0, least, greatest);
}

/** The level at which the whole image fits into one tile. */
export function topLevel(size: Size): number {
  return Math.max(0, Math.ceil(Math.log2(Math.max(size.width, size.height) / tileSize)));
}

/** Number of columns and rows of tiles that cover an image. */
export function tileGrid(size: Size, level: number): { columns: number; rows: number } {
  const side = tileSize * tileStep(level);
  return { columns: Math.ceil(size.width / side), rows: Math.ceil(size.height / side) };
}

/** What a tile shows, in image pixels; its right and lower edge are cut off at the image's. */
export function tileBox(tile: Tile, size: Size): Box {
  const side = tileSize * tileStep(tile.level);
  const x1 = tile.column * side;
  const y1 = tile.row * side;
  return { x1, y1, x2: Math.min(size.width, x1 + side), y2: Math.min(size.height, y1 + side) };
}

/** Tiles that show any of a box (image pixels), nearest to its middle first. */
export function tilesIn(box: Box, size: Size, level: number): Tile[] {
  const side = tileSize * tileStep(level);
  const { columns, rows } = tileGrid(size, level);
  const left = Math.max(0, Math.floor(box.x1 / side));
  const top = Math.max(0, Math.floor(box.y1 / side));
  const right = box.x1 < size.width ? Math.min(columns, Math.ceil(box.x2 / side)) : 0;
  const bottom = box.y1 < size.height ? Math.min(rows, Math.ceil(box.y2 / side)) : 0;
  const tiles: Tile[] = [];
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) tiles.push({ level, column, row });
  }
  const middle = { x: (box.x1 + box.x2) / 2 / side - 0.5, y: (box.y1 + box.y2) / 2 / side - 0.5 };
  const away = ({ column, row }: Tile): number => Math.hypot(column - middle.x, row - middle.y);
  return tiles.sort((a, b) => away(a) - away(b));
}

/** The tile of the next coarser level that shows all of this one. */
export function parentTile({ level, column, row }: Tile): Tile {
  return { level: level + 1, column: column >> 1, row: row >> 1 };
}

export function tileKey({ level, column, row }: Tile): string {
  return `${level}/${column}/${row}`;
}
