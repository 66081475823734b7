import { describe, expect, it } from 'vitest';
import { countPlaceholders } from './database';
import { HistoryStacks } from './history';
import { extensionOf, isImagePath, naturalSortKey, pathInside, resolveInside } from './paths';

describe('paths', () => {
  it('stay inside their folder', () => {
    expect(pathInside('/data', '/data/a/b.png')).toBe('a/b.png');
    expect(pathInside('/data', '/data/..b.png')).toBe('..b.png');
    for (const outside of ['/data', '/data2/a.png', '/a.png', '/data/../a.png'])
      expect(pathInside('/data', outside)).toBeNull();
    expect(resolveInside('/data', 'a/b.png')).toBe('/data/a/b.png');
    for (const bad of ['../a.png', '/etc/a.png', 'a/../../b.png', 'a\0.png', '.']) {
      expect(() => resolveInside('/data', bad)).toThrow('outside');
    }
  });

  it('sort by number and know images', () => {
    const names = ['img10.png', 'IMG2.png', 'img1.png', 'a.png'];
    expect([...names].sort((a, b) => (naturalSortKey(a) < naturalSortKey(b) ? -1 : 1))).toEqual([
      'a.png',
      'img1.png',
      'IMG2.png',
      'img10.png',
    ]);
    expect([extensionOf('a/b.JPG'), extensionOf('.png'), extensionOf('a.d/b')]).toEqual(['.jpg', '', '']);
    expect([isImagePath('x.tiff'), isImagePath('x.svg')]).toEqual([true, false]);
  });
});

describe('countPlaceholders', () => {
  it('leaves out quotes and comments', () => {
    expect(countPlaceholders(`SELECT ?, '?', "a?", 'it''s ?' -- ?\n, ?`)).toBe(2);
  });
});

describe('HistoryStacks', () => {
  it('follows marks, undo and redo, and forgets redo at a new mark', () => {
    const stacks = new HistoryStacks();
    const entries = [
      ['mark', null],
      ['event', null],
      ['mark', null],
      ['undo', 3],
      ['undo', 1],
      ['redo', 1],
    ] as const;
    for (const [index, [kind, target]] of entries.entries()) stacks.append({ seq: index + 1, kind, target });
    expect([stacks.nextUndo, stacks.nextRedo]).toEqual([1, 3]);
    stacks.append({ seq: 7, kind: 'redo', target: 99 });
    expect([stacks.nextUndo, stacks.nextRedo]).toEqual([1, 3]);
    stacks.append({ seq: 8, kind: 'mark', target: null });
    expect([stacks.nextUndo, stacks.nextRedo]).toEqual([8, null]);
  });
});
