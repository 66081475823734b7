import { attributesSchema, attributeValuesSchema } from '@shared/attributes';
import type { Annotation, Category } from '@shared/contract/methods';
import { imageStateSchema, jobStateSchema } from '@shared/contract/methods';
import { authorSchema, outcomeSchema } from '@shared/trajectory/schema';
import { z } from 'zod';
import type { ChangedRow } from './changes';

/** Shapes of the tables' rows, as SQLite returns them. */

export const textRow = z.object({ value: z.string() });
export const numberRow = z.object({ value: z.number().int().nullable() });

export const imageRow = z.object({
  id: z.string(),
  root_id: z.number().int(),
  path: z.string(),
  name: z.string(),
  sha256: z.string(),
  width: z.number().int(),
  height: z.number().int(),
  state: imageStateSchema,
  coco_id: z.number().int().nullable(),
  original: z.string().nullable(),
  note: z.string(),
  flagged: z.number().int(),
  problem: z.string().nullable(),
});
export type ImageRow = z.infer<typeof imageRow>;
export const imageColumns = Object.keys(imageRow.shape).join(', ');

export const annotationRow = z.object({
  id: z.number().int(),
  image_id: z.string(),
  category_id: z.number().int(),
  mask_height: z.number().int(),
  mask_width: z.number().int(),
  mask_counts: z.string(),
  bbox_x: z.number(),
  bbox_y: z.number(),
  bbox_width: z.number(),
  bbox_height: z.number(),
  area: z.number(),
  iscrowd: z.number().int(),
  author: authorSchema,
  score: z.number().nullable(),
  query: z.string().nullable(),
  trajectory_id: z.string().nullable(),
  created_at: z.string(),
  import_key: z.string().nullable(),
  mask_edited: z.number().int(),
  original: z.string().nullable(),
  attributes: z.string(),
  z: z.number().int(),
  locked: z.number().int(),
  hidden: z.number().int(),
});
export type AnnotationRow = z.infer<typeof annotationRow>;
export const annotationColumns = Object.keys(annotationRow.shape).join(', ');

/** A row as the journal keeps it. */
export function rowOf(row: AnnotationRow): ChangedRow {
  return { ...row };
}

export function annotationOf(row: AnnotationRow): Annotation {
  return {
    id: row.id,
    imageId: row.image_id,
    categoryId: row.category_id,
    mask: { size: [row.mask_height, row.mask_width], counts: row.mask_counts },
    bbox: [row.bbox_x, row.bbox_y, row.bbox_width, row.bbox_height],
    area: row.area,
    iscrowd: row.iscrowd !== 0,
    author: row.author,
    score: row.score,
    query: row.query,
    trajectoryId: row.trajectory_id,
    attributes: row.attributes === '{}' ? {} : attributeValuesSchema.parse(JSON.parse(row.attributes)),
    z: row.z,
    locked: row.locked !== 0,
    hidden: row.hidden !== 0,
  };
}

export const categoryRow = z.object({
  id: z.number().int(),
  name: z.string(),
  supercategory: z.string(),
  color: z.string(),
  original: z.string().nullable(),
  position: z.number().int(),
  hotkey: z.number().int().nullable(),
  attributes: z.string(),
  annotation_count: z.number().int(),
});
export type CategoryRow = z.infer<typeof categoryRow>;
export const categoryColumns = Object.keys(categoryRow.shape).join(', ');

/** A category as the journal keeps it: without the count, which triggers keep. */
export function changedCategory(row: CategoryRow): ChangedRow {
  const { annotation_count: _, ...kept } = row;
  return kept;
}

export function categoryOf(row: CategoryRow): Category {
  return {
    id: row.id,
    name: row.name,
    supercategory: row.supercategory,
    color: row.color,
    hotkey: row.hotkey,
    attributes: row.attributes === '[]' ? [] : attributesSchema.parse(JSON.parse(row.attributes)),
    annotations: row.annotation_count,
  };
}

export const trajectoryRow = z.object({
  id: z.string(),
  image_id: z.string(),
  query: z.string(),
  status: outcomeSchema.shape.status,
  turns: z.number().int(),
  author: authorSchema,
  created_at: z.string(),
});

export const journalRow = z.object({
  seq: z.number().int(),
  kind: z.enum(['mark', 'undo', 'redo', 'event']),
  target: z.number().int().nullable(),
});

export const jobRow = z.object({
  id: z.string(),
  kind: z.string(),
  label: z.string(),
  status: jobStateSchema.shape.status,
  done: z.number().int(),
  total: z.number().int().nullable(),
  message: z.string().nullable(),
  failures: z.string(),
});
