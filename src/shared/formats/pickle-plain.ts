import type { PickleValue } from './pickle';

const deepest = 64;

/**
 * What a pickle holds as plain objects and lists: dicts with text keys become objects, sets lists. What the pickle
 * refers to several times is written out each time, so there is a limit.
 *
 * @param most values that may come of it; throws an Error for more, and for a value within itself
 */
export function plainOf(value: PickleValue, most: number): unknown {
  let left = most;
  const convert = (one: PickleValue, depth: number): unknown => {
    left -= 1;
    if (left < 0) throw new Error(`it holds more than ${most} values`);
    if (depth > deepest) throw new Error(`it is nested more than ${deepest} deep`);
    if (one instanceof Map) {
      return Object.fromEntries([...one].map(([key, item]) => [String(key), convert(item, depth + 1)]));
    }
    if (one instanceof Set) return [...one];
    if (Array.isArray(one)) return one.map((item) => convert(item, depth + 1));
    return one;
  };
  return convert(value, 0);
}
