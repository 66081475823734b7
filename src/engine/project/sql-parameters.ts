import { MaskwrightError } from '@shared/contract/errors';

/**
 * libsql aborts the whole process (not catchable) on a bound boolean, and on an object, Date or typed array as the
 * only argument; it binds missing parameters as NULL and cuts strings at a NUL. Here each of these becomes an ordinary
 * error with a message instead.
 */

/** Values that can be bound. Not bytes: no table has them. */
export type SqlInput = string | number | boolean | null;
type Bound = string | number | null;

const kindOf = (value: unknown): string => {
  if (value === undefined) return 'undefined';
  if (value instanceof Date) return 'a Date';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value;
};

/** Number of `?` placeholders outside of quotes and comments. */
export function countPlaceholders(sql: string): number {
  const bare = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*/g, '');
  return (bare.match(/\?/g) ?? []).length;
}

/** Turns parameters into what libsql takes. Throws INTERNAL with position and type for everything else. */
export function checkedParameters(sql: string, parameters: readonly unknown[]): Bound[] {
  const refuse = (message: string): MaskwrightError =>
    new MaskwrightError('INTERNAL', `${message} in: ${sql.trim().slice(0, 120)}`);
  const expected = countPlaceholders(sql);
  if (parameters.length !== expected) {
    throw refuse(`${parameters.length} SQL parameters where ${expected} are expected`);
  }
  return parameters.map((value, index): Bound => {
    const position = `SQL parameter ${index + 1}`;
    if (value === null) return null;
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (typeof value === 'string') {
      if (value.includes('\0')) throw refuse(`${position} holds a NUL character`);
      return value;
    }
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw refuse(`${position} is ${value}`);
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw refuse(`${position} is an integer beyond 2^53`);
      }
      return value;
    }
    throw refuse(`${position} is ${kindOf(value)}`);
  });
}
