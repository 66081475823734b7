import { MaskwrightError } from '@shared/contract/errors';
import type { JobState } from '@shared/contract/methods';
import { describe, expect, it, vi } from 'vitest';
import { RateMeter } from './rate';
import { JobRunner } from './runner';

describe('RateMeter', () => {
  it('gives items a second and seconds left', () => {
    const meter = new RateMeter(0);
    expect(meter.update(0, 0, 100)).toEqual({ rate: null, eta: null });
    expect(meter.update(1000, 10, 100)).toEqual({ rate: 10, eta: 9 });
    expect(meter.update(1100, 11, 100)).toEqual({ rate: 10, eta: 8.9 });
    expect(meter.update(2000, 30, null).eta).toBeNull();
  });

  it('does not count what was done before it started', () => {
    const meter = new RateMeter(0);
    meter.update(500, 90, 100);
    expect(meter.update(1500, 95, 100)).toEqual({ rate: 5, eta: 1 });
  });
});

describe('JobRunner', () => {
  it('tells start, progress, failures and end', async () => {
    let clock = 0;
    const seen: JobState[] = [];
    const jobs = new JobRunner({ now: () => clock });
    jobs.onChange((job) => seen.push(job));
    const { id } = jobs.start('import', 'Import', async ({ progress, fail }) => {
      for (let done = 0; done <= 100; done += 1) {
        clock += 20;
        progress(done, 100);
      }
      fail('b.png', 'broken');
      return 'done';
    });
    const last = await jobs.wait(id);
    expect(last).toMatchObject({ status: 'done', done: 100, total: 100, message: 'done', eta: null });
    expect(last.failures).toEqual([{ item: 'b.png', message: 'broken' }]);
    expect(seen[0]).toMatchObject({ status: 'running', done: 0 });
    expect(seen.length).toBeLessThan(20);
    expect(seen.some((job) => job.rate !== null && Math.abs(job.rate - 50) < 1)).toBe(true);
    expect(jobs.list()).toEqual([last]);
  });

  it('cancels, fails with the hint, and calls the rest cancelled at once when all are stopped', async () => {
    const jobs = new JobRunner();
    const untilAborted = (signal: AbortSignal): Promise<null> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    const one = jobs.start('a', 'A', ({ signal }) => untilAborted(signal));
    const two = jobs.start('b', 'B', () => {
      throw new MaskwrightError('NOT_FOUND', 'No folder.', { hint: 'Choose one.' });
    });
    const three = jobs.start('c', 'C', ({ signal }) => untilAborted(signal));
    await jobs.wait(two.id);
    jobs.cancel(one.id);
    expect((await jobs.wait(one.id)).status).toBe('cancelled');
    expect((await jobs.wait(two.id)).message).toBe('No folder. Choose one.');
    const stopped = jobs.stopAll();
    expect(jobs.list()[0]).toMatchObject({ id: three.id, status: 'cancelled' });
    await stopped;
    expect(() => jobs.cancel('nope')).toThrow('no such job');
  });

  it('goes on when a listener throws', async () => {
    const jobs = new JobRunner();
    jobs.onChange(() => {
      throw new Error('listener');
    });
    const { id } = jobs.start('a', 'A', async () => 'fine');
    expect((await jobs.wait(id)).status).toBe('done');
  });
});

describe('lanes and pauses', () => {
  const work =
    (log: string[], name: string, until: Promise<unknown> = Promise.resolve()) =>
    async ({ signal }: { signal: AbortSignal }): Promise<null> => {
      log.push(`${name} starts`);
      const aborted = new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
      await Promise.race([until, aborted]);
      log.push(`${name} ends`);
      return null;
    };

  it('runs jobs of a lane one after another, and others at once', async () => {
    const jobs = new JobRunner();
    const log: string[] = [];
    let open: (value: null) => void = () => {};
    const gate = new Promise<null>((resolve) => {
      open = resolve;
    });
    const one = jobs.start('run', '1', work(log, 'one', gate), { lane: 'runs' });
    const two = jobs.start('run', '2', work(log, 'two'), { lane: 'runs' });
    const other = jobs.start('import', '3', work(log, 'other'));
    expect([one.status, two.status, other.status]).toEqual(['running', 'queued', 'running']);
    await jobs.wait(other.id);
    open(null);
    await jobs.wait(two.id);
    expect(log.filter((line) => !line.startsWith('other'))).toEqual([
      'one starts',
      'one ends',
      'two starts',
      'two ends',
    ]);
  });

  it('pauses what runs and what waits, goes on under the same id, and cancels what is paused', async () => {
    const jobs = new JobRunner();
    const log: string[] = [];
    const never = new Promise(() => {});
    const one = jobs.start('run', '1', work(log, 'one', never), { lane: 'runs', pausable: true });
    const two = jobs.start('run', '2', work(log, 'two', never), { lane: 'runs', pausable: true });
    expect(jobs.pause(two.id).status).toBe('paused');
    await vi.waitUntil(() => log.length > 0);
    jobs.pause(one.id);
    expect((await jobs.wait(one.id)).status).toBe('paused');
    expect((await jobs.wait(two.id)).status).toBe('paused');
    const again = jobs.start('run', '1', work(log, 'one again'), {
      id: one.id,
      lane: 'runs',
      done: 3,
      total: 9,
    });
    expect(again).toMatchObject({ id: one.id, status: 'running', done: 3, total: 9 });
    expect((await jobs.wait(one.id)).status).toBe('done');
    expect(jobs.cancel(two.id).status).toBe('cancelled');
    expect(log).toEqual(['one starts', 'one again starts', 'one again ends']);
    expect(jobs.list().map(({ id }) => id)).toEqual([one.id, two.id]);
  });

  it('goes on when it is resumed before its work has noticed the pause', async () => {
    const jobs = new JobRunner();
    const log: string[] = [];
    const options = { lane: 'runs', pausable: true };
    const { id } = jobs.start('run', '1', work(log, 'one', new Promise(() => {})), options);
    await vi.waitUntil(() => log.length > 0);
    jobs.pause(id);
    expect(jobs.isAtWork(id)).toBe(false);
    jobs.start('run', '1', work(log, 'one again'), { ...options, id });
    expect(jobs.isAtWork(id)).toBe(true);
    expect((await jobs.wait(id)).status).toBe('done');
    expect(log).toEqual(['one starts', 'one again starts', 'one again ends']);
  });

  it('cancels a paused job of long ago', () => {
    const old = { id: 'run_1', kind: 'run', label: '1', status: 'paused', done: 3, total: 9 } as const;
    const stored: JobState = { ...old, rate: null, eta: null, message: null, failures: [] };
    const saved: JobState[] = [];
    const jobs = new JobRunner({
      storage: {
        saveJob: (job) => saved.push(job),
        listJobs: () => [],
        storedJob: (id) => (id === stored.id ? stored : null),
      },
    });
    expect(jobs.cancel('run_1').status).toBe('cancelled');
    expect(saved).toMatchObject([{ id: 'run_1', status: 'cancelled' }]);
  });

  it('calls a pausable job paused when the project is closed', async () => {
    const jobs = new JobRunner();
    const { id } = jobs.start('run', '1', work([], 'one', new Promise(() => {})), { pausable: true });
    await jobs.stopAll();
    expect((await jobs.wait(id)).status).toBe('paused');
  });
});
