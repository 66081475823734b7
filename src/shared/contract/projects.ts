import { z } from 'zod';
import { categorySchema } from './categories';
import { nothing } from './common';

/** Opening projects. */

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
} as const;
