import { z } from 'zod';
import { id } from './common';

/** Undo and redo. */

/** The image that the person looks at: turns are only undone where they are seen. */
const onImage = z.strictObject({ imageId: id.nullable().default(null) });

export const historyStateSchema = z.object({
  undo: z.string().nullable(),
  redo: z.string().nullable(),
});
/** Labels of the marks that undo and redo would go to; null when there is none. */
export type HistoryState = z.infer<typeof historyStateSchema>;

export const playedSchema = z.object({
  history: historyStateSchema,
  /** Images that changed; the window shows them, because nobody should lose work that is not in sight. */
  imageIds: z.array(id),
  /** Trajectories that were settled before and wait again, or the other way round. */
  trajectoryIds: z.array(id),
});
/** What undo or redo did. */
export type Played = z.infer<typeof playedSchema>;

export const historyMethods = {
  'history.state': { input: onImage, output: historyStateSchema },
  'history.undo': { input: onImage, output: playedSchema },
  'history.redo': { input: onImage, output: playedSchema },
} as const;
