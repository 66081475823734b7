import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type DatasetOptions,
  type DatasetTarget,
  openDataset,
  openTargetImage,
  parseDatasetSpec,
  type Skipped,
} from '@engine/datasets';
import { createProject, openProject } from '@engine/project';
import { type PickleValue, parsePickle } from '@shared/formats/pickle';
import { plainOf } from '@shared/formats/pickle-plain';
import { drawReasonSeg, type ReasonSegEntry } from '@shared/formats/reason-seg';
import { decodeMask, rleArea } from '@shared/mask/rle';
import { seededRandom } from '@shared/random';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { rectangle, sampleTrajectory, temporaryFolder } from '../support/project-data';
import { hasPythonModule, runPython } from '../support/python';
import { coco20, hasSharedData, sharedData } from '../support/shared-data';

/** MASKWRIGHT_DATASET_CASES: random cases of each comparison; some hundred by default, thousands by hand. */
const cases = Number(process.env.MASKWRIGHT_DATASET_CASES ?? 150);

async function collect(
  spec: string,
  options: DatasetOptions = {},
): Promise<{ targets: DatasetTarget[]; skipped: Skipped[]; splits: readonly string[] }> {
  const dataset = await openDataset(parseDatasetSpec(spec), options);
  const targets: DatasetTarget[] = [];
  const skipped: Skipped[] = [];
  for await (const target of dataset.targets({ onSkip: (entry) => skipped.push(entry) }))
    targets.push(target);
  return { targets, skipped, splits: dataset.splits };
}

const areaOf = (mask: DatasetTarget['groundTruth']): number => (mask === null ? 0 : rleArea(mask));

const withData = hasSharedData('data sets of real photographs') ? describe : describe.skip;

