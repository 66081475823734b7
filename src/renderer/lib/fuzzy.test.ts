import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzyScore } from './fuzzy';

function best(typed: string, titles: readonly string[]): string | undefined {
  return titles
    .map((title) => ({ title, score: fuzzyScore(typed, title) }))
    .filter((each): each is { title: string; score: number } => each.score !== null)
    .sort((a, b) => b.score - a.score)[0]?.title;
}

describe('fuzzy matching', () => {
  it('prefers whole words to the middle of one, and those to scattered letters', () => {
    expect(best('mask', ['Unmasked', 'Next mask', 'Move all sticks'])).toBe('Next mask');
    expect(best('zi', ['Organizing', 'Zoom in'])).toBe('Zoom in');
    expect(best('掩码', ['下一个掩码', '选择'])).toBe('下一个掩码');
  });

  it('ignores case and accents, and refuses letters in another order', () => {
    expect(fuzzyScore('CAFE', 'Café')).not.toBeNull();
    expect(fuzzyScore('ab', 'ba')).toBeNull();
  });

  it('takes every title for itself and for its letters in order', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(fc.boolean()), (title, kept) => {
        const some = [...title].filter((_, index) => kept[index]).join('');
        expect(fuzzyScore(title, title)).not.toBeNull();
        expect(fuzzyScore(some, title)).not.toBeNull();
      }),
    );
  });
});
