import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTrajectory } from '@shared/trajectory/migrations';
import { acceptedPath } from '@shared/trajectory/tree';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runCli, startCli } from '../support/cli';
import { hasPythonModule, runPython } from '../support/python';
import { coco20, hasSharedData, surrogates } from '../support/shared-data';

const reportSchema = z.object({
  n: z.number(),
  failed: z.number(),
  gIoU: z.number().nullable(),
  cIoU: z.number().nullable(),
  gIoU_first: z.number().nullable(),
  turns: z.number(),
  invalid_calls: z.number(),
  per_item: z.array(
    z.object({
      key: z.string(),
      ok: z.boolean(),
      iou: z.number().nullable(),
      iou_first: z.number().nullable(),
      turns: z.number(),
    }),
  ),
});
const cocoSchema = z.object({
  images: z.array(z.object({ id: z.number(), file_name: z.string() })),
  annotations: z.array(
    z.object({
      id: z.number(),
      segmentation: z.object({ size: z.tuple([z.number(), z.number()]), counts: z.string() }),
      area: z.number(),
      bbox: z.array(z.number()),
    }),
  ),
});

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'maskwright-annotate-'));
const readJson = (...path: string[]): unknown => JSON.parse(readFileSync(join(...path), 'utf8'));
const readReport = (dir: string): z.infer<typeof reportSchema> =>
  reportSchema.parse(readJson(dir, 'report.json'));
const simulated = (segmenter: string, out: string): string[] => [
  ...['annotate', '--images', coco20.images, '--refs', coco20.refs, '--instances', coco20.instances],
  ...['--policy', 'simulated', '--segmenter', segmenter, '--turns', '8', '--concurrency', '2', '--out', out],
];

/** Loads the file as users do and gives each mask's area, box and canonical counts by pycocotools. */
const loadInPycocotools = `
import json, sys
from pycocotools.coco import COCO
from pycocotools import mask as M
import io, contextlib
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(json.load(sys.stdin)['file'])
out = []
for ann in coco.loadAnns(coco.getAnnIds()):
    pixels = coco.annToMask(ann)
    again = M.encode(__import__('numpy').asfortranarray(pixels))
    out.append(dict(id=ann['id'], area=int(pixels.sum()), bbox=[float(v) for v in M.toBbox(again)], counts=again['counts'].decode()))
print(json.dumps(out))
`;
const loadedSchema = z.array(
  z.object({ id: z.number(), area: z.number(), bbox: z.array(z.number()), counts: z.string() }),
);

describe.skipIf(!hasSharedData('annotate over real photographs'))(
  'maskwright annotate, simulated annotator',
  () => {
    const first = newFolder();

    it('gains at least 0.04 gIoU over the first call, and everything it writes is valid', async () => {
      const run = await runCli(simulated(surrogates.sam1, first));
      expect(run.stderr).toContain('32/32');
      expect(run.code).toBe(0);
      const report = readReport(first);
      expect(report).toMatchObject({ n: 32, failed: 0, invalid_calls: 0 });
      expect((report.gIoU ?? 0) - (report.gIoU_first ?? 1)).toBeGreaterThanOrEqual(0.04);
      for (const item of report.per_item)
        expect(item.iou ?? 0).toBeGreaterThanOrEqual((item.iou_first ?? 1) - 1e-3);

      const coco = cocoSchema.parse(readJson(first, 'coco.json'));
      const lines = readFileSync(join(first, 'trajectories.jsonl'), 'utf8').trimEnd().split('\n');
      const trajectories = lines.map((line) => parseTrajectory(JSON.parse(line)));
      expect(trajectories).toHaveLength(32);
      expect(coco.annotations.map((annotation) => annotation.segmentation)).toEqual(
        trajectories.flatMap((trajectory) => trajectory.outcome.masks),
      );
      for (const trajectory of trajectories) {
        const path = acceptedPath(trajectory);
        const best = Math.max(...path.map((node) => node.iou ?? 0));
        expect(path.at(-1)?.call?.name).toBe('finish');
        expect(path.at(-1)?.iou ?? 0).toBeGreaterThanOrEqual(best - 1e-3);
      }
    });

    it.skipIf(!hasPythonModule('pycocotools', 'the COCO file in pycocotools'))(
      'writes a COCO file whose masks pycocotools reads bit for bit',
      () => {
        const file = join(first, 'coco.json');
        const coco = cocoSchema.parse(readJson(file));
        const loaded = loadedSchema.parse(runPython(loadInPycocotools, { file }));
        expect(loaded).toEqual(
          coco.annotations.map(({ id, area, bbox, segmentation }) => ({
            id,
            area,
            bbox,
            counts: segmentation.counts,
          })),
        );
      },
    );

    it('ends with the same file when it is killed half-way and started again', async () => {
      const out = newFolder();
      const log = join(out, 'progress.jsonl');
      const doneItems = (): number =>
        existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0;
      const { child, result } = startCli(simulated(surrogates.sam1, out));
      const watch = setInterval(() => {
        if (doneItems() >= 12) child.kill('SIGKILL');
      }, 20);
      const killed = await result;
      clearInterval(watch);
      expect(killed.signal).toBe('SIGKILL');
      expect(doneItems()).toBeLessThan(32);
      // As if the kill had torn the last line.
      writeFileSync(log, `${readFileSync(log, 'utf8')}{"ok":true,"key":"ref-`);
      const resumed = await runCli(simulated(surrogates.sam1, out));
      expect(resumed.stderr).toMatch(/resuming: \d+ of 32/);
      expect(readFileSync(join(out, 'coco.json'), 'utf8')).toBe(
        readFileSync(join(first, 'coco.json'), 'utf8'),
      );
      expect(readReport(out)).toEqual(readReport(first));
    });

    it('refuses a folder that holds another run', async () => {
      const run = await runCli([...simulated(surrogates.sam1, first), '--seed', '7']);
      expect(run.code).toBe(2);
      expect(run.stderr).toContain('other settings');
    });

    it('runs with the SAM 2 signature, and its first calls match the baseline', async () => {
      const out = newFolder();
      const run = await runCli(simulated(surrogates.sam2, out));
      expect(run.code).toBe(0);
      const report = readReport(out);
      const baseline = z
        .object({
          sam2: z.object({
            box: z.object({ per_ref: z.array(z.object({ ref_id: z.number(), iou: z.number() })) }),
          }),
        })
        .parse(readJson(surrogates.baseline));
      const expected = new Map(baseline.sam2.box.per_ref.map(({ ref_id, iou }) => [`ref-${ref_id}`, iou]));
      for (const item of report.per_item) {
        expect(Math.abs((item.iou_first ?? 0) - (expected.get(item.key) ?? 9)), item.key).toBeLessThan(0.02);
      }
      expect(report.n).toBe(32);
    });

    it('counts an item that fails and goes on', async () => {
      const out = newFolder();
      const queries = join(newFolder(), 'queries.jsonl');
      writeFileSync(
        queries,
        '{"image":"000000000471.jpg","query":"the bus"}\n{"image":"nowhere.jpg","query":"it"}\n',
      );
      const replay = join(first, 'trajectories.jsonl');
      const run = await runCli([
        ...['annotate', '--images', coco20.images, '--queries', queries, '--policy', `replay:${replay}`],
        ...['--segmenter', surrogates.sam1, '--out', out],
      ]);
      expect(run.code).toBe(1);
      const report = readReport(out);
      expect(report).toMatchObject({ n: 2, failed: 2, gIoU: null });
      expect(run.stderr).toContain('There is no image nowhere.jpg');
      expect(run.stderr).toContain('No recorded trajectory');
    });

    it('replays recorded trajectories to the same masks', async () => {
      const out = newFolder();
      const run = await runCli([
        ...['annotate', '--images', coco20.images, '--refs', coco20.refs, '--instances', coco20.instances],
        ...[
          '--policy',
          `replay:${join(first, 'trajectories.jsonl')}`,
          '--segmenter',
          surrogates.sam1,
          '--out',
          out,
        ],
      ]);
      expect(run.code).toBe(0);
      const masks = (dir: string): unknown[] =>
        cocoSchema.parse(readJson(dir, 'coco.json')).annotations.map((annotation) => annotation.segmentation);
      expect(masks(out)).toEqual(masks(first));
    });
  },
);