describe('what a data set is named by', () => {
  it('is a kind and a path', () => {
    expect(parseDatasetSpec('refcoco:a:b')).toEqual({ kind: 'refcoco', path: 'a:b' });
    expect(parseDatasetSpec('reasonscenes')).toEqual({ kind: 'reasonscenes', path: null });
    for (const text of ['', 'coco', 'coco:', 'reasonscenes:x', 'voc:x'])
      expect(() => parseDatasetSpec(text)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });
});

describe('ReasonScenes', () => {
  it('are the same pictures every time, one a seed, with masks of their size', async () => {
    const once = await collect('reasonscenes', { split: 'val', limit: 4 });
    const twice = await collect('reasonscenes', { split: 'val', limit: 4 });
    expect(once.splits).toEqual(['train', 'val', 'test', 'novel']);
    expect(once.targets.map(({ key, query }) => [key, query])).toEqual(
      twice.targets.map(({ key, query }) => [key, query]),
    );
    expect(new Set(once.targets.map(({ key }) => key)).size).toBe(4);
    for (const [index, target] of once.targets.entries()) {
      const image = await openTargetImage(target);
      const again = await openTargetImage(twice.targets[index] ?? target);
      expect(again.hash).toBe(image.hash);
      expect((await image.pixels()).data.length).toBe(image.width * image.height * 3);
      expect(target.noTarget).toBe(target.groups[0] === 'none');
      if (target.groundTruth) {
        expect(target.groundTruth.size).toEqual([image.height, image.width]);
        expect(rleArea(target.groundTruth)).toBeGreaterThan(0);
      }
    }
    const hashes = await Promise.all(
      once.targets.map(async (target) => (await openTargetImage(target)).hash),
    );
    expect(new Set(hashes).size).toBe(4);
  });
});

const expectedSchema = z.array(
  z.object({
    image: z.string(),
    lisa_target_pixels: z.number(),
    lisa_ignore_pixels: z.number(),
    text: z.array(z.string()),
    is_sentence: z.boolean(),
  }),
);

withData('ReasonSeg', () => {
  const folder = resolve(sharedData, 'photos/reasonseg_style');
  const expected = expectedSchema.parse(
    JSON.parse(readFileSync(resolve(folder, 'expected_areas.json'), 'utf8')),
  );

  it('has the masks of LISA on 11 photographs', async () => {
    const { targets, skipped, splits } = await collect(`reasonseg:${folder}`, { split: 'val' });
    expect(skipped).toEqual([]);
    expect(splits).toEqual(['val']);
    expect(targets.length).toBe(11);
    for (const { image, text, is_sentence, ...areas } of expected) {
      const target = targets.find(({ fileName }) => fileName === image);
      expect(target).toMatchObject({
        query: text[0],
        split: 'val',
        groups: [is_sentence ? 'long' : 'short'],
      });
      expect(areaOf(target?.groundTruth ?? null)).toBe(areas.lisa_target_pixels);
      expect(areaOf(target?.ignore ?? null)).toBe(areas.lisa_ignore_pixels);
    }
  });

  it('gives every text when asked', async () => {
    const { targets } = await collect(`reasonseg:${folder}/val`, { sentences: 'all', split: 'val' });
    expect(targets.map(({ query }) => query).sort()).toEqual(expected.flatMap(({ text }) => text).sort());
  });

  it('reads Windows-1252, reports what is broken and goes on', async () => {
    const broken = temporaryFolder();
    mkdirSync(join(broken, 'test'));
    const at = (name: string): string => join(broken, 'test', name);
    const image = '000000000030';
    const good = readFileSync(resolve(folder, `val/${image}.json`), 'utf8');
    const write = (name: string, text: string | Buffer, picture = true): void => {
      writeFileSync(at(`${name}.json`), text);
      if (picture) copyFileSync(resolve(folder, `val/${image}.jpg`), at(`${name}.jpg`));
    };
    const changed = (
      change: (entry: { text: unknown; shapes: { label: string; points: unknown[] }[] }) => void,
    ): string => {
      const entry = JSON.parse(good);
      change(entry);
      return JSON.stringify(entry);
    };
    write('a-good', good);
    write('b-legacy', Buffer.from(good.replace('the container', 'the dog\u0092s container'), 'latin1'));
    write('c-not-json', '{');
    write('d-no-image', good, false);
    write(
      'e-empty-text',
      changed((entry) => (entry.text = [' '])),
    );
    write(
      'f-no-text',
      changed((entry) => (entry.text = [])),
    );
    write(
      'g-no-points',
      changed((entry) => entry.shapes.push({ label: 'target', points: [] })),
    );
    write(
      'h-flags',
      changed((entry) => {
        for (const shape of entry.shapes) shape.label = 'Flag';
      }),
    );
    write('i-cut-off', good);
    writeFileSync(at('i-cut-off.jpg'), Buffer.alloc(10));
    copyFileSync(resolve(folder, `val/${image}.jpg`), at('j-alone.jpg'));
    const { targets, skipped } = await collect(`reasonseg:${broken}`);
    expect(targets.map(({ key, noTarget }) => [key, noTarget])).toEqual([
      ['test/a-good', false],
      ['test/b-legacy', false],
      ['test/h-flags', true],
    ]);
    expect(targets[1]?.query).toBe('the dog’s container that holds the flowers');
    expect(targets[1]?.groundTruth).toEqual(targets[0]?.groundTruth);
    expect(skipped.map(({ item }) => item)).toEqual([
      'test/c-not-json',
      'test/d-no-image',
      'test/e-empty-text',
      'test/f-no-text',
      'test/g-no-points',
      'test/i-cut-off',
      'test/j-alone.jpg',
    ]);
    for (const { reason } of skipped) expect(reason.length).toBeGreaterThan(5);
  });
});

/** Shapes as people draw them and worse: outside, crossing themselves, degenerate, of one place, ignored, flagged. */
function randomShapes(random: () => number, width: number, height: number): ReasonSegEntry['shapes'] {
  const labels = ['target', 'target', 'target', 'ignore', 'Ignore_2', 'flag', 'FLAG'];
  const count = 1 + Math.floor(random() * 6);
  return Array.from({ length: count }, () => {
    const reach = random() < 0.2 ? 20 : random() < 0.5 ? 1.4 : 1;
    const corners = 1 + Math.floor(random() * (random() < 0.2 ? 40 : 9));
    const whole = random() < 0.3;
    const coordinate = (side: number): number => {
      const value = (random() - 0.5) * reach * side + side / 2;
      return whole ? Math.round(value) : value;
    };
    const points = Array.from({ length: corners }, (): [number, number] => [
      coordinate(width),
      coordinate(height),
    ]);
    const first = points[0];
    if (first !== undefined && random() < 0.3) points.push(first);
    return { label: labels[Math.floor(random() * labels.length)] ?? 'target', points };
  });
}

/**
 * LISA's get_mask_from_json, its two calls of OpenCV for each shape included. LISA sorts without `kind='stable'`, which
 * leaves the order of equal areas to the processor.
 */
const lisaScript = `
import hashlib, json, sys
import cv2
import numpy as np
out = []
for case in json.load(sys.stdin):
    h, w = case['height'], case['width']
    valid, areas = [], []
    for shape in case['shapes']:
        if shape['label'].lower() == 'flag':
            continue
        tmp = np.zeros((h, w), np.uint8)
        points = np.array([shape['points']], dtype=np.int32)
        cv2.polylines(tmp, points, True, 1, 1)
        cv2.fillPoly(tmp, points, 1)
        areas.append(tmp.sum())
        valid.append(shape)
    mask = np.zeros((h, w), np.uint8)
    for i in list(np.argsort(areas, kind='stable')[::-1].astype(np.int32)):
        points = np.array([valid[i]['points']], dtype=np.int32)
        value = 255 if 'ignore' in valid[i]['label'].lower() else 1
        cv2.polylines(mask, points, True, value, 1)
        cv2.fillPoly(mask, points, value)
    out.append(hashlib.sha256(mask.tobytes()).hexdigest())
print(json.dumps(out))
`;

it('draws random shapes as LISA does with OpenCV', () => {
  if (!hasPythonModule('cv2', 'ReasonSeg against OpenCV')) return;
  const random = seededRandom(Number(process.env.MASKWRIGHT_TEST_SEED ?? 5));
  let left = cases;
  let compared = 0;
  while (left > 0) {
    const part = Array.from({ length: Math.min(left, 1000) }, () => {
      const width = 1 + Math.floor(random() * 160);
      const height = 1 + Math.floor(random() * 120);
      return { width, height, shapes: randomShapes(random, width, height) };
    });
    left -= part.length;
    const answers = z.array(z.string()).parse(runPython(lisaScript, part));
    for (const [index, { width, height, shapes }] of part.entries()) {
      const answer = answers[index];
      const { target, ignore } = drawReasonSeg(shapes, { width, height });
      const mask = target.data.map((value, i) => (ignore.data[i] === 1 ? 255 : value));
      const sha256 = createHash('sha256').update(mask).digest('hex');
      if (sha256 !== answer) throw new Error(`differs: ${JSON.stringify({ width, height, shapes })}`);
      compared += 1;
    }
  }
  expect(compared).toBe(cases);
});

/** Random plain data, pickled in every protocol, beside a form of it that both sides can write. */
const pickleScript = `
import base64, io, json, pickle, pickletools, random, struct, sys
given = json.load(sys.stdin)
rnd = random.Random(given['seed'])

def text():
    alphabet = 'ab \\\\\\'"\\n\\r\\t\\0\\x1a\\x7f\\u00e9\\u2019\\u72ac\\U0001f436'
    return ''.join(rnd.choice(alphabet) for _ in range(rnd.choice([0, 1, 3, 10, 300])))

def leaf(protocol):
    kinds = ['none', 'bool', 'int', 'float', 'text', 'text'] + (['bytes'] if protocol >= 3 else []) + (['bytearray'] if protocol >= 5 else [])
    kind = rnd.choice(kinds)
    if kind == 'none': return None
    if kind == 'bool': return rnd.random() < 0.5
    if kind == 'int': return rnd.choice([0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, -2**31, 2**31, 2**53, 2**63, -2**63, 10**40, -10**400, rnd.randint(-10**6, 10**6)])
    if kind == 'float': return rnd.choice([0.1, -2.5, 1e300, 5e-324, float('inf'), float('-inf'), float('nan'), rnd.random()])
    if kind == 'text': return text()
    data = bytes(rnd.randrange(256) for _ in range(rnd.choice([0, 3, 300])))
    return bytearray(data) if kind == 'bytearray' else data

def value(protocol, depth, seen):
    # Small ones only: written out as a tree, references would make it grow without end.
    if seen and rnd.random() < 0.1: return rnd.choice(seen)
    if depth == 0 or rnd.random() < 0.3: return leaf(protocol)
    kinds = ['list', 'tuple', 'dict'] + (['set', 'frozenset'] if protocol >= 4 else [])
    kind = rnd.choice(kinds)
    items = [value(protocol, depth - 1, seen) for _ in range(rnd.choice([0, 1, 2, 3, 4, 1200 if depth == 1 and rnd.random() < 0.02 else 3]))]
    if kind == 'list': made = items
    elif kind == 'tuple': made = tuple(items)
    elif kind == 'dict': made = {rnd.choice([text(), 2 + rnd.randrange(10**6), None]): item for item in items}
    else: made = (set if kind == 'set' else frozenset)(rnd.choice([text(), 2 + rnd.randrange(10**6)]) for _ in items)
    if len(str(made)) < 60: seen.append(made)
    return made

def plain(v):
    if v is None: return 'none'
    if v is True or v is False: return ['bool', v]
    if isinstance(v, int): return ['int', str(v)]
    if isinstance(v, float):
        if v.is_integer() and abs(v) < 2**53: return ['int', str(int(v))]
        return ['float', 'nan' if v != v else struct.pack('>d', v).hex()]
    if isinstance(v, str): return ['text', v]
    if isinstance(v, (bytes, bytearray)): return ['bytes', bytes(v).hex()]
    if isinstance(v, (list, tuple)): return ['list', [plain(i) for i in v]]
    if isinstance(v, dict): return ['dict', [[plain(k), plain(i)] for k, i in v.items()]]
    return ['set', sorted(json.dumps(plain(i)) for i in v)]

out = []
for index in range(given['count']):
    protocol = index % 6
    v = value(protocol, 4, [])
    if index % 3 == 0: dumped = pickle.dumps(v, protocol)
    elif index % 3 == 1:
        dumped = pickle._dumps(v, protocol)
    else: dumped = pickletools.optimize(pickle.dumps(v, protocol))
    out.append({'pickle': base64.b64encode(dumped).decode(), 'plain': plain(v)})
print(json.dumps(out))
`;

function plainForm(value: PickleValue): unknown {
  if (value === null) return 'none';
  if (typeof value === 'boolean') return ['bool', value];
  if (typeof value === 'string') return ['text', value];
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return ['int', String(value)];
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return ['float', Number.isNaN(value) ? 'nan' : bytes.toString('hex')];
  }
  if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('hex')];
  if (Array.isArray(value)) return ['list', value.map(plainForm)];
  if (value instanceof Map)
    return ['dict', [...value].map(([key, item]) => [plainForm(key), plainForm(item)])];
  return ['set', [...value].map(plainForm)];
}

