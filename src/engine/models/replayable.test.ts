import { describe, expect, it } from 'vitest';
import { replayable } from './replayable';

describe('replayable', () => {
  it('leaves out what an earlier attempt gave already', () => {
    let text = '';
    const stream = replayable((more) => {
      text += more;
    });
    stream.push('ab');
    stream.push('c');
    stream.restart();
    stream.push('a');
    stream.push('bcd');
    expect(text).toBe('abcd');
  });

  it('gives nothing more when another attempt says something else', () => {
    let text = '';
    const stream = replayable((more) => {
      text += more;
    });
    stream.push('abc');
    stream.restart();
    stream.push('abx');
    stream.push('yz');
    expect(text).toBe('abc');
  });
});
