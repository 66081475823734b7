import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readCoco } from '../../src/engine/datasets/coco';
import { importCoco } from '../../src/engine/datasets/import-coco';
import { importFolder } from '../../src/engine/datasets/import-folder';
import { readQueries } from '../../src/engine/datasets/queries';
import { readRefs } from '../../src/engine/datasets/refs';
import type { DatasetTarget } from '../../src/engine/datasets/target';
import { cocoFromResults } from '../../src/engine/exporters/coco-results';
import { Losses } from '../../src/engine/exporters/losses';
import { parseTrajectories, trajectoryParts } from '../../src/engine/exporters/trajectories';
import { writeTextFile } from '../../src/engine/exporters/write-file';
import { createProject } from '../../src/engine/project/open';
import { decodeMask, encodeMask, rleArea } from '../../src/shared/mask/rle';
import { exportCoco } from '../support/exports';
import { rectangle, sampleTrajectory, temporaryFolder } from '../support/project-data';

const data = resolve('..', 'shared', 'data', 'photos', 'coco20');
const hasData = existsSync(join(data, 'instances.json'));
const python = spawnSync('python3', ['-c', 'import pycocotools.mask']);
const hasPycocotools = python.status === 0;
if (!hasData) console.warn('SKIPPED: the photographs of ../shared/data/photos/coco20 are not here.');
if (!hasPycocotools)
  console.warn('SKIPPED: python3 has no pycocotools; exported files were not checked with it.');

const cocoSchema = z.looseObject({
  images: z.array(z.looseObject({ id: z.number() })),
  annotations: z.array(z.looseObject({ id: z.number() })),
});
const byId = (entries: { id: number }[]): unknown[] => [...entries].sort((a, b) => a.id - b.id);
const readCocoJson = (file: string): z.infer<typeof cocoSchema> =>
  cocoSchema.parse(JSON.parse(readFileSync(file, 'utf8')));

