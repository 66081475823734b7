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

  it('forgets redo when something new was done outside of the journal', () => {
    const stacks = new HistoryStacks();
    stacks.append({ seq: 1, kind: 'mark', target: null });
    stacks.append({ seq: 2, kind: 'undo', target: 1 });
    stacks.append({ seq: 3, kind: 'event', target: null });
    expect(stacks.nextRedo).toBe(1);
    stacks.append({ seq: 4, kind: 'event', target: 1 });
    expect([stacks.nextUndo, stacks.nextRedo]).toEqual([null, null]);
  });
});
