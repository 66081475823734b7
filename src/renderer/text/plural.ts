import { count } from '../lib/format';

/** A number with its noun, for languages with one plural form. */
export function plural(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
