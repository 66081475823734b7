import { describe, expect, it } from 'vitest';
import { ownersOf, reservedKeys } from '../lib/key-bindings';
import { commands } from '.';
import { commandGroups } from './command';

describe('the commands', () => {
  it('have an id each', () => {
    const ids = commands.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('share no key where both could be meant', () => {
    const shared = commands.flatMap((command) =>
      command.keys.flatMap((key) =>
        ownersOf(key, command, commands, {}).map((other) => `${key}: ${command.id}, ${other.id}`),
      ),
    );
    expect(shared).toEqual([]);
  });

  it('leave the keys that work the window, unless they are bound to the focus', () => {
    const taken = commands.filter(
      ({ keys, focus }) => focus === undefined && keys.some((key) => reservedKeys.includes(key)),
    );
    expect(taken.map(({ id }) => id)).toEqual([]);
  });

  it('are written as `Command` says, and belong to a group with a title', () => {
    const form = /^(Mod\+)?(Alt\+)?(Shift\+)?([^A-Z\s]|Space|[A-Z][A-Za-z0-9]+)$/;
    for (const { keys, group, title } of commands) {
      expect(keys.filter((key) => !form.test(key))).toEqual([]);
      expect(commandGroups).toContain(group);
      expect(title).not.toBe('');
    }
  });
});