/** For every annotation, in order: area, bbox and the pixels' places, as pycocotools sees them. */
function askPycocotools(
  file: string,
): { id: number; area: number; bbox: number[]; sum: number; runs: string }[] {
  const script = `
import sys, json, io, contextlib
import numpy as np
from pycocotools.coco import COCO
from pycocotools import mask as M
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(sys.argv[1])
out = []
for a in coco.dataset['annotations']:
    rle = coco.annToRLE(a)
    bits = M.decode(rle)
    fresh = M.encode(np.asfortranarray(bits))
    out.append({'id': a['id'], 'area': int(bits.sum()), 'bbox': M.toBbox(rle).tolist(),
                'sum': int(M.area(rle)), 'runs': fresh['counts'].decode()})
print(json.dumps(out))`;
  const text = execFileSync('python3', ['-c', script, file], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return z
    .array(
      z.object({
        id: z.number(),
        area: z.number(),
        bbox: z.array(z.number()),
        sum: z.number(),
        runs: z.string(),
      }),
    )
    .parse(JSON.parse(text));
}

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

describe.skipIf(!hasData)('real COCO photographs', () => {
  const instances = join(data, 'instances.json');
  const images = join(data, 'images');

  it('go in and come out untouched the same, and a second import adds nothing', async () => {
    const store = createProject(folder);
    const report = await importCoco(store, instances, { images });
    expect(report).toEqual({
      images: 20,
      addedImages: 20,
      annotations: 144,
      addedAnnotations: 144,
      categories: 80,
      skipped: [],
    });
    const original = readCocoJson(instances);
    const { coco, report: exported } = await exportCoco(store);
    expect(exported).toMatchObject({ images: 20, annotations: 144, asImported: 144, losses: [] });
    expect(coco.info).toEqual(original.info);
    expect(coco.licenses).toEqual(original.licenses);
    expect(coco.categories).toEqual(original.categories);
    expect(coco.images).toEqual(byId(original.images));
    expect(coco.annotations).toEqual(byId(original.annotations));
    expect(await importCoco(store, instances, { images })).toMatchObject({
      images: 20,
      addedImages: 0,
      annotations: 144,
      addedAnnotations: 0,
      categories: 0,
    });
    expect((await exportCoco(store)).coco).toEqual(coco);
    expect(store.historyState()).toEqual({ undo: null, redo: null });
    store.close();
  });

  it('keep their ids when the folder was imported before, and are found beside the file', async () => {
    cpSync(data, folder, { recursive: true });
    const store = createProject(folder);
    expect((await importFolder(store, folder)).added).toBe(20);
    const report = await importCoco(store, join(folder, 'instances.json'), { images: null });
    expect(report).toMatchObject({ images: 20, addedImages: 0, addedAnnotations: 144, skipped: [] });
    const { coco } = await exportCoco(store);
    expect(coco.annotations).toEqual(byId(readCocoJson(instances).annotations));
    expect(coco.images[0]?.file_name).toBe('images/000000000030.jpg');
    store.close();
  });

  it.skipIf(!hasPycocotools)(
    'load in pycocotools with every mask bit-identical, holes and parts too',
    async () => {
      const store = createProject(folder);
      await importCoco(store, instances, { images });
      const list = store.listImages({ offset: 0, limit: 100, state: null, search: '' }).items;
      const target = list[0];
      if (target === undefined) throw new Error('No image');
      const [first, second] = store.annotations(target.id);
      if (first === undefined || second === undefined) throw new Error('No annotations');
      // A ring with a hole and a loose single pixel.
      const bitmap = decodeMask(rectangle(target, { x: 20, y: 30, width: 40, height: 30 }));
      for (let y = 40; y < 50; y += 1) bitmap.data.fill(0, y * bitmap.width + 30, y * bitmap.width + 40);
      bitmap.data[bitmap.width * bitmap.height - 1] = 1;
      const ring = encodeMask(bitmap);
      store.updateAnnotation(first.id, { mask: ring });
      const relabelled = store.categories().find((category) => category.id !== second.categoryId);
      store.updateAnnotation(second.id, { categoryId: relabelled?.id ?? 0 });
      store.createAnnotations([
        { imageId: target.id, categoryId: 1, mask: ring, query: 'ring', score: 0.5, author: 'agent' },
      ]);
      const { coco, report } = await exportCoco(store);
      expect(report.asImported).toBe(143);
      const file = join(folder, 'out.json');
      await writeTextFile(file, JSON.stringify(coco));

      const masks = new Map(
        list.flatMap((image) => store.annotations(image.id)).map((entry) => [entry.id, entry.mask]),
      );
      const seen = askPycocotools(file);
      expect(seen).toHaveLength(145);
      const canonical = (id: number): string | undefined => {
        const mask = masks.get(id);
        return mask === undefined ? undefined : encodeMask(decodeMask(mask)).counts;
      };
      for (const entry of seen) expect([entry.id, entry.runs]).toEqual([entry.id, canonical(entry.id)]);
      const made = coco.annotations[coco.annotations.length - 1];
      const edited = coco.annotations.find((annotation) => annotation.id === first.id);
      for (const annotation of [made, edited]) {
        const entry = seen.find((other) => other.id === annotation?.id);
        expect(annotation).toMatchObject({ area: entry?.area, bbox: entry?.bbox, iscrowd: 0 });
        expect(annotation?.area).toBe(40 * 30 - 100 + 1);
      }
      expect(made?.attributes).toEqual({ author: 'agent', query: 'ring', score: 0.5 });
      const kept = coco.annotations.find((annotation) => annotation.id === second.id);
      const before = readCocoJson(instances).annotations.find((annotation) => annotation.id === second.id);
      expect(kept).toEqual({ ...before, category_id: relabelled?.id });
      store.undo();
      store.undo();
      store.undo();
      expect((await exportCoco(store)).coco.annotations).toEqual(byId(readCocoJson(instances).annotations));
      store.close();
    },
  );

  it('are read as referring targets, one row a ref, and with every sentence', async () => {
    const refs = join(data, 'refs_authored.json');
    const collect = async (options: { sentences?: 'all'; split?: string }): Promise<DatasetTarget[]> => {
      const targets: DatasetTarget[] = [];
      for await (const target of readRefs(refs, instances, options)) targets.push(target);
      return targets;
    };
    const targets = await collect({});
    expect(targets).toHaveLength(32);
    expect(targets[0]).toMatchObject({
      key: 'ref-0',
      fileName: '000000000030.jpg',
      imagePath: join(images, '000000000030.jpg'),
      imageId: '30',
      query: 'the flower arrangement with its urn',
      refId: 0,
      annotationIds: [291613],
      split: 'val',
    });
    expect(targets.every((target) => target.groundTruth !== null && rleArea(target.groundTruth) > 0)).toBe(
      true,
    );
    const all = await collect({ sentences: 'all' });
    expect(new Set(all.map((target) => target.key)).size).toBe(all.length);
    expect(all.length).toBeGreaterThan(32);
    expect(await collect({ split: 'testB' })).toEqual([]);

    const none: DatasetTarget[] = [];
    for await (const target of readQueries(join(data, 'no_target_authored.json'))) none.push(target);
    expect(none[0]).toMatchObject({
      query: 'the person sitting',
      noTarget: true,
      imagePath: join(images, '000000000636.jpg'),
    });
    let count = 0;
    for await (const target of readCoco(instances)) count += target.query === '' ? 0 : 1;
    expect(count).toBe(142);
  });
});

describe('a COCO file with everything wrong in it', () => {
  const square = [[2, 2, 10, 2, 10, 10, 2, 10]];

  async function prepare(): Promise<string> {
    mkdirSync(join(folder, 'pictures', 'deep'), { recursive: true });
    const png = sharp({ create: { width: 40, height: 30, channels: 3, background: '#123456' } }).png();
    await png.clone().toFile(join(folder, 'pictures', 'a.png'));
    await png.clone().toFile(join(folder, 'pictures', 'deep', 'b.png'));
    writeFileSync(join(folder, 'pictures', 'broken.png'), 'no image');
    writeFileSync(join(folder, 'outside.png'), 'x');
    const size = { width: 40, height: 30 };
    const file = join(folder, 'bad.json');
    const annotation = {
      image_id: 1,
      category_id: 7,
      segmentation: square,
      iscrowd: 0,
      area: 64,
      bbox: [2, 2, 8, 8],
    };
    writeFileSync(
      file,
      `\ufeff${JSON.stringify({
        extra: true,
        images: [
          { id: 1, file_name: 'a.png', ...size, camera: 'x' },
          { id: 2, file_name: 'C:\\data\\deep\\b.png', ...size },
          { id: 3, file_name: 'gone.png', ...size },
          { id: 4, file_name: 'broken.png', ...size },
          { id: 5, file_name: '../outside.png', ...size },
          { id: 6, file_name: 'deep/b.png', width: 41, height: 30 },
          { id: 6, file_name: 'twice.png', ...size },
          { id: 8, width: 3, height: 3 },
        ],
        categories: [{ id: 7, name: 'box' }, { id: 8 }, null],
        annotations: [
          { id: 1, ...annotation },
          { id: 2, ...annotation, attributes: { occluded: true } },
          { id: 3, ...annotation, segmentation: { size: [30, 40], counts: [1200] } },
          { id: 4, ...annotation, iscrowd: 1, segmentation: { size: [30, 40], counts: [10, 20, 1170] } },
          {
            id: 'five',
            ...annotation,
            image_id: 2,
            segmentation: rectangle(size, { x: 1, y: 1, width: 3, height: 3 }),
          },
          { id: 6, ...annotation, segmentation: { size: [40, 30], counts: [1200] } },
          { id: 7, ...annotation, segmentation: { size: [30, 40], counts: [5] } },
          { id: 8, ...annotation, segmentation: [[1, 2, 3]] },
          { id: 9, ...annotation, segmentation: [] },
          { id: 10, ...annotation, segmentation: 'text' },
          { id: 11, ...annotation, category_id: 99 },
          { id: 12, ...annotation, image_id: 99 },
          { id: 13, ...annotation, image_id: 3 },
          { id: 14, ...annotation, segmentation: [[1, 2, 3, 4]] },
          { id: 15, ...annotation, bbox: [1, 2] },
          null,
          'text',
        ],
      })}`,
    );
    return file;
  }

  it('is imported as far as it goes, with a reason for each thing left out', async () => {
    const store = createProject(folder);
    const file = await prepare();
    const options = { images: join(folder, 'pictures') };
    const report = await importCoco(store, file, options);
    expect(report).toMatchObject({ images: 2, addedImages: 2, categories: 1 });
    const left = report.skipped.map((skipped) => skipped.item);
    for (const item of [
      'gone.png',
      'broken.png',
      '../outside.png',
      'deep/b.png',
      'image 6',
      'image 8',
      'category 8',
    ]) {
      expect(left).toContain(item);
    }
    for (const id of [6, 7, 8, 9, 10, 11, 12, 14, 15]) expect(left).toContain(`annotation ${id}`);
    expect(report.skipped.every((skipped) => skipped.reason.length > 5)).toBe(true);
    const { coco } = await exportCoco(store);
    expect(coco.images.map((image) => [image.id, image.file_name])).toEqual([
      [1, 'a.png'],
      [2, 'deep/b.png'],
    ]);
    expect(coco.images[0]?.camera).toBe('x');
    expect(coco.annotations.find((annotation) => annotation.id === 2)?.attributes).toEqual({
      occluded: true,
    });
    expect(coco.annotations.find((annotation) => annotation.id === 4)?.iscrowd).toBe(1);
    const again = await importCoco(store, file, options);
    expect(again).toMatchObject({ addedImages: 0, addedAnnotations: 0, annotations: report.annotations });
    store.close();
  });

  it('that is no COCO file at all is refused with a hint', async () => {
    const store = createProject(folder);
    const file = join(folder, 'x.json');
    for (const text of ['', 'not json', '[]', '{"images": 1}', 'null']) {
      writeFileSync(file, text);
      await expect(importCoco(store, file, { images: null })).rejects.toMatchObject({
        code: 'FORMAT_UNREADABLE',
      });
    }
    await expect(importCoco(store, join(folder, 'no.json'), { images: null })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    store.close();
  });
});

it.skipIf(!hasPycocotools)('results of an annotating run load in pycocotools', async () => {
  const size = { width: 33, height: 21 };
  const masks = [
    rectangle(size, { x: 0, y: 0, width: 33, height: 21 }),
    rectangle(size, { x: 30, y: 20, width: 1, height: 1 }),
  ];
  const coco = cocoFromResults([
    { fileName: 'sub\\a.png', ...size, query: 'all', objects: masks.map((mask) => ({ mask, score: 0.25 })) },
    { fileName: 'b.png', ...size, imageId: 7, query: 'none', objects: [] },
  ]);
  const file = join(folder, 'results.json');
  await writeTextFile(file, JSON.stringify(coco));
  expect(askPycocotools(file).map(({ area, bbox, runs }) => [area, bbox, runs])).toEqual([
    [693, [0, 0, 33, 21], masks[0]?.counts],
    [1, [30, 20, 1, 1], masks[1]?.counts],
  ]);
});

it('trajectories are exported as lines that read back the same', async () => {
  const store = createProject(folder);
  const size = { width: 20, height: 10 };
  const { images } = store.addImages(folder, [{ file: join(folder, 'a.png'), sha256: 'f', ...size }]);
  const mask = rectangle(size, { x: 1, y: 1, width: 3, height: 3 });
  const trajectories = ['t1', 't2'].map((id) => sampleTrajectory(id, mask));
  for (const trajectory of trajectories) store.saveTrajectory(trajectory, images[0]?.id ?? '');
  const losses = new Losses();
  const jsonl = [...trajectoryParts(store, losses)].join('');
  expect(losses.list()).toEqual([]);
  expect(jsonl.split('\n')).toHaveLength(3);
  expect(parseTrajectories(jsonl)).toEqual(trajectories);
  expect(() => parseTrajectories(`${jsonl}{"header"`)).toThrow('Line 3');
  expect(() => parseTrajectories(jsonl + jsonl)).toThrow('used before');
  store.close();
});