describe('maskwright, wrong input', () => {
  it.each([
    [['annotate'], /required option/],
    [['annotate', '--images', '.', '--policy', 'simulated', '--out', 'x'], /Exactly one of --query/],
    [
      ['annotate', '--images', '.', '--query', 'q', '--policy', 'magic', '--out', 'x'],
      /"magic" is no policy/,
    ],
    [
      ['annotate', '--images', '.', '--query', 'q', '--policy', 'simulated', '--turns', '0', '--out', 'x'],
      /whole number/,
    ],
    [
      ['annotate', '--images', '.', '--query', ' ', '--policy', 'simulated', '--out', 'x'],
      /--query is empty/,
    ],
    [['import', 'zip:x', '--project', 'x'], /is no source/],
    [['export', 'pdf', '--project', 'x', '--out', 'y'], /cannot be exported/],
    [['serve', '--project', 'nowhere', '--port', '0'], /There is no such file or folder/],
    [['serve', '--token', 'short; Path=/', '--port', '0'], /at least 16 letters/],
    [['export', 'coco', '--project', 'nowhere', '--out', 'y'], /no such|There is no/i],
  ])('%j ends with 2 and one clear message', async (args, message) => {
    const run = await runCli(args);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/\n\s+at /);
    expect(run.code).toBe(2);
  });

  it('has help worth reading', async () => {
    const run = await runCli(['annotate', '--help']);
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/MASKWRIGHT_API_KEY[\s\S]*gIoU_first[\s\S]*Exit codes/);
  });
});

it('asks the shipped agent, and says what it is good for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'maskwright-embedded-'));
  const images = join(folder, 'images');
  mkdirSync(images);
  copyFileSync('resources/samples/first-steps/drawn/test-0.png', join(images, 'scene.png'));
  const out = join(folder, 'out');
  const run = await runCli([
    'annotate',
    '--images',
    images,
    '--query',
    'what can fly by itself',
    '--policy',
    'embedded',
    '--out',
    out,
  ]);
  expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining('knows drawn scenes only') });
  const [trajectory] = readFileSync(join(out, 'trajectories.jsonl'), 'utf8').trim().split('\n');
  const { header, nodes } = parseTrajectory(JSON.parse(trajectory ?? ''));
  expect(header).toMatchObject({ coordinates: 'pixel', prompt: 'brief', viewPixels: 168 * 168 });
  expect(nodes.map(({ author }) => author)).toEqual(nodes.map(() => 'agent'));
  expect(nodes.at(-1)?.call?.name).toMatch(/finish|report_no_target/);
});
