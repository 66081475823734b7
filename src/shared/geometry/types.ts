import { z } from 'zod';

/** A point in image pixels (float). The centre of the top left pixel is (0.5, 0.5); y grows downwards. */
export const pointSchema = z.object({ x: z.number(), y: z.number() });
export type Point = z.infer<typeof pointSchema>;

/**
 * A rectangle in image pixels (float), half-open: it covers x1 ≤ x < x2 and y1 ≤ y < y2, so that
 * x2 − x1 is its width and the box of a whole image is (0, 0, width, height).
 */
export const boxSchema = z.object({ x1: z.number(), y1: z.number(), x2: z.number(), y2: z.number() });
export type Box = z.infer<typeof boxSchema>;

/** Width and height in whole pixels, as displayed, that is after the EXIF orientation has been applied. */
export const sizeSchema = z.object({
  width: z.number().int().positive(),
  height: z.number().int().positive(),
});
export type Size = z.infer<typeof sizeSchema>;
