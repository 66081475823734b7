import { type AttributeValues, attributeValuesSchema } from '@shared/attributes';
import { z } from 'zod';

/** Names that our own exports use for what is no attribute. */
const own = new Set(['author', 'query', 'score']);

/** The attributes of a COCO entry that can be shown and edited: texts, numbers and truth values. */
export function importedAttributes(attributes: unknown): AttributeValues {
  const parsed = z.record(z.string(), z.unknown()).safeParse(attributes);
  const values: AttributeValues = {};
  for (const [name, value] of Object.entries(parsed.success ? parsed.data : {})) {
    const one = attributeValuesSchema.safeParse({ [name]: value });
    if (one.success && !own.has(name)) Object.assign(values, one.data);
  }
  return values;
}
