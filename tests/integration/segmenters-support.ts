/** Real photographs, their ground truth and the surrogate models for the segmenters' tests. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openImage } from '@engine/images/image-file';
import type { ImageSource } from '@engine/segmenters/segmenter';
import type { Box, Size } from '@shared/geometry/types';
import type { Bitmap } from '@shared/mask/bitmap';
import { rasterizePolygons } from '@shared/mask/polygon';
import { decodeMask } from '@shared/mask/rle';
import { afterAll } from 'vitest';
import { z } from 'zod';

export const root = resolve(__dirname, '../..');
export const shared = resolve(root, process.env.MASKWRIGHT_SHARED_DATA ?? '../shared/data');
export const fixtures = join(root, 'tests/fixtures/segmenters');

/** Whether the shared data are there; says so when not. */
export const hasShared = existsSync(join(shared, 'models/surrogate_sam1_encoder.onnx'));
if (!hasShared) {
  console.warn('SKIPPED: segmenter tests on real photographs: no shared data (set MASKWRIGHT_SHARED_DATA)');
}

export const surrogate = (name: string): string => join(shared, `models/surrogate_${name}.onnx`);
export const pairs = {
  sam1: { encoder: surrogate('sam1_encoder'), decoder: surrogate('sam1_decoder') },
  sam2: { encoder: surrogate('sam2_encoder'), decoder: surrogate('sam2_decoder') },
} as const;

const folders: string[] = [];
/** A folder that is removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'maskwright-segmenters-'));
  folders.push(folder);
  return folder;
}
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const instancesSchema = z.object({
  images: z.array(z.object({ id: z.number(), file_name: z.string(), width: z.number(), height: z.number() })),
  annotations: z.array(
    z.object({
      id: z.number(),
      image_id: z.number(),
      bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
      segmentation: z.unknown(),
    }),
  ),
});
const refsSchema = z.array(z.object({ ref_id: z.number(), ann_id: z.number(), image_id: z.number() }));
const pointsSchema = z.array(z.array(z.number()));

export interface Target {
  refId: number;
  image: ImageSource;
  /** COCO's box, half-open, in image pixels. */
  box: Box;
  truth: Bitmap;
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(join(shared, file), 'utf8'));

/** The referring targets of photos/coco20 with their ground truth. */
export async function readTargets(): Promise<Target[]> {
  const instances = instancesSchema.parse(readJson('photos/coco20/instances.json'));
  const refs = refsSchema.parse(readJson('photos/coco20/refs_authored.json'));
  const images = new Map<number, ImageSource>();
  for (const { id, file_name } of instances.images) {
    images.set(id, await openImage(join(shared, 'photos/coco20/images', file_name)));
  }
  return refs.flatMap(({ ref_id, ann_id, image_id }) => {
    const annotation = instances.annotations.find(({ id }) => id === ann_id);
    const image = images.get(image_id);
    if (annotation === undefined || image === undefined) return [];
    const [x, y, width, height] = annotation.bbox;
    const size: Size = { width: image.width, height: image.height };
    const truth = decodeMask(rasterizePolygons(pointsSchema.parse(annotation.segmentation), size));
    return [{ refId: ref_id, image, box: { x1: x, y1: y, x2: x + width, y2: y + height }, truth }];
  });
}

const baselineSchema = z.record(
  z.string(),
  z.record(z.string(), z.object({ per_ref: z.array(z.object({ ref_id: z.number(), iou: z.number() })) })),
);

/** IoU of mask 0 by reference, as measured when the surrogates were made. */
export function readBaseline(pair: 'sam1' | 'sam2', prompt: 'box' | 'point'): Map<number, number> {
  const all = baselineSchema.parse(readJson('models/surrogate_baseline_on_refs_authored.json'));
  return new Map(all[pair]?.[prompt]?.per_ref.map(({ ref_id, iou }) => [ref_id, iou]));
}