/** Sets have no order of their own. */
function sortedSets(form: unknown): unknown {
  if (!Array.isArray(form)) return form;
  const [kind, items] = form;
  if (kind === 'set' && Array.isArray(items)) {
    return [
      'set',
      items
        .map((item) => JSON.stringify(typeof item === 'string' && item !== 'none' ? JSON.parse(item) : item))
        .sort(),
    ];
  }
  return form.map(sortedSets);
}

/** What holds more than plain data; \`ran\` would tell of code that was run. */
const hostileScript = `
import base64, collections, datetime, decimal, json, pickle, sys
marker = json.load(sys.stdin)
class Runs:
    def __reduce__(self): return (open, (marker, 'w'))
class Plain: pass
values = [Runs(), [1, {'a': Runs()}], Plain(), datetime.date(2020, 1, 1), collections.OrderedDict(a=1), decimal.Decimal(1), len, 1j]
out = [base64.b64encode(pickle.dumps(v, p)).decode() for v in values for p in range(6)]
out += [base64.b64encode(pickle.dumps({1, 2}, p)).decode() for p in range(4)]
out += [base64.b64encode(pickle.dumps(b'ab', p)).decode() for p in range(3)]
print(json.dumps(out))
`;

const hasPython = hasPythonModule('pickle', 'pickles written by Python');

