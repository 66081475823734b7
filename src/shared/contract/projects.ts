import { z } from 'zod';
import { categorySchema } from './categories';
import { id, nothing } from './common';

/** Opening projects, and moving data into them and out of them. */

export const projectSummarySchema = z.object({
  name: z.string(),
  /** Shown to the person, never used to address anything. */
  location: z.string(),
  isSample: z.boolean(),
  counts: z.object({
    images: z.number().int(),
    todo: z.number().int(),
    review: z.number().int(),
    done: z.number().int(),
    annotations: z.number().int(),
  }),
  categories: z.array(categorySchema),
});
export type ProjectSummary = z.infer<typeof projectSummarySchema>;

export const projectMethods = {
  'project.current': { input: nothing, output: projectSummarySchema.nullable() },
  'project.recent': {
    input: nothing,
    output: z.array(z.object({ location: z.string(), name: z.string(), openedAt: z.string() })),
  },
  /** Opens a project file, or a folder of images (making a project in it). Import of a folder runs as a job. */
  'project.open': { input: z.strictObject({ location: z.string().min(1) }), output: projectSummarySchema },
  /** Opens the sample project, made afresh in the user's data folder when it is not there. */
  'project.openSample': { input: nothing, output: projectSummarySchema },
  'project.importCoco': {
    input: z.strictObject({ file: z.string().min(1), images: z.string().nullable() }),
    output: z.object({ jobId: id }),
  },
  /** Writes annotations as COCO JSON. The text, to be saved by the host or downloaded by a browser. */
  'project.exportCoco': {
    input: nothing,
    output: z.object({
      fileName: z.string(),
      json: z.string(),
      annotations: z.number().int(),
      images: z.number().int(),
      /** What is not as one may expect; for people to read. */
      warnings: z.array(z.string()),
    }),
  },
  /** All trajectories as JSONL; `warnings` names those that were left out. */
  'project.exportTrajectories': {
    input: nothing,
    output: z.object({
      fileName: z.string(),
      jsonl: z.string(),
      trajectories: z.number().int(),
      warnings: z.array(z.string()),
    }),
  },
} as const;
