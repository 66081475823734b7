import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Dataset, openDataset, parseDatasetSpec } from '@engine/datasets';
import { type EvaluationOptions, evaluate } from '@engine/evaluation/evaluate';
import type { Policy, Proposal } from '@engine/policies/policy';
import { simulatedAnnotator } from '@engine/policies/simulated-annotator';
import { type Sample, sampleSchema } from '@shared/evaluation/sample';
import { defaultConventions } from '@shared/tools/conventions';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runCli, startCli } from '../support/cli';
import { hasPythonModule, runPython } from '../support/python';
import { shapeSegmenter } from '../support/shape-segmenter';
import { coco20, hasSharedData, sharedData, surrogates } from '../support/shared-data';

const intervalSchema = z.object({ value: z.number(), low: z.number(), high: z.number() });
const meansSchema = z.object({ n: z.number(), gIoU: intervalSchema, cIoU: intervalSchema });
const summarySchema = z.object({
  n: z.number(),
  failed: z.number(),
  protocols: z.object({ lisa: meansSchema, segzero: meansSchema }),
  one_shot: z.object({ lisa: meansSchema, segzero: meansSchema }),
});
const reportSchema = summarySchema.extend({
  budgets: z.array(summarySchema.extend({ budget: z.number() })),
  groups: z.array(summarySchema.extend({ group: z.string() })),
  skipped: z.array(z.object({ item: z.string(), reason: z.string() })),
  tokens: z.object({ prompt: z.number(), completion: z.number() }).nullable(),
});

const countedSchema = z.object({ intersection: z.number(), union: z.number(), iou: z.number() });
const totalsSchema = z.object({ gIoU: z.number(), cIoU: z.number() });
const referenceSchema = z.object({
  n: z.number(),
  totals: z.object({ lisa: totalsSchema, segzero: totalsSchema }),
  samples: z.record(
    z.string(),
    z.object({
      lisa: countedSchema,
      segzero: countedSchema,
      gt_area: z.number(),
      ignore_area: z.number(),
    }),
  ),
});

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'maskwright-eval-'));
const reportIn = (dir: string): z.infer<typeof reportSchema> =>
  reportSchema.parse(JSON.parse(readFileSync(join(dir, 'report.json'), 'utf8')));
