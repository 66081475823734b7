import { expect, it } from 'vitest';
import { parsePreferences } from './preferences';

it('a damaged preference falls back by itself, and loses no other', () => {
  const defaults = parsePreferences(null);
  expect(parsePreferences('{')).toEqual(defaults);
  expect(parsePreferences('[]')).toEqual(defaults);
  expect(parsePreferences('null')).toEqual(defaults);
  expect(parsePreferences('{"theme":"light","maskOpacity":7,"scale":101,"gone":1}')).toEqual({
    ...defaults,
    theme: 'light',
  });
});
