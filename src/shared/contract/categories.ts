import { z } from 'zod';
import { attributesSchema } from '../attributes';
import { historyStateSchema } from './history';

/** The classes of a project. Every change is undoable. */

const categoryId = z.number().int();
const name = z.string().trim().min(1).max(200);
/** The digit key that chooses a class. */
export const hotkeySchema = z.number().int().min(1).max(9);

export const categorySchema = z.object({
  id: categoryId,
  name: z.string().min(1),
  supercategory: z.string(),
  /** CSS hex colour. */
  color: z.string(),
  /** Null: none. No two classes have the same. */
  hotkey: hotkeySchema.nullable(),
  /** What it asks about each of its objects. */
  attributes: attributesSchema,
  /** How many annotations have it. */
  annotations: z.number().int(),
});
export type Category = z.infer<typeof categorySchema>;

const categoryChange = z.object({ category: categorySchema, history: historyStateSchema });

export const categoryMethods = {
  /** The class of this name, made when there is none. */
  'categories.create': { input: z.strictObject({ name }), output: categorySchema },
  /** What is left out stays. A hotkey that another class has is taken from it. CONFLICT: another has the name. */
  'categories.update': {
    input: z.strictObject({
      categoryId,
      name: name.optional(),
      color: z
        .string()
        .regex(/^#[0-9a-f]{6}$/i)
        .optional(),
      supercategory: z.string().trim().max(200).optional(),
      hotkey: hotkeySchema.nullable().optional(),
      attributes: attributesSchema.optional(),
    }),
    output: categoryChange,
  },
  /** All classes in their new order. */
  'categories.reorder': {
    input: z.strictObject({ categoryIds: z.array(categoryId).min(1) }),
    output: historyStateSchema,
  },
  /** The annotations of some classes go to another, and these classes away; one step of undo. */
  'categories.merge': {
    input: z.strictObject({ categoryIds: z.array(categoryId).min(1), into: categoryId }),
    output: z.object({ moved: z.number().int(), history: historyStateSchema }),
  },
  /** CONFLICT while annotations have the class and `moveTo` names no other for them. */
  'categories.delete': {
    input: z.strictObject({ categoryId, moveTo: categoryId.nullable() }),
    output: z.object({ moved: z.number().int(), history: historyStateSchema }),
  },
} as const;
