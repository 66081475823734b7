import { z } from 'zod';
import { id } from './common';

/** Images that are too large to be decoded whole, as the canvas reads them. */

const picture = z.object({ mime: z.string(), bytes: z.instanceof(Uint8Array) });
const count = z.number().int().min(0).max(1000);

export const pictureMethods = {
  /** The whole image, scaled down. */
  'pictures.overview': { input: z.strictObject({ imageId: id }), output: picture },
  /** A tile as in `geometry/tiles.ts`: at level 0 one pixel of it is one of the image, at level n it is 2ⁿ. */
  'pictures.tile': {
    input: z.strictObject({ imageId: id, level: z.number().int().min(0).max(12), column: count, row: count }),
    output: picture,
  },
} as const;
