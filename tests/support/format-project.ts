import { join } from 'node:path';
import { importCoco } from '@engine/datasets/import-coco';
import { createProject } from '@engine/project/open';
import type { ProjectStore } from '@engine/project/store';
import { decodeMask, encodeMask, type Rle } from '@shared/mask/rle';
import { coco20 } from './shared-data';

/** A mask in an image of a project, drawn pixel by pixel. */
export function drawn(
  size: { width: number; height: number },
  inside: (x: number, y: number) => boolean,
): Rle {
  const data = new Uint8Array(size.width * size.height);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) if (inside(x, y)) data[y * size.width + x] = 1;
  }
  return encodeMask({ ...size, data });
}

/**
 * The real photographs with their COCO annotations (142 objects, 2 crowds), and on the first image what formats find
 * hard: a ring with a hole, an object of two parts, a single pixel, and a disc over another mask.
 */
export async function photographs(
  folder: string,
): Promise<{ store: ProjectStore; hard: Record<string, number> }> {
  const store = createProject(folder);
  await importCoco(store, coco20.instances, { images: coco20.images });
  const image = store.listImages({ offset: 0, limit: 1 }).items[0];
  if (image === undefined) throw new Error('No image');
  const { id: imageId } = image;
  const categoryId = store.createCategory('shape: odd, "one"').id;
  const within = (x: number, y: number, cx: number, cy: number, r: number): boolean =>
    (x - cx) ** 2 + (y - cy) ** 2 <= r * r;
  const shapes = {
    ring: drawn(image, (x, y) => within(x, y, 60, 60, 30) && !within(x, y, 60, 60, 12)),
    parts: drawn(image, (x, y) => within(x, y, 140, 40, 15) || within(x, y, 200, 44, 9)),
    pixel: drawn(image, (x, y) => x === image.width - 1 && y === image.height - 1),
    disc: drawn(image, (x, y) => within(x, y, 85, 60, 14)),
  };
  const made = store.createAnnotations(
    Object.values(shapes).map((mask) => ({
      imageId,
      categoryId,
      mask,
      query: 'odd',
      author: 'agent' as const,
      score: 0.5,
    })),
  );
  const hard = Object.fromEntries(Object.keys(shapes).map((name, index) => [name, made[index]?.id ?? 0]));
  return { store, hard };
}

/** Every mask of a project, canonical, by image and class, sorted. */
export function masksOf(store: ProjectStore, options: { crowds?: boolean } = {}): Map<string, string[]> {
  const names = new Map(store.categories().map(({ id, name }) => [id, name]));
  const masks = new Map<string, string[]>();
  for (const image of store.allImages()) {
    for (const annotation of store.annotations(image.id)) {
      if (annotation.iscrowd && options.crowds === false) continue;
      const key = `${image.path.replace(/^.*\//, '').replace(/\.\w+$/, '')} ${names.get(annotation.categoryId)}`;
      const list = masks.get(key) ?? [];
      list.push(encodeMask(decodeMask(annotation.mask)).counts);
      masks.set(key, list);
    }
  }
  for (const list of masks.values()) list.sort();
  return masks;
}

export const projectFile = (folder: string): string => join(folder, 'project.maskwright');
