import { describe, expect, it } from 'vitest';
import { countPlaceholders } from './sql-parameters';

describe('countPlaceholders', () => {
  it('leaves out quotes and comments', () => {
    expect(countPlaceholders(`SELECT ?, '?', "a?", 'it''s ?' -- ?\n, ?`)).toBe(2);
  });
});
