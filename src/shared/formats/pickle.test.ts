import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PickleValue, parsePickle } from './pickle';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const read = (text: string): PickleValue => parsePickle(bytes(text));

describe('pickles of Python 2', () => {
  it('reads texts of protocol 0 with their escapes', () => {
    expect(read("(lp0\nS'caf\\xc3\\xa9'\np1\naS\"it's\"\nag1\naVgr\\u00fcn \\U0001F600 a\\b\na.")).toEqual([
      'café',
      "it's",
      'café',
      'grün 😀 a\\b',
    ]);
    expect(read("(dp0\nS'a'\nI1\nsS'b'\nI01\nsS'c'\nL12345678901234567890L\ns.")).toEqual(
      new Map<string, PickleValue>([
        ['a', 1],
        ['b', true],
        ['c', 12345678901234567890n],
      ]),
    );
    expect(read('(F1e-3\nFinf\nF-2.5\nt.')).toEqual([0.001, Number.POSITIVE_INFINITY, -2.5]);
    expect(read("S'\\x41\\101\\n\\q\\\\'\n.")).toBe('AA\n\\q\\');
  });

  it('takes texts that are not UTF-8 for Latin-1', () => {
    expect(read('U\x04caf\xe9.')).toBe('café');
    expect(read('T\x05\x00\x00\x00caf\xc3\xa9.')).toBe('café');
  });
});

describe('what is refused', () => {
  const opcodes: [string, string][] = [
    ['GLOBAL', 'cos\nsystem\n.'],
    ['GLOBAL', "cos\nsystem\n(S'echo'\ntR."],
    ['REDUCE', "(S'x'\nS'y'\ntR."],
    ['BUILD', '}}b.'],
    ['INST', '(ios\nsystem\n.'],
    ['OBJ', '(o.'],
    ['PERSID', 'P1\n.'],
    ['BINPERSID', 'K\x01Q.'],
    ['NEWOBJ', '))\x81.'],
    ['EXT1', '\x82\x01.'],
    ['EXT2', '\x83\x01\x00.'],
    ['EXT4', '\x84\x01\x00\x00\x00.'],
    ['NEWOBJ_EX', ')))\x92.'],
    ['STACK_GLOBAL', '\x8c\x02os\x8c\x06system\x93.'],
    ['NEXT_BUFFER', '\x97.'],
    ['READONLY_BUFFER', 'N\x98.'],
  ];
  it.each(opcodes)('%s', (name, pickle) => {
    expect(() => read(pickle)).toThrow(new RegExp(`it uses ${name}: .*\\(at byte \\d+\\)`));
  });

  it.each([
    ['', 'cut off'],
    ['.', 'without a value'],
    ['X\x05\x00\x00\x00ab', 'cut off'],
    ['B\xff\xff\xff\xff', 'cut off'],
    ['\x8d\xff\xff\xff\xff\xff\xff\xff\xff.', 'cut off'],
    ['e.', 'mark'],
    ['N(K\x01e.', 'no list'],
    ['](K\x01u.', 'no dict'],
    ['}(K\x01u.', 'no value'],
    ['h\x05.', 'value 5'],
    ['}]K\x01s.', 'neither text nor number'],
    ['X\x01\x00\x00\x00\xff.', 'UTF-8'],
    ['\x80\x06N.', 'after 5'],
    [`I${'9'.repeat(5000)}\n.`, 'digits'],
    ['{"refs": 1}', 'no opcode 0x7b'],
  ])('%j', (pickle, reason) => {
    expect(() => read(pickle)).toThrow(reason);
  });

  it('ends on any bytes, with a value or a reason', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        try {
          parsePickle(input);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(TypeError);
          expect(error).not.toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

it('holds what is referred to twice once', () => {
  // Lists of two references to the list before: 2^60 items, were they written out.
  let pickle = ']q\x00';
  for (let i = 1; i <= 60; i += 1)
    pickle += `](h${String.fromCharCode(i - 1)}h${String.fromCharCode(i - 1)}eq${String.fromCharCode(i)}`;
  const value = read(`${pickle}.`);
  expect(Array.isArray(value) && value[0] === value[1]).toBe(true);
});