(hasPython ? describe : describe.skip)('pickles of Python', () => {
  it('are read as Python reads them, in every protocol', () => {
    const seed = Number(process.env.MASKWRIGHT_TEST_SEED ?? 1);
    const made = z
      .array(z.object({ pickle: z.string(), plain: z.unknown() }))
      .parse(runPython(pickleScript, { seed, count: cases }));
    expect(made.length).toBe(cases);
    for (const { pickle, plain } of made) {
      const ours = sortedSets(plainForm(parsePickle(Buffer.from(pickle, 'base64'))));
      expect(ours).toEqual(sortedSets(plain));
    }
  });

  it('are refused where they hold more than plain data, and run nothing', () => {
    const marker = join(temporaryFolder(), 'ran');
    const pickles = z.array(z.string()).parse(runPython(hostileScript, marker));
    expect(pickles.length).toBe(55);
    for (const pickle of pickles) {
      expect(() => parsePickle(Buffer.from(pickle, 'base64'))).toThrow(/it uses [A-Z_0-9]+: it holds more/);
    }
    expect(readdirSync(join(marker, '..'))).toEqual([]);
  });
});

const splitRefsScript = `
import json, pickle, sys
given = json.load(sys.stdin)
refs = json.load(open(given['refs']))
names = given['splits']
for i, ref in enumerate(refs):
    ref['split'] = names[i % len(names)]
pickle.dump(refs, open(given['out'], 'wb'), given['protocol'])
print(len(refs))
`;

