import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/engine/project/database';
import { migrations } from '../../src/engine/project/migrations';
import { createProject, openProject } from '../../src/engine/project/open';
import type { ProjectStore } from '../../src/engine/project/store';
import { makeBigProject } from '../bench/big-project';
import { rectangle, temporaryFolder } from '../support/project-data';
import { coco20, hasSharedData } from '../support/shared-data';

const size = { width: 20, height: 10 };
const maskAt = (index: number) => rectangle(size, { x: index % 8, y: 1, width: 3, height: (index % 5) + 1 });
let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

function project(images = 3): { store: ProjectStore; images: string[] } {
  const store = createProject(folder);
  const entries = Array.from({ length: images }, (_, index) => ({
    file: join(folder, `${index}.png`),
    sha256: 'f',
    ...size,
  }));
  return { store, images: store.addImages(folder, entries).images.map(({ id }) => id) };
}

const imported = (store: ProjectStore, name: string): number =>
  store.addCategory({ id: null, name, supercategory: '', original: null }).id;

const names = (store: ProjectStore): string[] => store.categories().map(({ name }) => name);

/** All that a person can see and undo, without what is only a way of looking. */
function observe(store: ProjectStore, images: readonly string[]): unknown {
  return {
    categories: store.categories(),
    counts: store.summary().counts,
    images: images.map((id) => {
      const { note, flagged, state, annotations } = store.imageSummary(id);
      return { note, flagged, state, annotations };
    }),
    annotations: images.map((id) => store.annotations(id).map(({ hidden: _, ...seen }) => seen)),
  };
}

type Step = (store: ProjectStore, images: readonly string[]) => void;

const pick = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(1, list.length)];
const all = (store: ProjectStore, images: readonly string[]) => images.flatMap((id) => store.annotations(id));

const n = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  n.map(
    (k): Step =>
      (store) =>
        store.createCategory(`class ${k % 6}`),
  ),
  fc.tuple(n, n).map(
    ([k, to]): Step =>
      (store) => {
        const category = pick(store.categories(), k);
        if (!category) return;
        const patches = [
          { name: `renamed ${k} ${to}` },
          { color: `#0000${(10 + to).toString(16).padStart(2, '0')}` },
          { hotkey: to % 10 === 0 ? null : to % 10 },
          { supercategory: `kind ${to}` },
          { attributes: [{ name: `a${to % 3}`, kind: 'number' as const, choices: [], default: to }] },
        ];
        const patch = pick(patches, to);
        if (patch?.name !== undefined && names(store).includes(patch.name)) return;
        store.updateCategory(category.id, patch ?? {});
      },
  ),
  n.map(
    (k): Step =>
      (store) => {
        const ids = store.categories().map(({ id }) => id);
        if (ids.length > 0)
          store.reorderCategories([...ids.slice(k % ids.length), ...ids.slice(0, k % ids.length)]);
      },
  ),
  fc.tuple(n, n).map(
    ([from, into]): Step =>
      (store) => {
        const list = store.categories();
        const target = pick(list, into);
        const source = pick(list, from);
        if (!target || !source || target === source) return;
        if (from % 2 === 0) store.mergeCategories([source.id], target.id);
        else store.deleteCategory(source.id, target.id);
      },
  ),
  fc.tuple(n, n, n).map(
    ([image, k, m]): Step =>
      (store, images) => {
        const category = pick(store.categories(), k);
        if (category)
          store.createAnnotations([
            { imageId: pick(images, image) ?? '', categoryId: category.id, mask: maskAt(m) },
          ]);
      },
  ),
  fc.tuple(n, n).map(
    ([k, c]): Step =>
      (store, images) => {
        const annotation = pick(all(store, images), k);
        const category = pick(store.categories(), c);
        if (!annotation || !category) return;
        const patches = [
          { categoryId: category.id },
          { locked: !annotation.locked },
          { attributes: { free: `value ${c}` } },
        ];
        store.updateAnnotation(annotation.id, pick(patches, c) ?? {});
      },
  ),
  n.map(
    (k): Step =>
      (store, images) => {
        const list = store.annotations(pick(images, k) ?? '').map(({ id }) => id);
        if (list.length > 0)
          store.reorderAnnotations(pick(images, k) ?? '', [...list.slice(1), ...list.slice(0, 1)]);
      },
  ),
  n.map(
    (k): Step =>
      (store, images) => {
        const some = all(store, images).filter(({ id, locked }) => id % 2 === k % 2 && !locked);
        if (some.length > 0) store.deleteAnnotations(some.map(({ id }) => id));
      },
  ),
  fc.tuple(n, n).map(
    ([k, c]): Step =>
      (store, images) => {
        const ids = all(store, images).map(({ id }) => id);
        const category = pick(store.categories(), c);
        if (ids.length > 0 && category)
          store.updateAnnotations(ids, { categoryId: category.id, locked: k % 2 === 0 });
      },
  ),
  n.map(
    (k): Step =>
      (store, images) =>
        store.updateImage(pick(images, k) ?? '', { note: `note ${k % 4}` }),
  ),
  n.map(
    (k): Step =>
      (store, images) =>
        store.updateImage(pick(images, k) ?? '', { flagged: k % 2 === 0 }),
  ),
  // Not undoable, and must not stand in the way.
  n.map(
    (k): Step =>
      (store, images) => {
        const imageId = pick(images, k) ?? '';
        store.setHidden(
          imageId,
          store
            .annotations(imageId)
            .filter(({ id }) => id % 2 === k % 2)
            .map(({ id }) => id),
        );
      },
  ),
);

