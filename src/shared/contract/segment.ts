import { z } from 'zod';
import { rleSchema } from '../mask/rle';
import { id } from './common';
import { gestureSchema } from './episodes';

/** The segmenter while a person works: embeddings made ahead, and masks that nobody recorded yet. */

/** Where the embedding of an image is: nobody asked for it, it waits, the encoder works, it is there, it failed. */
export const embeddingSchema = z.object({
  imageId: id,
  state: z.enum(['none', 'queued', 'encoding', 'ready', 'failed']),
  /** Milliseconds that the encoder has worked on it so far, or took for it; null when it did not. */
  ms: z.number().nullable(),
  error: z.object({ message: z.string(), hint: z.string() }).nullable(),
});
export type Embedding = z.infer<typeof embeddingSchema>;

export const candidateSchema = z.object({ mask: rleSchema, predictedIou: z.number() });
export type Candidate = z.infer<typeof candidateSchema>;

export const segmentMethods = {
  /**
   * Says which image a person looks at (null: none) and which come next. Their embeddings are made, the first one
   * before the others; what was asked for earlier and has not begun is given up. `segment.embedding` tells of every
   * change. A failed embedding is tried again.
   */
  'segment.prepare': {
    input: z.strictObject({ imageId: id.nullable(), ahead: z.array(id).max(10) }),
    output: z.array(embeddingSchema),
  },
  /**
   * All masks that a box or point would give, without recording anything. Latest wins: an older question that still
   * waits ends with CANCELLED.
   */
  'segment.preview': {
    input: z.strictObject({
      imageId: id,
      /** Null: as the first call of a new episode. */
      episodeId: id.nullable(),
      gesture: gestureSchema,
      /** The turn that the gesture would come after: the head when left out, null before the first. */
      nodeId: id.nullable().optional(),
    }),
    output: z.object({
      /** As many as the decoder gives; none when the gesture gives no mask. */
      candidates: z.array(candidateSchema),
      /** Index of the one that is used when nobody chooses. */
      best: z.number().int().min(0),
    }),
  },
} as const;
