import { z } from 'zod';

/**
 * Attributes: what a class asks about each of its objects ("occluded", "colour"), and the answers on annotations.
 * The names and kinds belong to the category, the values to the annotation.
 */

export const attributeValueSchema = z.union([z.string().max(2000), z.number(), z.boolean()]);
export type AttributeValue = z.output<typeof attributeValueSchema>;

/** Values by the attribute's name; a name without a value is not there. */
export const attributeValuesSchema = z.record(z.string().min(1).max(100), attributeValueSchema);
export type AttributeValues = z.output<typeof attributeValuesSchema>;

export const attributeKindSchema = z.enum(['text', 'number', 'choice', 'boolean']);
export type AttributeKind = z.output<typeof attributeKindSchema>;

export const attributeSchema = z.strictObject({
  name: z.string().trim().min(1).max(100),
  kind: attributeKindSchema,
  /** What can be chosen; empty for the other kinds. */
  choices: z.array(z.string().trim().min(1).max(200)).max(200).default([]),
  /** The value that a new annotation gets; null: none. */
  default: attributeValueSchema.nullable().default(null),
});
/** A question that a class asks about each of its objects. */
export type Attribute = z.output<typeof attributeSchema>;

export const attributesSchema = z.array(attributeSchema).max(50);

/** True when a value answers the attribute's question: of its kind, and one of the choices where there are some. */
export function isValueOf(attribute: Attribute, value: AttributeValue): boolean {
  if (attribute.kind === 'number') return typeof value === 'number' && Number.isFinite(value);
  if (attribute.kind === 'boolean') return typeof value === 'boolean';
  if (typeof value !== 'string') return false;
  return attribute.kind === 'text' || attribute.choices.includes(value);
}

/** What is wrong with a class's attributes, in words for people; null when nothing is. */
export function attributesProblem(attributes: readonly Attribute[]): string | null {
  const names = new Set<string>();
  for (const attribute of attributes) {
    if (names.has(attribute.name)) return `Two attributes are called “${attribute.name}”.`;
    names.add(attribute.name);
    if (attribute.kind === 'choice' && attribute.choices.length === 0)
      return `“${attribute.name}” offers nothing to choose.`;
    if (new Set(attribute.choices).size < attribute.choices.length)
      return `“${attribute.name}” offers the same choice twice.`;
    if (attribute.default !== null && !isValueOf(attribute, attribute.default))
      return `The default of “${attribute.name}” is not one of its values.`;
  }
  return null;
}

/** The values with the defaults of attributes that have none yet. */
export function withDefaults(attributes: readonly Attribute[], values: AttributeValues): AttributeValues {
  const filled: AttributeValues = { ...values };
  for (const { name, default: fallback } of attributes) {
    if (fallback !== null && !Object.hasOwn(filled, name)) filled[name] = fallback;
  }
  return filled;
}

/** The attributes of one class with those of another that it lacks (by name), as a merge leaves them. */
export function mergedAttributes(into: readonly Attribute[], from: readonly Attribute[]): Attribute[] {
  const names = new Set(into.map(({ name }) => name));
  return [...into, ...from.filter(({ name }) => !names.has(name))];
}
