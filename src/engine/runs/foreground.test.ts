import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import type { Segmenter } from '../segmenters/segmenter';
import { backgroundSegmenter, Foreground, foregroundSegmenter } from './foreground';

const image = greyImage(20, 20);
const prompt = { box: { x1: 2, y1: 2, x2: 9, y2: 9 }, points: [], lowRes: null };
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Says what was asked in which order, and answers when it is let to. */
function held(): { segmenter: Segmenter; log: string[]; release(): void } {
  const inner = shapeSegmenter();
  const log: string[] = [];
  const waiting: (() => void)[] = [];
  return {
    log,
    release: () => waiting.shift()?.(),
    segmenter: {
      ...inner,
      async encode(_image, options) {
        log.push(`encode ${options?.priority ?? ''}`);
      },
      async segment(...given) {
        log.push(given[2]?.lane ?? 'batch');
        await new Promise<void>((resolve) => waiting.push(resolve));
        return inner.segment(...given);
      },
    },
  };
}

describe('foreground and background', () => {
  it('begins nothing in the background while a person waits', async () => {
    const { segmenter, log, release } = held();
    const foreground = new Foreground();
    const person = foregroundSegmenter(segmenter, foreground);
    const batch = backgroundSegmenter(segmenter, foreground);
    const first = batch.segment(image, prompt);
    await soon();
    const second = batch.segment(image, prompt);
    const asked = person.segment(image, prompt, { lane: 'person' });
    await soon();
    // One was in work already; the person did not wait behind the other.
    expect(log).toEqual(['encode prefetch', 'batch', 'person']);
    release();
    await first;
    await soon();
    expect(log).toHaveLength(3);
    release();
    await asked;
    await soon();
    expect(log.slice(3)).toEqual(['encode prefetch', 'batch']);
    release();
    await second;
  });

  it('stops waiting when the run is stopped', async () => {
    const foreground = new Foreground();
    const stop = new AbortController();
    let done: () => void = () => {};
    const busy = foreground.first(() => new Promise<void>((resolve) => (done = resolve)));
    const waiting = foreground.idle(stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    done();
    await busy;
    await expect(foreground.idle()).resolves.toBeUndefined();
  });
});
