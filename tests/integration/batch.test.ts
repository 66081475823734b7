import { appendFileSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { annotateBatch, type BatchOptions } from '@engine/batch/annotate';
import { ProgressLog } from '@engine/batch/progress-log';
import { reportOf } from '@engine/batch/report';
import { type DatasetTarget, targetOf } from '@engine/datasets';
import { writeTextParts } from '@engine/exporters';
import type { Policy } from '@engine/policies/policy';
import { MaskwrightError } from '@shared/contract/errors';
import { defaultConventions } from '@shared/tools/conventions';
import { parseTrajectory } from '@shared/trajectory/migrations';
import { expect, it, vi } from 'vitest';
import { shapeSegmenter } from '../support/shape-segmenter';

const photographs = resolve('resources/samples/first-steps/images');
const photograph = readdirSync(photographs).find((name) => name.endsWith('.jpg')) ?? '';
const newFolder = (): string => mkdtempSync(join(tmpdir(), 'maskwright-batch-'));

const target = (key: string, query = key): DatasetTarget =>
  targetOf({ key, fileName: photograph, imagePath: join(photographs, photograph), query, noTarget: true });

const policy = (propose: Policy['propose']): Policy => ({
  identity: { kind: 'test', name: 'test' },
  author: 'agent',
  readsPrompt: false,
  propose,
  async close() {},
});

const options = (policyFor: BatchOptions['policyFor']): BatchOptions => ({
  segmenter: shapeSegmenter(),
  policyFor,
  conventions: defaultConventions,
  turnBudget: 2,
  concurrency: 3,
  seed: 0,
});

const nothingThere = (thought = ''): Policy =>
  policy(async () => ({
    thought,
    call: { name: 'report_no_target', arguments: {} },
    problem: null,
    raw: '',
    usage: {},
  }));

it('stops every worker at an error that ends the run, and logs none of their items', async () => {
  const folder = newFolder();
  const log = await ProgressLog.open(folder, {});
  const stopped: string[] = [];
  let waiting = 0;
  const run = annotateBatch(
    ['broken', 'slow 1', 'slow 2', 'never'].map((key) => target(key)),
    log,
    options(({ key }) =>
      policy(async (_input, { signal } = {}) => {
        if (key === 'broken') {
          await vi.waitUntil(() => waiting === 2);
          throw new MaskwrightError('MODEL_MISSING', 'There is no model.');
        }
        waiting++;
        await new Promise((done) => signal?.addEventListener('abort', done));
        stopped.push(key);
        throw new MaskwrightError('CANCELLED', 'Stopped.');
      }),
    ),
  );
  await expect(run).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  expect(stopped.sort()).toEqual(['slow 1', 'slow 2']);
  expect(readFileSync(join(folder, 'progress.jsonl'), 'utf8')).toBe('');
});

it('goes on from a torn log, and gives the trajectories in the order of the targets', async () => {
  const folder = newFolder();
  const targets = ['a', 'b\u2028c', 'd'].map((key) => target(key));
  const run = (items: DatasetTarget[], log: ProgressLog): Promise<void> =>
    annotateBatch(items, log, { ...options(() => nothingThere('line\u2028break ü')), concurrency: 1 });
  await run([...targets].reverse().slice(0, 2), await ProgressLog.open(folder, { run: 1 }));
  appendFileSync(join(folder, 'progress.jsonl'), '{"ok":true,"key":"a');

  const log = await ProgressLog.open(folder, { run: 1 });
  expect([...log.done.keys()]).toEqual(['d', 'b\u2028c']);
  await run(targets, log);
  const file = join(folder, 'trajectories.jsonl');
  await writeTextParts(file, log.trajectories(targets.map(({ key }) => key)));
  const written: string[] = [];
  for await (const json of log.trajectories(targets.map(({ key }) => key))) {
    written.push(parseTrajectory(JSON.parse(json)).header.query);
  }
  expect(written).toEqual(targets.map(({ query }) => query));
  expect(readFileSync(file, 'utf8')).toContain('line\u2028break ü');
  expect(readdirSync(folder).sort()).toEqual(['progress.jsonl', 'run.json', 'trajectories.jsonl']);

  const skipped = [{ item: 'ref 7', reason: 'there is no image 9' }];
  expect(reportOf(targets, log.done, skipped)).toMatchObject({ n: 3, failed: 0, gIoU: 1, turns: 3, skipped });
});

it('refuses the results of another run, but not a folder in which nothing was done', async () => {
  const folder = newFolder();
  await ProgressLog.open(folder, { run: 1 });
  const log = await ProgressLog.open(folder, { run: 2 });
  await annotateBatch(
    [target('a')],
    log,
    options(() => nothingThere()),
  );
  await expect(ProgressLog.open(folder, { run: 1 })).rejects.toMatchObject({ code: 'CONFLICT' });
});
