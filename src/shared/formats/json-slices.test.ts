import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rawElements, rawMembers } from './json-slices';

describe('slices of JSON', () => {
  it('keep digits, order and spaces inside', () => {
    expect(rawMembers(' { "a" : 1.0 ,"b":[ [1e2, 2.50] ] , "c\\"": "x}\\\\" }')).toEqual([
      { key: 'a', value: '1.0' },
      { key: 'b', value: '[ [1e2, 2.50] ]' },
      { key: 'c"', value: '"x}\\\\"' },
    ]);
    expect(rawElements('[1.0, null ,"]"]')).toEqual(['1.0', 'null', '"]"']);
    expect(rawElements(' [ ] ')).toEqual([]);
    expect(rawMembers('{}')).toEqual([]);
  });

  it('are whole JSON values that parse to the same, for any JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, indent) => {
        const text = JSON.stringify(values, null, indent);
        expect(rawElements(text).map((element) => JSON.parse(element))).toEqual(JSON.parse(text));
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        const again = Object.fromEntries(
          rawMembers(text).map(({ key, value: raw }) => [key, JSON.parse(raw)]),
        );
        expect(again).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuse what is cut off', () => {
    for (const text of ['', '{', '[1', '{"a":', '{"a":"', '{"a" 1}', '[,]', '5']) {
      expect(() => (text.startsWith('[') ? rawElements(text) : rawMembers(text))).toThrow(SyntaxError);
    }
  });
});
