import { z } from 'zod';
import { rleSchema } from '../mask/rle';
import { id } from './common';

/** Annotations in and out in the formats of other tools. */

export const importFormatSchema = z.enum(['coco', 'yolo-seg', 'labelme', 'masks']);
export type ImportFormat = z.infer<typeof importFormatSchema>;

export const exportFormatSchema = z.enum([
  'coco',
  'yolo-seg',
  'labelme',
  'masks',
  'overlays',
  'trajectories',
]);
export type ExportFormat = z.infer<typeof exportFormatSchema>;

/** Formats that are one file, which a browser can download. */
export const singleFileFormats: readonly ExportFormat[] = ['coco', 'trajectories'];

export const exportOptionsSchema = z.strictObject({
  /**
   * COCO. `rle`: run lengths; `polygons`: outlines where they say the same mask, else run lengths; `polygons-only`:
   * outlines always, so that holes are filled. Imported annotations that nobody touched stay as they came.
   */
  geometry: z.enum(['rle', 'polygons', 'polygons-only']),
  /** Also copies the image files: YOLO, LabelMe, masks. */
  copyImages: z.boolean(),
  /** `annotated`: those with annotations, and those that are done without any. */
  images: z.enum(['all', 'annotated']),
  /** Pixels that outlines may move to have fewer points; 0: exact. COCO polygons, YOLO, LabelMe. */
  tolerance: z.number().min(0).max(50),
});
export type ExportOptions = z.infer<typeof exportOptionsSchema>;

/** What a format could not express, or what one may not expect. */
export const lossKindSchema = z.enum([
  'holes-filled',
  'parts-joined',
  'run-lengths',
  'simplified',
  'crowd-left-out',
  'crowd-flag',
  'overlap',
  'covered',
  'attributes',
  'class-renamed',
  'class-merged',
  'class-unknown',
  'file-renamed',
  'same-name',
  'many-classes',
  'many-objects',
  'image-missing',
  'unreadable',
  'folder-not-empty',
]);
export type LossKind = z.infer<typeof lossKindSchema>;

export const lossSchema = z.object({
  kind: lossKindSchema,
  /** Annotations, classes or images that it concerns, by the kind. */
  count: z.number().int(),
  /** The first few, named for people. */
  examples: z.array(z.string()),
});
export type Loss = z.infer<typeof lossSchema>;

export const exportReportSchema = z.object({
  format: exportFormatSchema,
  /** Folder or file that was written, for people. */
  location: z.string(),
  images: z.number().int(),
  /** Annotations written; trajectories for that format. */
  annotations: z.number().int(),
  files: z.number().int(),
  /** Annotations written exactly as they were imported. */
  asImported: z.number().int(),
  losses: z.array(lossSchema),
});
export type ExportReport = z.infer<typeof exportReportSchema>;

const exportRequest = z.strictObject({ format: exportFormatSchema, options: exportOptionsSchema });

export const exportPreviewSchema = z.object({
  images: z.number().int(),
  annotations: z.number().int(),
  /** Annotations by category, all of them, in the order of ids. */
  classes: z.array(
    z.object({ categoryId: z.number().int(), name: z.string(), annotations: z.number().int() }),
  ),
  /** How many files there will be, and a page of their paths. */
  files: z.object({ total: z.number().int(), items: z.array(z.string()) }),
  /** Losses were counted in so many of the images. */
  analysed: z.number().int(),
  losses: z.array(lossSchema),
  /** The beginning of one text file; null where there is none. */
  sample: z.object({ path: z.string(), text: z.string(), cut: z.boolean() }).nullable(),
  /** Some images that are in the export, to look at: those with losses first. */
  examples: z.array(z.object({ imageId: id, name: z.string(), losses: z.number().int() })),
});
export type ExportPreview = z.infer<typeof exportPreviewSchema>;

export const readBackSchema = z.object({
  annotationId: z.number().int(),
  categoryId: z.number().int(),
  original: rleSchema,
  /** The mask that a reader of the format gets; null: none. */
  exported: rleSchema.nullable(),
  /** Of the two, in 0..1. */
  iou: z.number(),
});
export type ReadBack = z.infer<typeof readBackSchema>;

export const formatMethods = {
  /** Reads a data set on the engine's machine into the project, as a job. Its failures name what was left out. */
  'formats.import': {
    input: z.strictObject({
      format: importFormatSchema,
      location: z.string().trim().min(1),
      /** Folder of the images; null: where the data set has them. */
      images: z.string().trim().min(1).nullable(),
    }),
    output: z.object({ jobId: id }),
  },
  /**
   * Writes into a folder of the engine's machine, as a job; `formats.report` has its report. `overwrite`: files that no
   * export wrote, or that were changed since, may be replaced.
   */
  'formats.export': {
    input: exportRequest.extend({ folder: z.string().trim().min(1), overwrite: z.boolean().optional() }),
    output: z.object({ jobId: id }),
  },
  /** The report of an export of this run of the engine; null while it runs, or when it did not end well. */
  'formats.report': { input: z.strictObject({ jobId: id }), output: exportReportSchema.nullable() },
  /** The text of a format that is one file, to be saved by the host or downloaded by a browser. */
  'formats.download': {
    input: exportRequest,
    output: z.object({ fileName: z.string(), text: z.string(), report: exportReportSchema }),
  },
  /** What an export would contain. Nothing is written. */
  'formats.preview': {
    input: exportRequest.extend({
      offset: z.number().int().min(0),
      limit: z.number().int().min(1).max(1000),
    }),
    output: exportPreviewSchema,
  },
  /** The masks of one image as a reader of the format would get them. */
  'formats.readBack': { input: exportRequest.extend({ imageId: id }), output: z.array(readBackSchema) },
} as const;

export const defaultExportOptions = (format: ExportFormat): ExportOptions => ({
  geometry: 'rle',
  copyImages: false,
  images: format === 'coco' ? 'all' : 'annotated',
  tolerance: 0,
});
