import { z } from 'zod';
import { id, nothing } from './common';

/** Long work with progress and cancel. */

export const jobStateSchema = z.object({
  id,
  kind: z.string(),
  label: z.string(),
  /** queued: waits for another of its lane. paused: can be resumed, also after a restart. */
  status: z.enum(['queued', 'running', 'paused', 'done', 'failed', 'cancelled']),
  done: z.number().int(),
  total: z.number().int().nullable(),
  /** Items a second, and seconds left, once known. */
  rate: z.number().nullable(),
  eta: z.number().nullable(),
  message: z.string().nullable(),
  failures: z.array(z.object({ item: z.string(), message: z.string() })),
});
export type JobState = z.infer<typeof jobStateSchema>;

export const jobMethods = {
  'jobs.list': { input: nothing, output: z.array(jobStateSchema) },
  'jobs.cancel': { input: z.strictObject({ jobId: id }), output: jobStateSchema },
} as const;
