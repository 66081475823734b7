import { describe, expect, it } from 'vitest';
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
