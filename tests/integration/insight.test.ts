import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { headerOf, runEpisode } from '@engine/agent/episode';
import { importCoco } from '@engine/datasets/import-coco';
import { importFolder } from '@engine/datasets/import-folder';
import { Environment } from '@engine/environment/environment';
import { ObservationRenderer } from '@engine/environment/observation-image';
import { openImage } from '@engine/images/image-file';
import { compareWithGold } from '@engine/insight/compare';
import { InsightReader } from '@engine/insight/record';
import type { Policy } from '@engine/policies/policy';
import { simulatedAnnotator } from '@engine/policies/simulated-annotator';
import { createProject } from '@engine/project/open';
import type { ProjectStore } from '@engine/project/store';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import type { Annotation } from '@shared/contract/methods';
import { defaultViewConfig } from '@shared/geometry/view';
import { summarise } from '@shared/insight/summarise';
import { decodeMask, encodeMask, type Rle } from '@shared/mask/rle';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { temporaryFolder } from '../support/project-data';
import { hasPythonModule, runPython } from '../support/python';
import { coco20, hasSharedData } from '../support/shared-data';

const hasData = hasSharedData('statistics of real photographs');
const hasPycocotools = hasPythonModule('pycocotools', "agreement against pycocotools' IoU and matching");
const embedded = (part: string): string => resolve(`resources/models/embedded-seg-${part}.onnx`);

const everything = { from: null, to: null, categoryId: null, policy: null, runId: null };
async function summaryOf(reader: InsightReader, filter: Partial<typeof everything> = {}) {
  return summarise(await reader.read(), {
    filter: { ...everything, ...filter },
    timeZone: 'UTC',
    now: new Date().toISOString(),
  });
}

/** A project of the shared photographs with their own annotations. */
async function photographs(): Promise<ProjectStore> {
  const folder = temporaryFolder();
  cpSync(coco20.images, folder, { recursive: true });
  const store = createProject(folder);
  await importFolder(store, folder);
  await importCoco(store, coco20.instances, { images: folder });
  return store;
}

const largest = (store: ProjectStore, name: string): Annotation => {
  const image = store.allImages().find((candidate) => candidate.name === name);
  const [annotation] = store
    .annotations(image?.id ?? '')
    .filter(({ iscrowd }) => !iscrowd)
    .sort((a, b) => b.area - a.area);
  if (!annotation) throw new Error(`no annotation on ${name}`);
  return annotation;
};

/** The upper part of a mask: what somebody leaves who erases the rest. */
function upperPart(mask: Rle, share: number): Rle {
  const bitmap = decodeMask(mask);
  const rows = [...bitmap.data.keys()]
    .filter((i) => bitmap.data[i] === 1)
    .map((i) => Math.floor(i / bitmap.width));
  const [top = 0, bottom = 0] = [rows[0], rows.at(-1)];
  bitmap.data.fill(0, Math.floor(top + share * (bottom - top)) * bitmap.width);
  return encodeMask(bitmap);
}

const overlapSchema = z.array(z.number());
const iousByPycocotools = (pairs: { a: Rle; b: Rle }[]): number[] =>
  overlapSchema.parse(
    runPython(
      `
import json, sys
from pycocotools import mask as M
rle = lambda r: {'size': r['size'], 'counts': r['counts'].encode()}
print(json.dumps([float(M.iou([rle(p['a'])], [rle(p['b'])], [0])[0][0]) for p in json.load(sys.stdin)]))`,
      pairs,
    ),
  );