describe('classes, order, locks, notes and flags', () => {
  it('come back exactly when everything is undone, and again when it is redone, after any steps', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 3, maxLength: 25 }), (steps) => {
        folder = temporaryFolder();
        const { store, images } = project();
        imported(store, 'first');
        imported(store, 'second');
        const seen = [observe(store, images)];
        for (const act of steps) {
          const { undo } = store.historyState();
          const before = store.lastMark();
          act(store, images);
          if (store.lastMark() !== before) seen.push(observe(store, images));
          else expect(store.historyState().undo).toBe(undo);
        }
        for (let index = seen.length - 2; index >= 0; index -= 1) {
          store.undo();
          expect(observe(store, images)).toEqual(seen[index]);
        }
        expect(store.historyState().undo).toBeNull();
        for (const expected of seen.slice(1)) {
          store.redo();
          expect(observe(store, images)).toEqual(expected);
        }
        store.close();
        const again = openProject(folder);
        expect(observe(again, images)).toEqual(seen.at(-1));
        again.close();
      }),
      { numRuns: 40 },
    );
  });

  it('undoes the making of a class, and never takes a class from masks that an import brought meanwhile', () => {
    const { store, images } = project();
    const made = store.createCategory('cup');
    expect(store.historyState().undo).toBe('Create class “cup”');
    store.undo();
    expect(store.categories()).toEqual([]);
    store.redo();
    expect(store.categories()).toEqual([made]);
    const mask = maskAt(1);
    store.importAnnotation({
      id: null,
      imageId: images[0] ?? '',
      categoryId: made.id,
      mask,
      bbox: [0, 0, 1, 1],
      area: 1,
      iscrowd: false,
      importKey: 'k',
      original: '{}',
    });
    store.undo();
    expect(store.categories()).toMatchObject([{ id: made.id, annotations: 1 }]);
    expect(store.annotations(images[0] ?? '')).toHaveLength(1);
    store.redo();
    expect(names(store)).toEqual(['cup']);
    store.close();
  });

  it('gives a hotkey to one class only, and the lowest free one to a new class', () => {
    const { store } = project();
    const ids = ['a', 'b', 'c'].map((name) => store.createCategory(name).id);
    expect(store.categories().map(({ hotkey }) => hotkey)).toEqual([1, 2, 3]);
    store.updateCategory(ids[2] ?? 0, { hotkey: 1 });
    expect(store.categories().map(({ hotkey }) => hotkey)).toEqual([null, 2, 1]);
    expect(store.createCategory('d').hotkey).toBe(3);
    store.undo();
    store.undo();
    expect(store.categories().map(({ hotkey }) => hotkey)).toEqual([1, 2, 3]);
    store.close();
  });

  it('refuses what would lose or confuse something, with a way out', () => {
    const { store, images } = project();
    const [a, b] = ['a', 'b'].map((name) => store.createCategory(name).id);
    const [one] = store.createAnnotations([
      { imageId: images[0] ?? '', categoryId: a ?? 0, mask: maskAt(1) },
    ]);
    const id = one?.id ?? 0;
    expect(() => store.updateCategory(b ?? 0, { name: 'a' })).toThrow('already');
    expect(() => store.deleteCategory(a ?? 0, null)).toThrow('1 masks are of the class “a”');
    expect(() => store.reorderCategories([a ?? 0])).toThrow('changed meanwhile');
    expect(() => store.reorderAnnotations(images[0] ?? '', [id, id])).toThrow('changed meanwhile');
    const twice = [
      { name: 'x', kind: 'text' as const, choices: [], default: null },
      { name: 'x', kind: 'number' as const, choices: [], default: null },
    ];
    expect(() => store.updateCategory(a ?? 0, { attributes: twice })).toThrow(
      'Two attributes are called “x”',
    );
    store.updateAnnotation(id, { locked: true });
    expect(() => store.deleteAnnotation(id)).toThrow('locked');
    expect(() => store.updateAnnotation(id, { mask: maskAt(2) })).toThrow('locked');
    // Its class is no pixel of it.
    store.updateAnnotation(id, { categoryId: b });
    const second = store.createAnnotations([
      { imageId: images[0] ?? '', categoryId: b ?? 0, mask: maskAt(3) },
    ]);
    expect(() => store.deleteAnnotations([second[0]?.id ?? 0, id])).toThrow('locked');
    expect(store.annotations(images[0] ?? '')).toHaveLength(2);
    store.close();
  });

  it('asks the attributes of a class: defaults for new masks, answers of the right kind, union when merged', () => {
    const { store, images } = project();
    const a = store.createCategory('a').id;
    const b = store.createCategory('b').id;
    store.updateCategory(a, {
      attributes: [
        { name: 'occluded', kind: 'boolean', choices: [], default: false },
        { name: 'colour', kind: 'choice', choices: ['red', 'blue'], default: null },
      ],
    });
    store.updateCategory(b, {
      attributes: [{ name: 'colour', kind: 'text', choices: [], default: null }],
    });
    const [one] = store.createAnnotations([{ imageId: images[0] ?? '', categoryId: a, mask: maskAt(1) }]);
    expect(one?.attributes).toEqual({ occluded: false });
    const id = one?.id ?? 0;
    expect(() => store.updateAnnotation(id, { attributes: { colour: 'green' } })).toThrow(
      '“green” is no value of “colour”',
    );
    store.updateAnnotation(id, { attributes: { occluded: true, colour: 'red' } });
    expect(store.storedAnnotations(images[0] ?? '')[0]?.attributes).toEqual({
      occluded: true,
      colour: 'red',
    });
    store.mergeCategories([a], b);
    expect(store.categories()).toMatchObject([
      { id: b, annotations: 1, attributes: [{ name: 'colour', kind: 'text' }, { name: 'occluded' }] },
    ]);
    expect(store.annotation(id).attributes).toEqual({ occluded: true, colour: 'red' });
    store.close();
  });

  it('lists masks from bottom to top, new ones on top, also after they were put in another order', () => {
    const { store, images } = project();
    const [imageId = ''] = images;
    const categoryId = store.createCategory('a').id;
    const add = (): number => store.createAnnotations([{ imageId, categoryId, mask: maskAt(2) }])[0]?.id ?? 0;
    const [first, second, third] = [add(), add(), add()];
    store.reorderAnnotations(imageId, [third, first, second]);
    const fourth = add();
    expect(store.annotations(imageId).map(({ id }) => id)).toEqual([third, first, second, fourth]);
    store.setHidden(imageId, [first]);
    expect(store.annotations(imageId).map(({ hidden }) => hidden)).toEqual([false, true, false, false]);
    const history = store.historyState();
    store.setHidden(imageId, []);
    expect(store.historyState()).toEqual(history);
    store.close();
  });

  it('moves 50,000 masks to another class as one small mark, and back exactly', async () => {
    if (!hasSharedData('50,000 masks of one class')) return;
    const picture = join(coco20.images, readdirSync(coco20.images)[0] ?? '');
    const file = await makeBigProject(folder, { images: 50_000, picture, masksEvery: 1 });
    const store = openProject(file);
    const before = store.categories();
    expect(before.map(({ annotations }) => annotations)).toEqual([50_000, 50_000]);
    const sample = store.listImages({ offset: 31_234, limit: 1 }).items[0]?.id ?? '';
    const masks = store.annotations(sample);
    expect(store.mergeCategories([1], 2)).toBe(50_000);
    expect(store.categories()).toMatchObject([{ id: 2, annotations: 100_000 }]);
    expect(store.annotations(sample).map(({ categoryId }) => categoryId)).toEqual([2, 2]);
    store.undo();
    expect(store.categories()).toEqual(before);
    expect(store.annotations(sample)).toEqual(masks);
    expect(store.summary().counts.annotations).toBe(100_000);
    store.redo();
    expect(store.categories()).toHaveLength(1);
    store.close();
    // Ids, not rows: the entry has a few bytes a mask.
    const db = new Database(file, { create: false });
    const bytes = db.count("SELECT max(length(changes)) AS n FROM journal WHERE kind = 'mark'");
    db.close();
    expect(bytes).toBeLessThan(500_000);
  });
});

