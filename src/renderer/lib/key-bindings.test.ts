import { describe, expect, it } from 'vitest';
import type { Command } from '../commands/command';
import { keysFile, keysOf, ownersOf, parseBindings, readKeysFile, withKey, withoutKey } from './key-bindings';

function command(id: string, keys: string[], more: Partial<Command> = {}): Command {
  return { id, group: 'draw', title: id, keys, run: () => undefined, ...more };
}

const box = command('box', ['b']);
const polygon = command('polygon', ['g']);
const sort = command('sort', ['b'], { page: 'statistics' });
const palette = command('palette', ['Mod+k'], { always: true });
const cycle = command('cycle', ['Tab'], { focus: 'stage' });
const all = [box, polygon, sort, palette, cycle];

describe('bindings', () => {
  it('are what was delivered until a person changes them', () => {
    expect(keysOf(box, {})).toEqual(['b']);
    const changed = withKey({}, box, 'b', 'q');
    expect(keysOf(box, changed)).toEqual(['q']);
    expect(keysOf(polygon, changed)).toEqual(['g']);
    expect(withKey(changed, box, 'q', 'b')).toEqual({});
    expect(keysOf(box, withKey({}, box, null, 'q'))).toEqual(['b', 'q']);
    expect(keysOf(box, withoutKey({}, box, 'b'))).toEqual([]);
  });

  it('conflict only where both commands could be meant', () => {
    expect(ownersOf('b', polygon, all, {})).toEqual([box]);
    expect(ownersOf('b', sort, all, {})).toEqual([]);
    expect(ownersOf('b', palette, all, {})).toEqual([box, sort]);
    expect(ownersOf('Tab', box, all, {})).toEqual([]);
    expect(ownersOf('b', polygon, all, withoutKey({}, box, 'b'))).toEqual([]);
  });

  it('survive their storage, and damage gives none', () => {
    const changed = withKey(withoutKey({}, box, 'b'), polygon, null, 'Mod+Shift+p');
    expect(parseBindings(JSON.stringify(changed))).toEqual(changed);
    for (const damaged of [null, '', '{', '[1]', '{"box":"b"}', '{"box":[""]}']) {
      expect(parseBindings(damaged)).toEqual({});
    }
  });

  it('go through a file, which says every key', () => {
    const changed = withKey(withoutKey({}, polygon, 'g'), box, 'b', 'g');
    const file = keysFile(all, changed);
    expect(Object.keys(JSON.parse(file).keys)).toEqual(all.map(({ id }) => id));
    expect(readKeysFile(file, all)).toEqual({ bindings: changed, unknown: 0 });
  });

  it('come from no other file, and leave out what is not known or reserved', () => {
    expect(readKeysFile('{"keys":{"box":["x"]}}', all)).toBeNull();
    expect(readKeysFile('no', all)).toBeNull();
    const file = JSON.stringify({
      format: 'maskwright-keys',
      version: 1,
      keys: { box: ['Escape', 'x'], gone: ['y'] },
    });
    expect(readKeysFile(file, all)).toEqual({ bindings: { box: ['x'] }, unknown: 1 });
  });
});