describe.skipIf(!hasData || !hasPycocotools)('statistics of real photographs', () => {
  it('follow episodes of the embedded segmenter through acceptance, an edit, an undo and a rejection', async () => {
    const store = await photographs();
    const reader = new InsightReader(store);
    expect((await summaryOf(reader)).episodes.all).toBe(0);
    const segmenter = await openSegmenter({
      encoder: embedded('encoder'),
      decoder: embedded('decoder'),
      cacheDir: temporaryFolder(),
      provider: 'cpu',
    });
    const categories = store.categories();
    const episodes = [];
    for (const name of ['000000000086.jpg', '000000000471.jpg', '000000000529.jpg']) {
      const target = largest(store, name);
      const image = await openImage(store.imagePath(target.imageId));
      const groundTruth = { mask: decodeMask(target.mask), ignore: null };
      const environment = new Environment({
        image,
        segmenter,
        coordinates: 'norm1000',
        viewConfig: defaultViewConfig('norm1000'),
        turnBudget: 4,
        groundTruth,
      });
      // It plays the agent: a simulator's own calls are nobody's proposals.
      const policy: Policy = { ...simulatedAnnotator(groundTruth), author: 'agent' };
      const header = headerOf(environment, {
        id: name,
        imageName: name,
        query: 'it',
        policy: policy.identity,
        seed: 1,
      });
      const { trajectory } = await runEpisode(environment, policy, header, new ObservationRenderer());
      store.saveTrajectory(trajectory, target.imageId);
      episodes.push({ trajectory, target });
    }
    await segmenter.close();

    const waiting = await summaryOf(reader);
    expect(waiting.episodes).toEqual({ all: 3, accepted: 0, rejected: 0, waiting: 3, unreadable: 0 });
    const turns = episodes.flatMap(({ trajectory }) => trajectory.nodes);
    expect(waiting.calls.reduce((sum, { all }) => sum + all, 0)).toBe(turns.length);
    expect(waiting.calls.every(({ author }) => author === 'agent')).toBe(true);

    const made = episodes.slice(0, 2).map(({ trajectory, target }) => {
      const { annotations } = store.acceptEpisode({
        imageId: target.imageId,
        trajectory,
        categoryId: target.categoryId,
        masks: trajectory.outcome.masks,
        score: null,
        author: 'agent',
        query: 'it',
      });
      const [annotation] = annotations;
      if (!annotation) throw new Error('nothing was made');
      return annotation;
    });
    const accepted = await summaryOf(reader);
    expect(accepted.episodes).toMatchObject({ accepted: 2, waiting: 1 });
    expect(accepted.proposals).toMatchObject({
      iou: { n: 2, mean: 1 },
      untouched: { count: 2, of: 2 },
      without: 0,
    });
    expect(accepted.turns.all.mean).toBe(
      episodes.slice(0, 2).reduce((sum, { trajectory }) => sum + trajectory.nodes.length, 0) / 2,
    );
    expect(accepted.progress.days.at(-1)).toMatchObject({ accepted: 2 });

    // What a person erases afterwards counts as not proposed rightly.
    const [first] = made;
    if (!first) throw new Error('nothing was made');
    const edited = upperPart(first.mask, 0.6);
    store.updateAnnotation(first.id, { mask: edited });
    const [iou = 0] = iousByPycocotools([{ a: first.mask, b: edited }]);
    const afterEdit = await summaryOf(reader);
    expect(afterEdit.proposals.iou.mean).toBeCloseTo((1 + iou) / 2, 12);
    expect(afterEdit.proposals.untouched).toMatchObject({ count: 1, of: 2 });
    const name = categories.find(({ id }) => id === first.categoryId)?.name;
    const ofClass = await summaryOf(reader, {});
    expect(ofClass.proposals.byClass.map((row) => row.name)).toContain(name);
    expect((await summaryOf(reader)).progress.days.at(-1)).toMatchObject({ accepted: 2, changed: 1 });

    store.undo();
    expect((await summaryOf(reader)).proposals.untouched).toMatchObject({ count: 2, of: 2 });
    store.undo();
    expect((await summaryOf(reader)).episodes).toMatchObject({ accepted: 1, waiting: 2 });
    const last = episodes[2];
    if (!last) throw new Error('no third episode');
    store.rejectEpisode(last.target.imageId, last.trajectory);
    const end = await summaryOf(reader);
    expect(end.episodes).toMatchObject({ accepted: 1, rejected: 1, waiting: 1 });
    // A reader that starts now finds the same as one that followed all along.
    expect(await summaryOf(new InsightReader(store))).toEqual(end);
    store.close();
  });
});

const cocoAgreement = `
import json, sys, io, contextlib
from pycocotools import mask as M
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
given = json.load(sys.stdin)
with contextlib.redirect_stdout(io.StringIO()):
    gt = COCO(given['file'])
    rle = lambda r: {'size': r['size'], 'counts': r['counts'].encode()}
    names = {c['name'].strip().lower(): c['id'] for c in gt.dataset['categories']}
    files = {i['file_name']: i['id'] for i in gt.dataset['images']}
    ours = [{'image_id': files[o['image']], 'category_id': names[o['name'].strip().lower()], 'segmentation': rle(o['mask'])} for o in given['ours']]
    # COCO's matching goes by score: with the best IoU as the score it goes by IoU, as ours does.
    for o in ours:
        anns = gt.loadAnns(gt.getAnnIds(imgIds=o['image_id'], catIds=o['category_id'], iscrowd=False))
        ious = M.iou([o['segmentation']], [gt.annToRLE(a) for a in anns], [0] * len(anns)) if anns else [[0]]
        o['score'] = float(max(ious[0]))
    dt = gt.loadRes([dict(o, id=k + 1) for k, o in enumerate(ours)])
    ev = COCOeval(gt, dt, 'segm')
    ev.params.iouThrs = [given['threshold']]
    ev.params.areaRng = [[0, 1e10]]
    ev.params.areaRngLbl = ['all']
    ev.params.maxDets = [10000]
    ev.evaluate()
out = {'matched': 0, 'missed': 0, 'unpaired': 0, 'ious': []}
for e in ev.evalImgs:
    if e is None: continue
    ious = ev.ious[(e['image_id'], e['category_id'])]
    order = sorted(range(len(e['dtIds'])), key=lambda d: -e['dtScores'][d])
    for d, g in enumerate(e['dtMatches'][0]):
        if e['dtIgnore'][0][d]: continue
        if g == 0: out['unpaired'] += 1
        else:
            out['matched'] += 1
            a, b = gt.loadAnns([int(g)])[0], dt.loadAnns([e['dtIds'][d]])[0]
            out['ious'].append(float(M.iou([gt.annToRLE(b)], [gt.annToRLE(a)], [0])[0][0]))
    out['missed'] += sum(1 for g, m in enumerate(e['gtMatches'][0]) if m == 0 and not e['gtIgnore'][g])
print(json.dumps(out))`;
const cocoAgreementSchema = z.object({
  matched: z.number(),
  missed: z.number(),
  unpaired: z.number(),
  ious: z.array(z.number()),
});