it('an older project gets order, hotkeys and counts, after a copy was written, and its journal still plays', () => {
  const file = join(folder, 'old.maskwright');
  execFileSync('python3', [
    '-c',
    'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())',
    file,
    resolve('tests/integration/project-v1.sql'),
  ]);
  const store = openProject(file);
  expect(existsSync(`${file}.v1.bak`)).toBe(true);
  expect(store.categories()).toEqual([
    { id: 1, name: 'box', supercategory: '', color: '#0072b2', hotkey: 1, attributes: [], annotations: 1 },
  ]);
  const { items } = store.listImages({ offset: 0, limit: 10 });
  expect(items).toMatchObject([
    { name: 'a.png', annotations: 1, trajectories: 1, note: '', flagged: false, problem: null },
    { name: 'b.png', annotations: 0, trajectories: 0 },
  ]);
  const imageId = items[0]?.id ?? '';
  expect(store.annotations(imageId)).toMatchObject([
    { id: 1, z: 1, attributes: {}, locked: false, hidden: false },
  ]);
  store.undo();
  expect(store.imageSummary(imageId).annotations).toBe(0);
  // The row comes from a journal that knew no order.
  store.redo();
  expect(store.annotations(imageId)).toMatchObject([{ id: 1, z: 1 }]);
  expect(store.summary().counts).toMatchObject({ images: 2, done: 1, annotations: 1 });
  store.close();
  const upgraded = new Database(file, { create: false });
  expect(upgraded.readPragma('user_version')).toBe(migrations.length);
  upgraded.close();
});
