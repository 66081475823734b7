import { z } from 'zod';
import { annotationMethods } from './annotations';
import { appInfoSchema, appMethods } from './app';
import { categoryMethods } from './categories';
import { id } from './common';
import { episodeMethods, episodeStateSchema } from './episodes';
import { formatMethods } from './formats';
import { historyMethods } from './history';
import { imageMethods } from './images';
import { insightMethods } from './insight';
import { jobMethods, jobStateSchema } from './jobs';
import { pictureMethods } from './pictures';
import { projectMethods, projectSummarySchema } from './projects';
import { reviewMethods } from './review';
import { runMethods } from './runs';
import { embeddingSchema, segmentMethods } from './segment';

export * from './annotations';
export * from './app';
export * from './categories';
export * from './episodes';
export * from './formats';
export * from './history';
export * from './images';
export * from './insight';
export * from './jobs';
export * from './pictures';
export * from './projects';
export * from './review';
export * from './runs';
export * from './segment';

/** Every method that the engine answers, by topic: input and output, validated on both sides of the border. */
export const methods = {
  ...appMethods,
  ...projectMethods,
  ...imageMethods,
  ...categoryMethods,
  ...annotationMethods,
  ...historyMethods,
  ...episodeMethods,
  ...jobMethods,
  ...formatMethods,
  ...runMethods,
  ...segmentMethods,
  ...pictureMethods,
  ...reviewMethods,
  ...insightMethods,
} as const;

export type MethodName = keyof typeof methods;
export type MethodInput<M extends MethodName> = z.input<(typeof methods)[M]['input']>;
export type MethodOutput<M extends MethodName> = z.output<(typeof methods)[M]['output']>;

/** Everything that the engine tells without being asked. */
export const events = {
  'project.changed': projectSummarySchema.nullable(),
  'images.changed': z.object({ imageIds: z.array(id) }),
  'annotations.changed': z.object({ imageIds: z.array(id) }),
  /** Undo or redo may lead elsewhere now: ask `history.state` for the image that is shown. */
  'history.changed': z.object({}),
  'episode.changed': episodeStateSchema,
  /** Text of the thought that is being written, in order. */
  'episode.text': z.object({ episodeId: id, text: z.string() }),
  'job.changed': jobStateSchema,
  'segment.embedding': embeddingSchema,
  'app.changed': appInfoSchema,
} as const;
export type EventName = keyof typeof events;
export type EventPayload<E extends EventName> = z.output<(typeof events)[E]>;

/** What hosts implement: one handler a method. */
export type Handlers = {
  [M in MethodName]: (input: z.output<(typeof methods)[M]['input']>) => Promise<MethodOutput<M>>;
};
