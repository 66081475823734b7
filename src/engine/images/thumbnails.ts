import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { asUnreadable, maxPixels } from './decode-image';
import { NewestFirst } from './newest-first';

/** Longest side of a thumbnail in pixels: twice what lists show, for dense screens. */
export const thumbnailSize = 320;

/** What is read at the same time: lists stay lively while a mask is computed. */
const concurrency = 2;
/** What waits at most: more than a window shows, less than a person scrolls past. */
const maxWaiting = 120;

/**
 * Thumbnails (WebP, upright), made when somebody asks and kept in a folder by the hash of the image's file, so that
 * equal files and moved projects share them. The newest request is served first: it is the one in sight. The oldest
 * are given up when too many wait (CANCELLED), and so are those that `lookAt` does not name.
 */
export class Thumbnails {
  readonly #folder: string;
  readonly #queue = new NewestFirst(concurrency, maxWaiting);
  /** What is being made, by hash. */
  readonly #made = new Map<string, Promise<Uint8Array>>();

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
    return this.#queue.run(imageId, async () => {
      try {
        const underway = this.#made.get(hash) ?? this.#make(file, target);
        this.#made.set(hash, underway);
        return await underway;
      } finally {
        this.#made.delete(hash);
      }
    });
  }

  /** The images in sight now: thumbnails of others that still wait are given up. */
  lookAt(imageIds: readonly string[]): void {
    this.#queue.keep(new Set(imageIds));
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