withData('the RefCOCO family', () => {
  it('reads the true entry of refs(unc).p', async () => {
    const examples = z
      .object({ ref: z.unknown() })
      .parse(JSON.parse(readFileSync(resolve(sharedData, 'formats/refcoco_true_examples.json'), 'utf8')));
    const list = parsePickle(readFileSync(resolve(sharedData, 'formats/refs_unc_one_entry.p')));
    expect(plainOf(list, 1000)).toEqual([examples.ref]);
    expect(() => plainOf(list, 20)).toThrow('more than 20 values');
  });

  it('finds refs and instances in a folder: 32 refs, or their sentences', async () => {
    const once = await collect(`refcoco:${coco20.refs}`);
    const folder = await collect(`refcoco:${resolve(coco20.refs, '..')}`, { limit: 5 });
    const each = await collect(`refcoco:${coco20.refs}`, { sentences: 'all' });
    expect([once.targets.length, folder.targets.length, once.skipped.length]).toEqual([32, 5, 0]);
    const entries = z
      .array(z.object({ sentences: z.array(z.object({ sent: z.string() })) }))
      .parse(JSON.parse(readFileSync(coco20.refs, 'utf8')));
    expect(each.targets.map(({ query }) => query)).toEqual(
      entries.flatMap(({ sentences }) => sentences.map(({ sent }) => sent)),
    );
    for (const target of once.targets) expect(areaOf(target.groundTruth)).toBeGreaterThan(0);
  });

  it('reads published pickles with the splits of unc, google and umd', async () => {
    if (!hasPython) return;
    const root = temporaryFolder();
    mkdirSync(join(root, 'refcoco'));
    mkdirSync(join(root, 'images/mscoco/images'), { recursive: true });
    symlinkSync(coco20.images, join(root, 'images/mscoco/images/train2014'));
    copyFileSync(coco20.instances, join(root, 'refcoco/instances.json'));
    const at = `refcoco:${join(root, 'refcoco')}`;
    const write = (by: string, splits: string[], protocol: number): unknown =>
      runPython(splitRefsScript, {
        refs: coco20.refs,
        out: join(root, 'refcoco', `refs(${by}).p`),
        splits,
        protocol,
      });
    write('unc', ['train', 'val', 'testA', 'testB'], 0);
    const unc = await collect(at);
    expect(unc.splits).toEqual(['train', 'val', 'test', 'testA', 'testB']);
    expect([unc.targets.length, unc.skipped]).toEqual([32, []]);
    for (const [split, count] of [
      ['train', 8],
      ['testA', 8],
      ['test', 16],
    ] as const) {
      const { targets } = await collect(at, { split });
      expect(targets.length).toBe(count);
    }
    write('google', ['train', 'val'], 2);
    write('umd', ['train', 'val', 'test'], 5);
    await expect(collect(at)).rejects.toThrow('several files of refs');
    expect((await collect(at, { splitBy: 'google' })).splits).toEqual(['train', 'val']);
    expect((await collect(at, { splitBy: 'umd', split: 'test' })).targets.length).toBe(10);
    await expect(collect(at, { splitBy: 'google', split: 'testA' })).rejects.toThrow('no split "testA"');
  });

  it('reports refs that are broken or lead nowhere', async () => {
    const root = temporaryFolder();
    const entries = z
      .array(z.record(z.string(), z.unknown()))
      .parse(JSON.parse(readFileSync(coco20.refs, 'utf8')));
    const [first = {}, second = {}, third = {}, fourth = {}, fifth = {}] = entries;
    const empty = [{ sent: '  ', sent_id: 1, raw: '', tokens: [] }];
    const refs = [
      first,
      { ...second, ann_id: 1 },
      { ...third, image_id: 1 },
      { ...fourth, sentences: empty },
      { ...fifth, ref_id: 'x' },
      first,
      'no ref',
    ];
    writeFileSync(join(root, 'refs(unc).json'), JSON.stringify(refs));
    const options = { instances: coco20.instances, images: coco20.images };
    const { targets, skipped } = await collect(`refcoco:${root}`, options);
    expect(targets.length).toBe(1);
    expect(skipped.length).toBe(6);
    await expect(collect(`refcoco:${root}`)).rejects.toThrow('instances.json');
    writeFileSync(join(root, 'refs(umd).p'), "cos\nsystem\n(S'true'\ntR.");
    await expect(collect(`refcoco:${root}/refs(umd).p`, options)).rejects.toMatchObject({
      code: 'FORMAT_UNREADABLE',
      message: expect.stringContaining('GLOBAL'),
    });
  });
});

