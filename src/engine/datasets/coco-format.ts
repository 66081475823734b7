import { z } from 'zod';

/** COCO instances as files have it: tolerant to extra keys, which are kept. */

const looseId = z.union([z.number(), z.string()]);

export const cocoImageSchema = z.looseObject({
  id: looseId,
  file_name: z.string().min(1),
  width: z.number().int().positive(),
  height: z.number().int().positive(),
});
export type CocoImage = z.infer<typeof cocoImageSchema>;

export const cocoCategorySchema = z.looseObject({
  id: z.number().int(),
  name: z.string().min(1),
  supercategory: z.string().optional(),
});
export type CocoCategory = z.infer<typeof cocoCategorySchema>;

const sizeSchema = z.tuple([z.number().int().positive(), z.number().int().positive()]);

export const cocoSegmentationSchema = z.union([
  z.array(z.array(z.number())).min(1),
  z.object({ size: sizeSchema, counts: z.string() }),
  z.object({ size: sizeSchema, counts: z.array(z.number().int().min(0)) }),
]);
export type CocoSegmentation = z.infer<typeof cocoSegmentationSchema>;

export const cocoAnnotationSchema = z.looseObject({
  id: looseId.optional(),
  image_id: looseId,
  category_id: z.number().int(),
  segmentation: z.unknown(),
  area: z.number().optional(),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]).optional(),
  iscrowd: z.union([z.number(), z.boolean()]).optional(),
});
export type CocoAnnotation = z.infer<typeof cocoAnnotationSchema>;

/** The outside of a file; entries are checked one by one, so that a bad one does not spoil the rest. */
export const cocoFileSchema = z.looseObject({
  info: z.unknown().optional(),
  licenses: z.array(z.unknown()).optional(),
  images: z.array(z.unknown()),
  annotations: z.array(z.unknown()),
  categories: z.array(z.unknown()).default([]),
});
export type CocoFile = z.infer<typeof cocoFileSchema>;
