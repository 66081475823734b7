import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import sharp from 'sharp';
import { asUnreadable, maxPixels } from './decode-image';

/** Longest side of a thumbnail in pixels: twice what lists show, for dense screens. */
export const thumbnailSize = 320;

/** What is read at the same time: lists stay lively while a mask is computed. */
const concurrency = 2;
/** What waits at most: more than a window shows, less than a person scrolls past. */
const maxWaiting = 120;

interface Waiting {
  imageId: string;
  start: () => void;
  giveUp: () => void;
}

const givenUp = (): MaskwrightError =>
  new MaskwrightError('CANCELLED', 'The thumbnail is not wanted any more.');

/**
 * Thumbnails (WebP, upright), made when somebody asks and kept in a folder by the hash of the image's file, so that
 * equal files and moved projects share them. The newest request is served first: it is the one in sight. The oldest
 * are given up when too many wait (CANCELLED), and so are those that `lookAt` does not name.
 */
export class Thumbnails {
  readonly #folder: string;
  readonly #waiting: Waiting[] = [];
  /** What is being made, by hash. */
  readonly #made = new Map<string, Promise<Uint8Array>>();
  #running = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The bytes of an image's thumbnail.
   *
   * @param file path of the image, `hash` the sha256 of its bytes, hex
   * @throws MaskwrightError IMAGE_UNREADABLE, or CANCELLED when it was given up
   */
  async read(imageId: string, file: string, hash: string): Promise<Uint8Array> {
    const target = join(this.#folder, hash.slice(0, 2), `${hash}-${thumbnailSize}.webp`);
    const kept = await readFile(target).catch(() => null);
    if (kept !== null) return new Uint8Array(kept);
    await this.#turn(imageId);
    try {
      const underway = this.#made.get(hash) ?? this.#make(file, target);
      this.#made.set(hash, underway);
      return await underway;
    } finally {
      this.#made.delete(hash);
      this.#running -= 1;
      this.#next();
    }
  }

  /** The images in sight now: thumbnails of others that still wait are given up. */
  lookAt(imageIds: readonly string[]): void {
    const wanted = new Set(imageIds);
    const dropped = this.#waiting.filter(({ imageId }) => !wanted.has(imageId));
    for (const waiting of dropped) this.#drop(waiting);
  }

  /** Resolves when it is this request's turn. */
  #turn(imageId: string): Promise<void> {
    if (this.#running < concurrency) {
      this.#running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ imageId, start: resolve, giveUp: () => reject(givenUp()) });
      const oldest = this.#waiting.length > maxWaiting ? this.#waiting[0] : undefined;
      if (oldest) this.#drop(oldest);
    });
  }

  #next(): void {
    const newest = this.#waiting.pop();
    if (!newest) return;
    this.#running += 1;
    newest.start();
  }

  #drop(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    waiting.giveUp();
  }

  async #make(file: string, target: string): Promise<Uint8Array> {
    // Another request may have made it while this one waited.
    const kept = await readFile(target).catch(() => null);
    if (kept !== null) return new Uint8Array(kept);
    let bytes: Buffer;
    try {
      bytes = await sharp(file, { failOn: 'error', limitInputPixels: maxPixels })
        .rotate()
        .resize(thumbnailSize, thumbnailSize, { fit: 'inside', withoutEnlargement: true })
        .webp({ quality: 78 })
        .toBuffer();
    } catch (error) {
      throw asUnreadable(error);
    }
    await this.#keep(target, bytes);
    return new Uint8Array(bytes);
  }

  /** Whole or not at all, without waiting for the disk: a lost thumbnail is made again. */
  async #keep(target: string, bytes: Buffer): Promise<void> {
    const draft = `${target}.${randomBytes(4).toString('hex')}`;
    try {
      await mkdir(join(target, '..'), { recursive: true });
      await writeFile(draft, bytes);
      await rename(draft, target);
    } catch {
      await rm(draft, { force: true });
    }
  }
}