/** Union of the instances and, without these, of the crowds of every image and category, by pycocotools. */
const cocoScript = `
import json, sys
from pycocotools import mask as M
given = json.load(open(json.load(sys.stdin)))
size = {i['id']: (i['height'], i['width']) for i in given['images']}
def rle(a):
    s, (h, w) = a['segmentation'], size[a['image_id']]
    if isinstance(s, list): return M.merge(M.frPyObjects(s, h, w))
    return M.frPyObjects(s, h, w) if isinstance(s['counts'], list) else s
groups = {}
for a in given['annotations']:
    groups.setdefault((a['image_id'], a['category_id']), ([], []))[1 if a.get('iscrowd') else 0].append(rle(a))
out = {}
for (image, category), (things, crowds) in groups.items():
    if not things: continue
    truth = M.merge(things)
    ignored = 0
    if crowds:
        ignored = int((M.decode(M.merge(crowds)).astype(bool) & ~M.decode(truth).astype(bool)).sum())
    out[f'{image}/{category}'] = {'counts': truth['counts'].decode(), 'ignored': ignored}
print(json.dumps(out))
`;

withData('COCO', () => {
  it('has a target for each class on each image, as pycocotools joins them', async () => {
    const { targets, skipped } = await collect(`coco:${coco20.instances}`);
    expect(skipped).toEqual([]);
    if (!hasPythonModule('pycocotools.mask', 'COCO against pycocotools')) return;
    const expected = z
      .record(z.string(), z.object({ counts: z.string(), ignored: z.number() }))
      .parse(runPython(cocoScript, coco20.instances));
    expect(targets.map(({ key }) => key).sort()).toEqual(Object.keys(expected).sort());
    for (const { key, groundTruth, ignore, query, category } of targets) {
      expect(groundTruth?.counts).toBe(expected[key]?.counts);
      expect(areaOf(ignore)).toBe(expected[key]?.ignored);
      expect(query).toBe(category);
    }
    expect(targets.some(({ ignore }) => ignore !== null)).toBe(true);
  });

  it('has the layout of cocodataset.org with its splits, and leaves a class with a broken instance out', async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'annotations'));
    symlinkSync(coco20.images, join(root, 'val2017'));
    const file = z
      .looseObject({
        images: z.array(z.looseObject({ id: z.number(), file_name: z.string() })),
        annotations: z.array(z.record(z.string(), z.unknown())),
      })
      .parse(JSON.parse(readFileSync(coco20.instances, 'utf8')));
    writeFileSync(join(root, 'annotations/instances_val2017.json'), JSON.stringify(file));
    const broken = structuredClone(file);
    const [annotation] = broken.annotations;
    if (annotation) annotation.segmentation = [[1, 2]];
    const gone = broken.images[1];
    if (!gone) throw new Error('There is no image.');
    gone.file_name = 'gone.jpg';
    // Of an image that is not there no mask is drawn: one that is broken is not noticed.
    const ofGone = broken.annotations.filter(({ image_id }) => image_id === gone.id);
    for (const one of ofGone) one.segmentation = [[1, 2]];
    writeFileSync(join(root, 'annotations/instances_broken.json'), JSON.stringify(broken));
    const good = await collect(`coco:${root}`, { split: 'val2017' });
    expect(good.splits).toEqual(['broken', 'val2017']);
    const bad = await collect(`coco:${root}`, { split: 'broken', images: coco20.images });
    expect(bad.targets.length).toBeLessThan(good.targets.length);
    expect(bad.targets.length + bad.skipped.length).toBe(good.targets.length);
    expect(bad.skipped.map(({ reason }) => reason)).toContainEqual(
      expect.stringContaining('fewer than three'),
    );
    expect(bad.skipped.map(({ reason }) => reason)).toContainEqual(
      expect.stringContaining('gone.jpg was not found'),
    );
    for (const { item, reason } of bad.skipped) {
      if (item.startsWith(`broken/${gone.id}/`)) expect(reason).toContain('gone.jpg was not found');
    }
  });
});

