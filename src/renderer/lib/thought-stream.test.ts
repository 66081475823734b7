import { formatTurn } from '@shared/tools/prompt-text';
import { describe, expect, it } from 'vitest';
import { thoughtSoFar } from './thought-stream';

describe('a thought that is being written', () => {
  it('never shows a tag, however little has arrived', () => {
    const answer = formatTurn('The left mug is 3 < 4 cups wide.', { name: 'finish', arguments: {} });
    for (let length = 0; length <= answer.length; length++) {
      const { thought } = thoughtSoFar(answer.slice(0, length));
      expect('The left mug is 3 < 4 cups wide.'.startsWith(thought)).toBe(true);
    }
    expect(thoughtSoFar(answer)).toEqual({ thought: 'The left mug is 3 < 4 cups wide.', callBegun: true });
  });
});
