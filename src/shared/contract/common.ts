import { z } from 'zod';

export const id = z.string().min(1).max(200);
/** The class that masks get: one that is there, or the name of one that is made together with them. */
export const classFields = {
  categoryId: z.number().int().optional(),
  className: z.string().trim().min(1).max(200).optional(),
};
export type ClassFields = z.infer<z.ZodObject<typeof classFields>>;

/** For `refine`. */
export function namesOneClass({ categoryId, className }: ClassFields): boolean {
  return (categoryId === undefined) !== (className === undefined);
}
export const oneClass = { message: 'categoryId or className' };

export const nothing = z.strictObject({});