describe('a project', () => {
  const size = { width: 40, height: 30 };
  const box = (x: number): ReturnType<typeof rectangle> => rectangle(size, { x, y: 2, width: 6, height: 6 });

  it('gives what people settled and nothing that waits', async () => {
    const folder = temporaryFolder();
    const names = ['a.png', 'b.png', 'c.png', 'gone.png'];
    for (const name of names.slice(0, 3))
      await sharp({ create: { ...size, channels: 3, background: '#a03020' } }).toFile(join(folder, name));
    const store = createProject(folder);
    const entries = names.map((name) => ({ file: join(folder, name), sha256: name, ...size }));
    const [a = '', b = '', c = '', gone = ''] = store.addImages(folder, entries).images.map(({ id }) => id);
    const cat = store.createCategory('cat').id;
    const episode = (id: string, query: string): ReturnType<typeof sampleTrajectory> => {
      const trajectory = sampleTrajectory(id, box(1));
      return { ...trajectory, header: { ...trajectory.header, query } };
    };
    const accept = (imageId: string, id: string, query: string, masks: ReturnType<typeof box>[]): number => {
      const accepted = { imageId, trajectory: episode(id, query), categoryId: cat, masks, score: 0.9 };
      return store.acceptEpisode({ ...accepted, author: 'agent', query }).annotations[0]?.id ?? 0;
    };
    // Accepted and then edited: what counts is the mask as it is now.
    const edited = accept(a, 't1', 'the left cat', [box(1)]);
    store.updateAnnotation(edited, { mask: box(3) });
    accept(a, 't2', 'two cats', [box(10), box(20)]);
    accept(a, 't3', 'a dog', []);
    // Accepted and deleted again: nothing is known of it.
    store.deleteAnnotation(accept(a, 't4', 'a mistake', [box(30)]));
    // Waiting, rejected, and drawn on an image that is not done.
    store.saveTrajectory(episode('t5', 'a waiting cat'), b);
    store.saveTrajectory(episode('t6', 'a rejected cat'), c);
    store.rejectEpisode(c, episode('t6', 'a rejected cat'));
    const drawn = { categoryId: cat, author: 'human', score: null, query: null } as const;
    store.createAnnotations([{ imageId: c, mask: box(5), ...drawn }]);
    store.setImageState(c, 'todo');
    accept(gone, 't7', 'no picture', [box(1)]);
    store.close();

    const first = await collect(`project:${folder}`);
    expect(first.skipped.map(({ item }) => item)).toEqual([`${gone}/query/no picture`]);
    expect(first.targets.map(({ query, groups, noTarget }) => [query, groups[0], noTarget])).toEqual([
      ['the left cat', 'query', false],
      ['two cats', 'query', false],
      ['a dog', 'query', true],
    ]);
    expect(first.targets[0]?.groundTruth).toEqual(box(3));
    expect(areaOf(first.targets[1]?.groundTruth ?? null)).toBe(72);
    expect(first.targets[1]?.parts?.length).toBe(2);

    const again = openProject(folder);
    again.setImageState(c, 'done');
    again.close();
    const { targets } = await collect(`project:${folder}`);
    expect(targets.map(({ query, groups }) => [query, groups[0]])).toContainEqual(['cat', 'class']);
  });
});

