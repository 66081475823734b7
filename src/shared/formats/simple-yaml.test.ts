import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSimpleYaml, type YamlValue, yamlText } from './simple-yaml';

const plain = (value: YamlValue | undefined): unknown =>
  value instanceof Map ? Object.fromEntries(value) : value;
const read = (text: string): Record<string, unknown> =>
  Object.fromEntries([...parseSimpleYaml(text)].map(([key, value]) => [key, plain(value)]));

describe('data.yaml', () => {
  it('is read in the forms that are about', () => {
    expect(
      read(
        `\ufeff# YOLO\r\npath: ../datasets/coco8-seg # root\r\ntrain: images/train\nval:\n  - a b\n  - 'it''s'\ntest:\n\nnc: 2\nnames:\n  0: person\n  1: "traffic \\"light\\" #1"\n`,
      ),
    ).toEqual({
      path: '../datasets/coco8-seg',
      train: 'images/train',
      val: ['a b', "it's"],
      test: null,
      nc: 2,
      names: { '0': 'person', '1': 'traffic "light" #1' },
    });
    expect(read(`names: ['a, b', c:d, "e"]\ntrain: C:\\data\\images\n`)).toEqual({
      names: ['a, b', 'c:d', 'e'],
      train: 'C:\\data\\images',
    });
    expect(read('names: {0: person, 1: "hot, dog"}')).toEqual({ names: { '0': 'person', '1': 'hot, dog' } });
    expect(read('names: [\n  a,\n  b\n]\nnc: 2')).toEqual({ names: ['a', 'b'], nc: 2 });
    expect(read('names:\n- person\n- 7\n')).toEqual({ names: ['person', 7] });
  });

  it('names the line that is not understood', () => {
    expect(() => read('train: images\nnames: &anchor\n')).toThrow('Line 2');
    expect(() => read('names: [a, b')).toThrow('left open');
    expect(() => read('just text')).toThrow('Line 1');
  });

  it('gives any name back', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (names) => {
        const text = `names:\n${names.map((name, index) => `  ${index}: ${yamlText(name)}`).join('\n')}\n`;
        expect(plain(parseSimpleYaml(text).get('names'))).toEqual({ ...names });
      }),
    );
  });
});