const samplesIn = (dir: string): Sample[] =>
  readFileSync(join(dir, 'samples.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => sampleSchema.parse(JSON.parse(line)));

const script = readFileSync(resolve('tests/integration/metrics_reference.py'), 'utf8');
const hasArbiters = ['cv2', 'numpy', 'pycocotools'].every((module) =>
  hasPythonModule(module, 'metrics against an independent computation'),
);
const reasonSegStyle = join(sharedData, 'photos/reasonseg_style');

/** Report and samples of a run are those that Python computes from the raw annotations. */
function expectReference(dir: string, dataset: Record<string, unknown>): void {
  if (!hasArbiters) return;
  const reference = referenceSchema.parse(runPython(script, { ...dataset, run: dir }));
  const { protocols, n } = reportIn(dir);
  expect(n).toBe(reference.n);
  for (const protocol of ['lisa', 'segzero'] as const) {
    const { gIoU, cIoU } = reference.totals[protocol];
    expect(Math.abs(protocols[protocol].gIoU.value - gIoU), `${protocol} gIoU`).toBeLessThan(1e-6);
    expect(Math.abs(protocols[protocol].cIoU.value - cIoU), `${protocol} cIoU`).toBeLessThan(1e-6);
  }
  const samples = samplesIn(dir);
  expect(samples.map(({ id }) => id).sort()).toEqual(Object.keys(reference.samples).sort());
  for (const { id, protocols: counted, gt_area, ignore_area, intersection, union } of samples) {
    const expected = reference.samples[id];
    expect({ gt_area, ignore_area }, id).toEqual({
      gt_area: expected?.gt_area,
      ignore_area: expected?.ignore_area,
    });
    expect({ intersection, union }, id).toEqual({
      intersection: expected?.lisa.intersection,
      union: expected?.lisa.union,
    });
    for (const protocol of ['lisa', 'segzero'] as const) {
      const { iou, ...areas } = counted[protocol] ?? { iou: Number.NaN };
      const { iou: expectedIou = 9, ...expectedAreas } = expected?.[protocol] ?? {};
      expect(areas, id).toEqual(expectedAreas);
      expect(Math.abs(iou - expectedIou), id).toBeLessThan(1e-6);
    }
  }
}

/** Segments a box in the middle of the view and is done, whatever is asked. */
const boxInTheMiddle: Policy['propose'] = async ({ state }): Promise<Proposal> => ({
  thought: '',
  call:
    state.turn === 0
      ? { name: 'segment_box', arguments: { x1: 300, y1: 300, x2: 700, y2: 700 } }
      : { name: 'finish', arguments: {} },
  problem: null,
  raw: '',
  usage: { promptTokens: 100, completionTokens: 10 },
});

const scripted = (propose: Policy['propose']): Policy => ({
  identity: { kind: 'test', name: 'test' },
  author: 'agent',
  readsPrompt: false,
  propose,
  async close() {},
});

const options = (given: Partial<EvaluationOptions> = {}): EvaluationOptions => ({
  segmenter: shapeSegmenter({ shift: 5 }),
  policyFor: (_target, truth, seed) =>
    truth ? simulatedAnnotator(truth, { seed }) : scripted(boxInTheMiddle),
  conventions: defaultConventions,
  turnBudget: 3,
  concurrency: 3,
  seed: 1,
  sweep: [],
  settings: { policy: 'test', segmenter: 'shapes', coordinates: 'norm1000', turns: 3, seed: 1 },
  fingerprint: {},
  targetsSum: { add: () => {}, end: () => null },
  cases: 2,
  onStart: () => {},
  onItem: () => {},
  ...given,
});

describe.skipIf(!hasSharedData('evaluation on real photographs'))('maskwright eval', () => {
  const refs = { dataset: 'refcoco', refs: coco20.refs, instances: coco20.instances };
  const onRefs = (out: string): string[] => [
    ...['eval', '--dataset', `refcoco:${coco20.refs}`, '--images', coco20.images],
    ...['--policy', 'simulated', '--segmenter', surrogates.sam1, '--turns', '3', '--sweep', '1'],
    ...['--concurrency', '2', '--cases', '2', '--out', out],
  ];

  it('counts all 32 targets as Python does, also when it was killed half-way', async () => {
    const out = newFolder();
    const log = join(out, 'progress.jsonl');
    const done = (): number => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0);
    const { child, result } = startCli(onRefs(out));
    const watch = setInterval(() => {
      if (done() >= 6) child.kill('SIGKILL');
    }, 20);
    expect((await result).signal).toBe('SIGKILL');
    clearInterval(watch);
    expect(done()).toBeLessThan(32);

    const resumed = await runCli(onRefs(out));
    expect(resumed.stderr).toMatch(/resuming: \d+ of 64/);
    expect(resumed.code).toBe(0);
    expectReference(out, refs);
    const report = reportIn(out);
    expect(report).toMatchObject({ n: 32, failed: 0, skipped: [] });
    expect(report.budgets.map(({ budget }) => budget)).toEqual([1, 3]);
    // A budget of one turn is the one-shot answer, here of a policy that begins alike.
    expect(report.budgets[0]?.protocols.lisa.gIoU.value).toBe(report.one_shot.lisa.gIoU.value);

    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toMatch(/data:image\/webp/);
    expect(page).not.toMatch(/(src|href)="(?!data:)/);

    const compared = await runCli(['compare', join(out, 'turns-1'), out, '--json']);
    const comparison = z
      .object({ n: z.number(), better: z.number(), worse: z.number(), differences: z.looseObject({}) })
      .parse(JSON.parse(compared.stdout));
    expect(comparison).toMatchObject({ n: 32, worse: 0 });
    expect(intervalSchema.parse(comparison.differences['protocols.lisa.gIoU']).value).toBeCloseTo(
      report.protocols.lisa.gIoU.value - report.one_shot.lisa.gIoU.value,
      12,
    );
  });

  it('leaves ignored pixels out, or has them as ground truth, as Python does', async () => {
    const out = newFolder();
    const run = await runCli([
      ...['eval', '--dataset', `reasonseg:${reasonSegStyle}`, '--split', 'val', '--policy', 'simulated'],
      ...['--segmenter', surrogates.sam1, '--turns', '2', '--concurrency', '2', '--cases', '0', '--out', out],
    ]);
    expect(run.code).toBe(0);
    expectReference(out, { dataset: 'reasonseg', folder: reasonSegStyle, split: 'val' });
    const report = reportIn(out);
    expect(samplesIn(out).some(({ ignore_area }) => ignore_area > 0)).toBe(true);
    expect(report.protocols.lisa.gIoU.value).not.toBe(report.protocols.segzero.gIoU.value);
    expect(report.groups.map(({ group }) => group).sort()).toEqual(['long', 'short']);
    const other = await runCli(['compare', out, newFolder()]);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('no finished evaluation') });
  });

  it('counts what failed as a miss in both protocols, with ignored pixels, as Python does', async () => {
    const out = newFolder();
    const dataset = await openDataset(parseDatasetSpec(`reasonseg:${reasonSegStyle}`), { split: 'val' });
    let episodes = 0;
    const report = await evaluate(dataset, out, {
      ...options(),
      policyFor: () =>
        scripted(async (input) => {
          if (input.state.turn === 0) episodes += 1;
          if (episodes % 3 === 0) throw new Error(`It broke down, ${episodes}.`);
          return boxInTheMiddle(input);
        }),
    });
    expect(report.failed).toBeGreaterThan(1);
    expect(report.failed).toBeLessThan(report.n);
    expectReference(out, { dataset: 'reasonseg', folder: reasonSegStyle, split: 'val' });
    expect(reportIn(out).tokens).toEqual({
      prompt: 200 * (report.n - report.failed),
      completion: 20 * (report.n - report.failed),
    });
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('It broke down');
  });

  it('counts empty ground truth as Python does, found, missed and failed', async () => {
    const folder = newFolder();
    const queries = join(folder, 'queries.json');
    const entry = (image: string, query: string): unknown => ({ image, query, no_target: true });
    const images = ['000000000636.jpg', '000000000072.jpg'];
    writeFileSync(
      queries,
      JSON.stringify(images.flatMap((image) => ['find', 'miss', 'fail'].map((what) => entry(image, what)))),
    );
    const dataset = await openDataset(parseDatasetSpec(`folder:${coco20.images}`), { queries });
    const out = newFolder();
    const report = await evaluate(dataset, out, {
      ...options(),
      policyFor: ({ query, key }, truth) => {
        if (query === 'fail') return scripted(() => Promise.reject(new Error(`No answer to ${key}.`)));
        return query === 'miss' || !truth ? scripted(boxInTheMiddle) : simulatedAnnotator(truth);
      },
    });
    expect(report).toMatchObject({ n: 6, failed: 2 });
    const sizes = new Map(
      readFileSync(join(out, 'progress.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => z.looseObject({ key: z.string() }).parse(JSON.parse(line)))
        .flatMap(({ key, imageWidth, imageHeight }) =>
          imageWidth ? [[key, { width: imageWidth, height: imageHeight }] as const] : [],
        ),
    );
    const empty = samplesIn(out).map(({ id }) => ({ id, width: 4, height: 3, ...sizes.get(id) }));
    expectReference(out, { dataset: 'folder', empty });
    const means = reportIn(out).protocols;
    expect(means.lisa.gIoU.value).toBeCloseTo(2 / 6.00001, 12);
    expect(means.segzero.gIoU.value).toBe(0);
  });

  it('reads the data set no more often for more budgets, and encodes an image once for all of them', async () => {
    const dataset = await openDataset(parseDatasetSpec('reasonscenes'), { split: 'val', limit: 3 });
    const counts: number[] = [];
    for (const sweep of [[], [1, 2]]) {
      let read = 0;
      const counting: Dataset = {
        ...dataset,
        targets: (given) => {
          read += 1;
          return dataset.targets(given);
        },
      };
      const order: string[] = [];
      const segmenter = shapeSegmenter({ shift: 5 });
      const segment: typeof segmenter.segment = (image, prompt, given) => {
        if (order.at(-1) !== image.hash) order.push(image.hash);
        return segmenter.segment(image, prompt, given);
      };
      const given = options({ sweep, concurrency: 1, cases: 0, segmenter: { ...segmenter, segment } });
      const report = await evaluate(counting, newFolder(), given);
      expect(report.budgets.map(({ budget }) => budget)).toEqual(sweep.length === 0 ? [] : [1, 2, 3]);
      expect(new Set(order).size).toBe(order.length);
      counts.push(read);
    }
    expect(counts[1]).toBe(counts[0]);
    expect(counts[0]).toBeLessThanOrEqual(2);
  });

  it('goes on where it was stopped, with the same result, and holds each run in its own folder', async () => {
    const dataset = await openDataset(parseDatasetSpec('reasonscenes'), { split: 'val', limit: 4 });
    const whole = await evaluate(dataset, newFolder(), options({ sweep: [1] }));
    const out = newFolder();
    const stop = new AbortController();
    let finished = 0;
    const stopped = evaluate(
      dataset,
      out,
      options({
        sweep: [1],
        signal: stop.signal,
        onItem: () => {
          finished += 1;
          if (finished === 2) stop.abort();
        },
      }),
    );
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
    let before = 0;
    const resumed = await evaluate(
      dataset,
      out,
      options({
        sweep: [1],
        onStart: (_total, done) => {
          before = done;
        },
      }),
    );
    expect(before).toBeGreaterThanOrEqual(2);
    const timeless = (report: typeof whole): unknown =>
      JSON.parse(JSON.stringify(report, (key, value) => (key === 'ms' ? null : value)));
    expect(timeless(resumed)).toEqual(timeless(whole));
    await expect(evaluate(dataset, out, options({ seed: 2 }))).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('compares only runs over the same samples, or what they have in common when asked', async () => {
    const dataset = (limit: number): ReturnType<typeof openDataset> =>
      openDataset(parseDatasetSpec('reasonscenes'), { split: 'val', limit });
    const [a, b] = [newFolder(), newFolder()];
    await evaluate(await dataset(2), a, options({ cases: 0 }));
    await evaluate(await dataset(3), b, options({ cases: 0, segmenter: shapeSegmenter({ shift: 12 }) }));
    const refused = await runCli(['compare', a, b]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('1 only in') });
    const page = join(a, 'compared.html');
    const common = await runCli(['compare', a, b, '--common', '--out', page]);
    expect(common).toMatchObject({ code: 0, stdout: expect.stringContaining('2 samples') });
    expect(readFileSync(page, 'utf8')).toContain('Largest differences');
  });
});

it('says what is wrong', async () => {
  const missing = ['--policy', 'llama:/nowhere.gguf', '--limit', '1', '--out', newFolder()];
  const run = await runCli(['eval', '--dataset', 'reasonscenes', ...missing]);
  expect(run).toMatchObject({ code: 3, stderr: expect.stringContaining('nowhere.gguf does not exist') });
  const kind = await runCli(['eval', '--dataset', 'voc:x', '--policy', 'simulated', '--out', newFolder()]);
  expect(kind).toMatchObject({ code: 2, stderr: expect.stringContaining('"voc"') });
});
