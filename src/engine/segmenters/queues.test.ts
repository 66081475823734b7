import { MaskwrightError } from '@shared/contract/errors';
import { describe, expect, test } from 'vitest';
import { LatestWinsQueue } from './decode-queue';
import { EncodeQueue } from './encode-queue';

interface Gate {
  promise: Promise<void>;
  open(): void;
}
function gate(): Gate {
  let open = (): void => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof MaskwrightError ? error.code : String(error)),
  );
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe('LatestWinsQueue', () => {
  const add = (
    queue: LatestWinsQueue<string>,
    lane: string,
    task: () => Promise<string>,
    signal?: AbortSignal,
  ): Promise<string> => queue.add(lane, queue.ticket(lane), task, signal);

  test('one runs, one waits, the older waiting one is cancelled', async () => {
    const queue = new LatestWinsQueue<string>();
    const first = gate();
    const ran: string[] = [];
    const task = (name: string, until?: Promise<void>) => async (): Promise<string> => {
      ran.push(name);
      await until;
      return name;
    };
    const a = add(queue, 'x', task('a', first.promise));
    const b = codeOf(add(queue, 'x', task('b')));
    const c = add(queue, 'x', task('c'));
    expect(await b).toBe('CANCELLED');
    first.open();
    expect(await a).toBe('a');
    expect(await c).toBe('c');
    expect(ran).toEqual(['a', 'c']);
  });

  test('lanes take turns, and a replaced request keeps its lane’s place', async () => {
    const queue = new LatestWinsQueue<string>();
    const first = gate();
    const ran: string[] = [];
    const task = (name: string, until?: Promise<void>) => async (): Promise<string> => {
      ran.push(name);
      await until;
      return name;
    };
    const all = [add(queue, 'x', task('x1', first.promise))];
    const dropped = codeOf(add(queue, 'x', task('x2')));
    all.push(add(queue, 'y', task('y1')), add(queue, 'x', task('x3')), add(queue, 'z', task('z1')));
    first.open();
    await Promise.all(all);
    expect(await dropped).toBe('CANCELLED');
    expect(ran).toEqual(['x1', 'x3', 'y1', 'z1']);
  });

  test('a request that was held up behind a newer one of its lane is cancelled', async () => {
    const queue = new LatestWinsQueue<string>();
    const old = queue.ticket('x');
    const newer = queue.ticket('x');
    expect(await queue.add('x', newer, async () => 'new')).toBe('new');
    expect(await codeOf(queue.add('x', old, async () => 'old'))).toBe('CANCELLED');
    expect(await add(queue, 'x', async () => 'next')).toBe('next');
  });

  test('an abort rejects at once; what runs is left to finish', async () => {
    const queue = new LatestWinsQueue<string>();
    const first = gate();
    const running = new AbortController();
    const waiting = new AbortController();
    const a = codeOf(add(queue, 'x', async () => first.promise.then(() => 'a'), running.signal));
    const b = codeOf(add(queue, 'y', async () => 'b', waiting.signal));
    const c = add(queue, 'z', async () => 'c');
    running.abort();
    waiting.abort();
    expect(await a).toBe('CANCELLED');
    expect(await b).toBe('CANCELLED');
    let settled = false;
    void c.then(() => {
      settled = true;
    });
    await pause();
    expect(settled).toBe(false);
    first.open();
    expect(await c).toBe('c');
    expect(await codeOf(add(queue, 'x', async () => 'd', running.signal))).toBe('CANCELLED');
  });

  test('a failing task does not stop the queue; clear rejects what waits', async () => {
    const queue = new LatestWinsQueue<string>();
    await expect(add(queue, 'x', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const first = gate();
    const a = add(queue, 'x', async () => first.promise.then(() => 'a'));
    const b = codeOf(add(queue, 'x', async () => 'b'));
    queue.clear();
    first.open();
    expect(await a).toBe('a');
    expect(await b).toBe('CANCELLED');
  });
});

describe('EncodeQueue', () => {
  test('the foreground goes before prefetches, and a prefetch that is wanted now moves up', async () => {
    const queue = new EncodeQueue<string>();
    const first = gate();
    const ran: string[] = [];
    const task = (name: string, until?: Promise<void>) => async (): Promise<string> => {
      ran.push(name);
      await until;
      return name;
    };
    const all = [
      queue.add('a', task('a', first.promise), { priority: 'prefetch' }),
      queue.add('b', task('b'), { priority: 'prefetch' }),
      queue.add('c', task('c'), { priority: 'prefetch' }),
      queue.add('d', task('d'), { priority: 'foreground' }),
      queue.add('c', task('never'), { priority: 'foreground' }),
    ];
    await pause();
    expect(ran).toEqual(['a']);
    first.open();
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'c']);
    expect(ran.slice(1, 3).sort()).toEqual(['c', 'd']);
    expect(ran.slice(3)).toEqual(['b']);
  });

  test('a prefetch that has just begun serves the foreground', async () => {
    const queue = new EncodeQueue<string>();
    const prefetch = queue.add('a', async () => 'a', { priority: 'prefetch' });
    const foreground = queue.add('a', async () => 'never', { priority: 'foreground' });
    expect(await Promise.all([prefetch, foreground])).toEqual(['a', 'a']);
  });

  test('an abort is its caller’s only; a task that nobody wants is not begun', async () => {
    const queue = new EncodeQueue<string>();
    const first = gate();
    const ran: string[] = [];
    const a = queue.add('a', () => first.promise.then(() => 'a'), { priority: 'foreground' });
    const one = new AbortController();
    const two = new AbortController();
    const run = (name: string) => async (): Promise<string> => {
      ran.push(name);
      return name;
    };
    const b1 = codeOf(queue.add('b', run('b'), { priority: 'foreground', signal: one.signal }));
    const b2 = queue.add('b', run('b'), { priority: 'foreground' });
    const c = codeOf(queue.add('c', run('c'), { priority: 'foreground', signal: two.signal }));
    one.abort();
    two.abort();
    expect([await b1, await c]).toEqual(['CANCELLED', 'CANCELLED']);
    first.open();
    expect([await a, await b2]).toEqual(['a', 'b']);
    await pause();
    expect(ran).toEqual(['b']);
    expect(await queue.add('c', run('c'), { priority: 'prefetch' })).toBe('c');
  });

  test('a failure reaches everybody and is not kept', async () => {
    const queue = new EncodeQueue<string>();
    const fail = (): Promise<string> => Promise.reject(new Error('no'));
    const results = await Promise.allSettled([
      queue.add('a', fail, { priority: 'foreground' }),
      queue.add('a', fail, { priority: 'foreground' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await queue.add('a', async () => 'now', { priority: 'foreground' })).toBe('now');
    queue.close();
    expect(await codeOf(queue.add('a', async () => 'late', { priority: 'foreground' }))).toBe('CANCELLED');
  });
});
