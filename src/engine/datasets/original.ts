import { labelMeShapeSchema } from '@shared/formats/labelme';
import { z } from 'zod';

/**
 * How an imported annotation is kept as it came, for formats other than COCO (whose entries are kept as their own
 * text), so that one that nobody touched is exported the same into the format that it came from.
 */
const originalSchema = z.discriminatedUnion('format', [
  z.object({ format: z.literal('yolo-seg'), coordinates: z.string() }),
  z.object({ format: z.literal('labelme'), shapes: z.array(labelMeShapeSchema).min(1) }),
  z.object({ format: z.literal('masks') }),
]);
export type Original = z.infer<typeof originalSchema>;

export function originalText(original: Original): string {
  return JSON.stringify(original);
}

/** Null for a COCO entry or something else. */
export function parseOriginal(text: string | null): Original | null {
  if (text === null) return null;
  const parsed = originalSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}
