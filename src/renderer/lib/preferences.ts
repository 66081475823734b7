import { z } from 'zod';

/**
 * What a person prefers in this window, kept in its storage. Each field falls back to its default by itself, so that
 * a damaged or older record loses no other.
 */
export const preferencesSchema = z.object({
  theme: z.enum(['dark', 'light', 'system']).catch('dark'),
  /** Size of texts and controls in percent. */
  scale: z.union([z.literal(90), z.literal(100), z.literal(110), z.literal(125)]).catch(100),
  /** `system`: as the operating system says. */
  motion: z.enum(['system', 'reduced', 'full']).catch('system'),
  /** Of filled masks on the canvas, 0 to 1. */
  maskOpacity: z.number().min(0).max(1).catch(0.4),
  /** Of masks' outlines, CSS pixels; 0: none. */
  outlineWidth: z.number().min(0).max(4).catch(1),

  /** What follows when a decision settled the image's episode. */
  afterAccept: z.enum(['stay', 'next']).catch('stay'),
  /** Largest distance of a mask's border from the polygon made of it, image pixels; 0: every corner. */
  polygonTolerance: z.number().min(0).max(10).catch(1),
  /** Whether the mask that a click would give is shown while the cursor moves. */
  hoverPreview: z.boolean().catch(true),
  /** Images after the open one whose embeddings are made ahead. */
  prefetchCount: z.number().int().min(0).max(10).catch(2),

  /** Turns that the agent may spend in a new episode. */
  turnBudget: z.number().int().min(1).max(64).catch(8),
});

export type PreferenceValues = z.output<typeof preferencesSchema>;

/** Preferences from their stored form; defaults for what is missing or damaged. */
export function parsePreferences(stored: string | null): PreferenceValues {
  let record: unknown;
  try {
    record = JSON.parse(stored ?? '{}');
  } catch {
    // Damaged: the defaults, and the next change writes it anew.
  }
  const parsed = preferencesSchema.safeParse(record);
  return parsed.success ? parsed.data : preferencesSchema.parse({});
}
