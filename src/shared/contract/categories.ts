import { z } from 'zod';

/** The classes of a project. */

export const categorySchema = z.object({
  id: z.number().int(),
  name: z.string().min(1),
  supercategory: z.string(),
  /** CSS hex colour. */
  color: z.string(),
});
export type Category = z.infer<typeof categorySchema>;

export const categoryMethods = {
  'categories.create': {
    input: z.strictObject({ name: z.string().trim().min(1).max(200) }),
    output: categorySchema,
  },
} as const;