describe('a folder with queries', () => {
  it('reads each form of queries, with masks or without, and skips what is broken', async () => {
    const folder = temporaryFolder();
    const picture = sharp({ create: { width: 8, height: 6, channels: 3, background: '#204060' } });
    await picture.toFile(join(folder, 'a.png'));
    mkdirSync(join(folder, 'masks'));
    const raw = { raw: { width: 8, height: 6, channels: 1 } } as const;
    await sharp(Buffer.from(Array.from({ length: 48 }, (_, i) => (i % 8 < 4 ? 255 : 0))), raw).toFile(
      join(folder, 'masks/a.png'),
    );
    await sharp(Buffer.alloc(48), raw).toFile(join(folder, 'masks/none.png'));
    await sharp(Buffer.alloc(35, 1), { raw: { width: 7, height: 5, channels: 1 } }).toFile(
      join(folder, 'masks/small.png'),
    );
    const lines = [
      { image: 'a.png', query: 'left', mask: 'masks/a.png' },
      { image: 'a.png', query: 'nothing', mask: 'masks/none.png' },
      { image: 'a.png', query: 'unknown' },
      { image: 'a.png', query: 'other size', mask: 'masks/small.png' },
      { image: 'a.png', query: 'no mask', mask: 'masks/gone.png' },
      { image: 'gone.png', query: 'no image' },
      { image: 'a.png', query: '  ' },
    ];
    writeFileSync(
      join(folder, 'queries.jsonl'),
      `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{broken\n`,
    );
    const { targets, skipped } = await collect(`folder:${folder}`);
    expect(targets.map(({ query, noTarget, groundTruth }) => [query, noTarget, areaOf(groundTruth)])).toEqual(
      [
        ['left', false, 24],
        ['nothing', true, 0],
        ['unknown', false, 0],
      ],
    );
    expect(targets[2]?.groundTruth).toBeNull();
    expect(
      decodeMask(
        targets[0]?.groundTruth ?? rectangle({ width: 8, height: 6 }, { x: 0, y: 0, width: 1, height: 1 }),
      ).data[3],
    ).toBe(1);
    expect(skipped.length).toBe(5);
    writeFileSync(join(folder, 'other.csv'), 'image,query\na.png,"left, or right"\n');
    const csv = await collect(`folder:${folder}`, { queries: join(folder, 'other.csv') });
    expect(csv.targets.map(({ query }) => query)).toEqual(['left, or right']);
    await expect(collect(`folder:${join(folder, 'masks')}`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

it('stops when it is told to', async () => {
  const dataset = await openDataset(parseDatasetSpec('reasonscenes'));
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { key } of dataset.targets({ signal: stop.signal })) {
      seen.push(key);
      if (seen.length === 2) stop.abort();
    }
  })();
  await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(seen.length).toBe(2);
});
