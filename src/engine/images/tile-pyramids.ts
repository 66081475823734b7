import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { type Tile, tileGrid, tileSize } from '@shared/geometry/tiles';
import type { Size } from '@shared/geometry/types';
import sharp, { type Sharp } from 'sharp';
import { asUnreadable, maxPixels } from './decode-image';

/** Longest side of an overview in pixels. */
const overviewSide = 2048;
/** Pyramids kept on disk; the longest unused go first. */
const keptPyramids = 24;
/** Overviews kept on disk, likewise. */
const keptOverviews = 240;

const touchMilliseconds = 60_000;

/** Names the form of what is cached: another one is made anew. */
const version = 1;

/** An image file and what is known of it. */
export interface LargeImage {
  path: string;
  /** sha256 of the file's bytes. */
  hash: string;
  size: Size;
}

/**
 * Overviews and tiles of large images, made once from the file in a single pass that never holds the whole picture,
 * and kept in a folder that may be deleted at any time.
 */
export class TilePyramids {
  private readonly folder: string;
  /** Under way, by name: asked for twice, they are made once. */
  private readonly work = new Map<string, Promise<void>>();
  /** One after another: each takes all cores and hundreds of megabytes. */
  private queue: Promise<unknown> = Promise.resolve();
  /** When something was last noted as used, by path; milliseconds. */
  private readonly touched = new Map<string, number>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The whole image as JPEG, scaled down. Throws IMAGE_UNREADABLE. */
  async overview(image: LargeImage): Promise<Uint8Array<ArrayBuffer>> {
    const file = join(this.folder, `${nameOf(image)}.jpg`);
    return this.made(file, async () => {
      await mkdir(this.folder, { recursive: true });
      await this.makeRoom(keptOverviews, (state) => state.isFile());
      const partial = `${file}.${process.pid}.partial`;
      await read(image.path)
        .resize(overviewSide, overviewSide, { fit: 'inside' })
        .jpeg({ quality: 88 })
        .toFile(partial);
      await rename(partial, file);
    });
  }

  /** One tile as JPEG. Throws NOT_FOUND outside of the image, IMAGE_UNREADABLE. */
  async tile(image: LargeImage, tile: Tile): Promise<Uint8Array<ArrayBuffer>> {
    const { columns, rows } = tileGrid(image.size, tile.level);
    const levels = Math.ceil(Math.log2(Math.max(image.size.width, image.size.height)));
    if (tile.column >= columns || tile.row >= rows || tile.level > levels) {
      throw new MaskwrightError('NOT_FOUND', 'The image has no such tile.');
    }
    const pyramid = join(this.folder, nameOf(image));
    const file = join(pyramid, `tiles_files`, String(levels - tile.level), `${tile.column}_${tile.row}.jpeg`);
    return this.made(file, () => this.build(image, pyramid), pyramid);
  }

  /** What is in a file, which is made when it is not there. */
  private async made(file: string, make: () => Promise<void>, key = file): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const bytes = new Uint8Array(await readFile(file));
      await this.touch(key);
      return bytes;
    } catch {
      // Not made yet.
    }
    let work = this.work.get(key);
    if (!work) {
      work = this.queue.then(make);
      this.queue = work.catch(() => {});
      this.work.set(key, work);
      work.finally(() => this.work.delete(key)).catch(() => {});
    }
    try {
      await work;
      return new Uint8Array(await readFile(file));
    } catch (error) {
      throw asUnreadable(error);
    }
  }

  private async build(image: LargeImage, pyramid: string): Promise<void> {
    if (await isThere(pyramid)) return;
    await mkdir(this.folder, { recursive: true });
    await this.makeRoom(keptPyramids, (state) => state.isDirectory());
    const partial = await mkdtemp(join(this.folder, 'partial-'));
    try {
      await read(image.path)
        .jpeg({ quality: 90, chromaSubsampling: '4:4:4' })
        .tile({ size: tileSize, overlap: 0, layout: 'dz', depth: 'onepixel' })
        .toFile(join(partial, 'tiles.dz'));
      await rename(partial, pyramid);
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
    await this.touch(pyramid);
  }

  /** Notes on disk that something is in use, at most once a minute; what was deleted meanwhile needs no note. */
  private async touch(path: string): Promise<void> {
    const now = Date.now();
    if (now - (this.touched.get(path) ?? 0) < touchMilliseconds) return;
    this.touched.set(path, now);
    await utimes(path, now / 1000, now / 1000).catch(() => {});
  }

  /** Deletes the longest unused so that one more of a kind can come. */
  private async makeRoom(kept: number, isOfKind: (state: Stats) => boolean): Promise<void> {
    const names = await readdir(this.folder);
    const found: { path: string; usedAt: number }[] = [];
    for (const name of names) {
      const path = join(this.folder, name);
      const state = await stat(path).catch(() => null);
      if (state && isOfKind(state)) found.push({ path, usedAt: state.mtimeMs });
    }
    found.sort((a, b) => b.usedAt - a.usedAt);
    for (const { path } of found.slice(kept - 1)) {
      this.touched.delete(path);
      await rm(path, { recursive: true, force: true });
    }
  }
}

function nameOf({ hash }: LargeImage): string {
  return createHash('sha1').update(`${hash} ${tileSize} ${overviewSide} ${version}`).digest('hex');
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Upright, in sRGB, without transparency: what a browser would show. */
function read(path: string): Sharp {
  return sharp(path, { failOn: 'error', limitInputPixels: maxPixels })
    .rotate()
    .removeAlpha()
    .toColourspace('srgb');
}
