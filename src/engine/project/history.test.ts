import { describe, expect, it } from 'vitest';
import { HistoryStacks } from './history';

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