describe.skipIf(!hasData || !hasPycocotools)('agreement with a gold set', () => {
  it('finds no difference in an untouched copy, crowds left out', async () => {
    const store = await photographs();
    for (const { id } of store.allImages()) store.setImageState(id, 'done');
    const { agreement } = await compareWithGold(store, {
      file: coco20.instances,
      threshold: 0.5,
      onlyDone: true,
    });
    expect(agreement.images).toMatchObject({ compared: 20, unknown: 0, otherSize: 0, ambiguous: 0 });
    expect(agreement.total).toMatchObject({
      missed: 0,
      extra: 0,
      confused: 0,
      recall: { share: 1 },
      iou: { mean: 1 },
    });
    expect(agreement.total.boundaryF.mean).toBe(1);
    expect(agreement.worst).toEqual([]);
    store.close();
  });

  it("has COCO's matching and pycocotools' IoU where masks were spoilt", async () => {
    const store = await photographs();
    const all = store
      .allImages()
      .flatMap((image) => store.annotations(image.id).filter(({ iscrowd }) => !iscrowd));
    // Every fifth is deleted, every fourth cut off, every seventh gets another class.
    const ids = store.categories().map(({ id }) => id);
    for (const [index, annotation] of all.entries()) {
      if (index % 5 === 0) store.deleteAnnotation(annotation.id);
      else if (index % 4 === 0) {
        const cut = upperPart(annotation.mask, 0.3 + 0.1 * (index % 7));
        if (decodeMask(cut).data.includes(1)) store.updateAnnotation(annotation.id, { mask: cut });
      } else if (index % 7 === 0) {
        const other = ids[(ids.indexOf(annotation.categoryId) + 1) % ids.length] ?? 0;
        store.updateAnnotation(annotation.id, { categoryId: other });
      }
    }
    const names = new Map(store.categories().map(({ id, name }) => [id, name]));
    const ours = store.allImages().flatMap((image) =>
      store
        .annotations(image.id)
        .filter(({ iscrowd }) => !iscrowd)
        .map(({ mask, categoryId }) => ({ image: image.name, name: names.get(categoryId), mask })),
    );
    for (const threshold of [0.5, 0.75]) {
      const { agreement, worst } = await compareWithGold(store, {
        file: coco20.instances,
        threshold,
        onlyDone: false,
      });
      const theirs = cocoAgreementSchema.parse(
        runPython(cocoAgreement, { file: coco20.instances, ours, threshold }),
      );
      const { total } = agreement;
      expect(total.matched).toBe(theirs.matched);
      // COCO knows no confusions: both sides of one are errors there.
      expect(total.missed + total.confused).toBe(theirs.missed);
      expect(total.extra + total.confused).toBe(theirs.unpaired);
      expect(total.iou.mean).toBeCloseTo(
        theirs.ious.reduce((sum, iou) => sum + iou, 0) / theirs.ious.length,
        9,
      );
      expect(total.missed).toBeGreaterThan(10);
      expect(total.confused).toBeGreaterThan(3);
      const cases = worst.flatMap(({ gold, ours: mask, iou }) =>
        gold && mask ? [{ a: gold, b: mask, iou }] : [],
      );
      const checked = iousByPycocotools(cases);
      for (const [index, { iou }] of cases.entries()) expect(iou).toBeCloseTo(checked[index] ?? 0, 12);
    }
    store.close();
  });

  it('says what is wrong with a file that has nothing to do with the project', async () => {
    const store = await photographs();
    const file = join(temporaryFolder(), 'other.json');
    const image = { id: 1, file_name: 'other.jpg', width: 4, height: 4 };
    writeFileSync(file, JSON.stringify({ images: [image], annotations: [], categories: [] }));
    const options = { file, threshold: 0.5, onlyDone: false };
    await expect(compareWithGold(store, options)).rejects.toThrow('names no image of this project');
    await expect(compareWithGold(store, { ...options, file: `${file}x` })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const abort = new AbortController();
    abort.abort();
    const stopped = compareWithGold(store, { ...options, file: coco20.instances, signal: abort.signal });
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
    store.close();
  });
});
