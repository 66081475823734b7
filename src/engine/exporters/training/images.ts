import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileNames } from '@shared/training/manifest';
import type { Observation, OverlayStyle } from '@shared/trajectory/schema';
import { LRUCache } from 'lru-cache';
import { ObservationRenderer } from '../../environment/observation-image';
import type { ImageSource } from '../../segmenters/segmenter';

/** Observation images on disk, each written once, named by the hash of its bytes. */
export class ImageFolder {
  private readonly renderer = new ObservationRenderer();
  private readonly written = new Set<string>();
  /** Paths by what is shown; the same view of the same image is asked for by every row. */
  private readonly known = new LRUCache<string, Promise<string>>({ max: 20_000 });

  private constructor(private readonly dir: string) {}

  static async make(dir: string): Promise<ImageFolder> {
    await mkdir(join(dir, fileNames.images), { recursive: true });
    return new ImageFolder(dir);
  }

  get count(): number {
    return this.written.size;
  }

  /** Path of the rendered observation, relative to the export's folder, with forward slashes. */
  async add(image: ImageSource, observation: Observation, style: OverlayStyle): Promise<string> {
    const { view, objects, activeObject } = observation;
    const key = createHash('sha256')
      .update(JSON.stringify([image.hash, view, objects, activeObject, style]))
      .digest('base64');
    const known = this.known.get(key);
    if (known) return known;
    const path = this.render(image, observation, style);
    this.known.set(key, path);
    path.catch(() => this.known.delete(key));
    return path;
  }

  private async render(image: ImageSource, observation: Observation, style: OverlayStyle): Promise<string> {
    const { png } = await this.renderer.render(image, observation, style);
    const path = `${fileNames.images}/${createHash('sha256').update(png).digest('hex')}.png`;
    if (!this.written.has(path)) {
      this.written.add(path);
      await writeFile(join(this.dir, path), png);
    }
    return path;
  }
}
