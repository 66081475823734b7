import { expect, it } from 'vitest';
import { labelMapName, labelMapText, parseMaskClasses, vocColor } from './voc';

it('has the colours of Pascal VOC', () => {
  expect([0, 1, 2, 3, 15, 255].map(vocColor)).toEqual([
    [0, 0, 0],
    [128, 0, 0],
    [0, 128, 0],
    [128, 128, 0],
    [192, 128, 128],
    [224, 224, 192],
  ]);
  expect(new Set(Array.from({ length: 256 }, (_, index) => vocColor(index).join())).size).toBe(256);
});

it('reads class lists in four forms, and its own', () => {
  const names = ['background', 'traffic light', 'a, b'];
  expect(parseMaskClasses(labelMapText(names))).toEqual([
    { value: 0, name: 'background', color: [0, 0, 0] },
    { value: 1, name: 'traffic light', color: [128, 0, 0] },
    { value: 2, name: 'a, b', color: [0, 128, 0] },
  ]);
  expect(parseMaskClasses('background\r\n\r\ncat\n').map(({ value, name }) => [value, name])).toEqual([
    [0, 'background'],
    [1, 'cat'],
  ]);
  for (const text of ['7 cat\n11 dog', '7: cat\n11:dog', '7,cat\n11,dog'])
    expect(parseMaskClasses(text).map(({ value, name }) => [value, name])).toEqual([
      [7, 'cat'],
      [11, 'dog'],
    ]);
  expect(labelMapName('a:b#c\n')).toBe('a_b_c_');
});
