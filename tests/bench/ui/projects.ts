import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { importFolder } from '../../../src/engine/datasets/import-folder';
import { openOrCreateProject } from '../../../src/engine/project';
import { createBitmap } from '../../../src/shared/mask/bitmap';
import { encodePlaced } from '../../../src/shared/mask/placed';
import type { Rle } from '../../../src/shared/mask/rle';
import { seededRandom } from '../../../src/shared/random';
import { coco20, sharedData } from '../../support/shared-data';

/** Projects to measure with, made of real photographs. */

export const fourK = { width: 4096, height: 2160 };

const photographs = (): string[] =>
  readdirSync(coco20.images)
    .filter((name) => name.endsWith('.jpg'))
    .sort()
    .map((name) => join(coco20.images, name));

/** One 4096 × 2160 picture, with so many masks of uneven outline (0: none). */
export async function fourKProject(folder: string, masks: number): Promise<void> {
  const [photograph = ''] = photographs();
  await sharp(photograph)
    .resize(fourK.width, fourK.height, { fit: 'cover' })
    .jpeg()
    .toFile(join(folder, 'four-k.jpg'));
  const { store } = openOrCreateProject(folder);
  try {
    await importFolder(store, folder);
    const [image] = store.allImages();
    if (!image || masks === 0) return;
    const random = seededRandom(7);
    const categories = ['leaf', 'stone', 'shell', 'feather'].map((name) => store.createCategory(name));
    store.createAnnotations(
      Array.from({ length: masks }, (_, index) => ({
        imageId: image.id,
        categoryId: categories[index % categories.length]!.id,
        mask: blob(random, fourK),
        author: 'human' as const,
      })),
    );
  } finally {
    store.close();
  }
}

/** A blob of 20 to 160 pixels across with a wavy outline. */
function blob(random: () => number, size: { width: number; height: number }): Rle {
  const radius = 10 + 70 * random() ** 2;
  const waves = 3 + Math.floor(random() * 6);
  const phase = random() * 2 * Math.PI;
  const side = Math.ceil(2.6 * radius);
  const part = createBitmap(side, side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const dx = x + 0.5 - side / 2;
      const dy = y + 0.5 - side / 2;
      const edge = radius * (1 + 0.25 * Math.sin(waves * Math.atan2(dy, dx) + phase));
      if (Math.hypot(dx, dy) <= edge) part.data[y * side + x] = 1;
    }
  }
  const x = Math.floor(random() * (size.width - side));
  const y = Math.floor(random() * (size.height - side));
  return encodePlaced({ ...part, x, y }, size);
}

/** Pictures as of a camera, 12 megapixels each. */
export async function cameraProject(folder: string, count: number): Promise<void> {
  const sources = photographs();
  for (let index = 0; index < count; index++) {
    await sharp(sources[index % sources.length])
      .resize(4000, 3000, { fit: 'cover' })
      .flop(index >= sources.length)
      .jpeg({ quality: 85 })
      .toFile(join(folder, `camera-${String(index).padStart(3, '0')}.jpg`));
  }
}

/** So many different photographs of ordinary size. */
export async function photographsProject(folder: string, count: number): Promise<void> {
  const trainImages = join(sharedData, 'photos', 'coco_train', 'images');
  const train = readdirSync(trainImages)
    .filter((name) => name.endsWith('.jpg'))
    .sort()
    .map((name) => join(trainImages, name));
  const sources = [...photographs(), ...train];
  for (let index = 0; index < count; index++) {
    await sharp(sources[index % sources.length])
      .flop(index >= sources.length)
      .jpeg({ quality: 88 })
      .toFile(join(folder, `photo-${String(index).padStart(4, '0')}.jpg`));
  }
}

export const largeSize = { width: 12_000, height: 12_000 };

/** One picture of 12,000 × 12,000 pixels, made of a photograph. */
export async function largeProject(folder: string, format: 'jpeg' | 'png' | 'tiff'): Promise<string> {
  const [, photograph = ''] = photographs();
  const file = join(folder, `large.${format === 'jpeg' ? 'jpg' : format}`);
  const picture = sharp(photograph).resize(largeSize.width, largeSize.height, { fit: 'cover' });
  if (format === 'jpeg') await picture.jpeg({ quality: 85 }).toFile(file);
  else if (format === 'png') await picture.png({ compressionLevel: 1 }).toFile(file);
  else await picture.tiff({ compression: 'lzw', tile: true }).toFile(file);
  return file;
}
