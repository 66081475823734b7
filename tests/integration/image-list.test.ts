import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/engine/project/database';
import { createProject, openProject } from '../../src/engine/project/open';
import type { ImageConditions, ProjectStore } from '../../src/engine/project/store';
import type { ImageSort } from '../../src/shared/contract/methods';
import { makeBigProject } from '../bench/big-project';
import { rectangle, temporaryFolder } from '../support/project-data';
import { coco20, hasSharedData } from '../support/shared-data';

const sorts: ImageSort[] = ['name', 'added', 'size', 'masks', 'changed', 'state'];
const listAll = (store: ProjectStore, conditions: ImageConditions): string[] =>
  store.listImages({ ...conditions, offset: 0, limit: 1000 }).items.map(({ id }) => id);

const query: fc.Arbitrary<ImageConditions> = fc.record(
  {
    state: fc.constantFrom('todo' as const, 'done' as const, null),
    search: fc.constantFrom('', '1', 'IMG', 'nothing'),
    flagged: fc.constantFrom(true, false, null),
    noted: fc.constantFrom(true, false, null),
    withCategories: fc.subarray([1, 2]),
    withoutCategories: fc.subarray([1, 2]),
    minMasks: fc.constantFrom(null, 1, 2),
    maxMasks: fc.constantFrom(null, 0, 1),
    author: fc.constantFrom('human' as const, 'agent' as const, null),
    sort: fc.constantFrom(...sorts),
    descending: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe('lists of images', () => {
  let store: ProjectStore;
  beforeAll(() => {
    const folder = temporaryFolder();
    store = createProject(folder);
    const files = Array.from({ length: 30 }, (_, index) => ({
      file: join(folder, `IMG ${(index * 7) % 30}.png`),
      sha256: 'f',
      width: 20 + (index % 4),
      height: 10,
    }));
    const { images } = store.addImages(folder, files);
    const [first = 0, second = 0] = ['one', 'two'].map((name) => store.createCategory(name).id);
    for (const [index, image] of images.entries()) {
      const mask = rectangle(image, { x: 0, y: 0, width: 3, height: 3 });
      const add = (categoryId: number, author: 'human' | 'agent'): unknown =>
        store.createAnnotations([{ imageId: image.id, categoryId, mask, author }]);
      if (index % 3 === 0) add(first, 'human');
      if (index % 4 === 0) add(second, 'agent');
      if (index % 5 === 0) store.updateImage(image.id, { flagged: true });
      if (index % 6 === 0) store.updateImage(image.id, { note: 'Look again.' });
    }
  });
  afterAll(() => store.close());

  it('hold what the conditions say', () => {
    const matches = (conditions: ImageConditions): string[] => {
      const all = store.listImages({ offset: 0, limit: 1000 }).items;
      return all
        .filter((image) => {
          const masks = store.annotations(image.id);
          const has = (categoryId: number): boolean => masks.some((mask) => mask.categoryId === categoryId);
          const { state, search = '', flagged, noted, author, minMasks, maxMasks } = conditions;
          return (
            (!state || image.state === state) &&
            image.name.toLowerCase().includes(search.toLowerCase()) &&
            (flagged == null || image.flagged === flagged) &&
            (noted == null || (image.note !== '') === noted) &&
            (conditions.withCategories ?? []).every(has) &&
            !(conditions.withoutCategories ?? []).some(has) &&
            (minMasks == null || masks.length >= minMasks) &&
            (maxMasks == null || masks.length <= maxMasks) &&
            (!author || masks.some((mask) => mask.author === author))
          );
        })
        .map(({ id }) => id);
    };
    fc.assert(
      fc.property(query, (conditions) => {
        expect(new Set(listAll(store, conditions))).toEqual(new Set(matches(conditions)));
      }),
      { numRuns: 150 },
    );
  });

  it('are the same read whole or in pages, reversed when descending, and every image is where it is said to be', () => {
    fc.assert(
      fc.property(query, (conditions) => {
        const whole = listAll(store, conditions);
        const paged: string[] = [];
        for (let offset = 0; offset < whole.length; offset += 7) {
          const page = store.listImages({ ...conditions, offset, limit: 7 });
          expect(page.total).toBe(whole.length);
          paged.push(...page.items.map(({ id }) => id));
        }
        expect(paged).toEqual(whole);
        const turned = listAll(store, { ...conditions, descending: conditions.descending !== true });
        expect(turned).toEqual([...whole].reverse());
        for (const id of listAll(store, {})) {
          const place = store.imagePlace(id, conditions);
          expect(place.total).toBe(whole.length);
          expect(place.listed).toBe(whole.includes(id));
          if (place.listed) expect(place.index).toBe(whole.indexOf(id));
          else expect(place.index).toBeLessThanOrEqual(whole.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('lead to the next image that is not done, and from the end to the start', () => {
    fc.assert(
      fc.property(query, fc.integer({ min: -1, max: 30 }), fc.nat(29), (conditions, after, but) => {
        const whole = listAll(store, conditions);
        const except = listAll(store, {})[but] ?? null;
        const isOpen = (id: string): boolean => id !== except && store.imageById(id).state !== 'done';
        const expected = [...whole.slice(after + 1), ...whole].find(isOpen) ?? null;
        const found = store.nextOpen(conditions, after, except);
        expect(found?.image.id ?? null).toBe(expected);
        if (found) expect(found.index).toBe(whole.indexOf(found.image.id));
      }),
      { numRuns: 150 },
    );
  });
});

describe('a list of 100,000 images', () => {
  let folder = '';
  let file = '';
  beforeAll(async () => {
    if (!hasSharedData('a project of 100,000 images')) return;
    folder = mkdtempSync(join(tmpdir(), 'maskwright-big-'));
    const picture = join(coco20.images, readdirSync(coco20.images)[0] ?? '');
    file = await makeBigProject(folder, { images: 100_000, picture });
  }, 120_000);
  afterAll(() => {
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  it('is counted, read at its end and searched for a place, all by rule', () => {
    if (file === '') return;
    const store = openProject(file);
    expect(store.summary().counts).toMatchObject({ images: 100_000, done: 14_286, annotations: 20_000 });
    const last = store.listImages({ offset: 99_999, limit: 10 });
    expect(last).toMatchObject({ total: 100_000, items: [{ name: 'set-099/photo-099999.jpg' }] });
    expect(store.imagePlace(last.items[0]?.id ?? '', {})).toEqual({
      index: 99_999,
      listed: true,
      total: 100_000,
    });
    expect(store.listImages({ flagged: true, offset: 0, limit: 1 }).total).toBe(9091);
    expect(store.listImages({ noted: true, search: '0999', offset: 0, limit: 1 }).total).toBe(10);
    expect(store.listImages({ withCategories: [1], offset: 0, limit: 1 }).total).toBe(10_000);
    expect(store.nextOpen({}, 99_999, null)).toMatchObject({ index: 1 });
    store.close();
  });

  it('is read through an index in every order, never sorted', () => {
    if (file === '') return;
    const db = new Database(file, { create: false });
    const row = z.object({ detail: z.string() });
    const plans = (sql: string): string =>
      db
        .all(row, `EXPLAIN QUERY PLAN ${sql}`)
        .map(({ detail }) => detail)
        .join('; ');
    const orders = {
      images_by_name: 'sort_key, seq',
      images_by_size: 'width * height, seq',
      images_by_masks: 'annotation_count, seq',
      images_by_change: 'changed_at, seq',
      images_by_progress: "CASE state WHEN 'todo' THEN 0 WHEN 'review' THEN 1 ELSE 2 END, sort_key, seq",
    };
    for (const [index, order] of Object.entries(orders)) {
      const plan = plans(
        `SELECT id, note, annotation_count FROM images ORDER BY ${order} LIMIT 100 OFFSET 90000`,
      );
      expect(plan).toContain(`USING INDEX ${index}`);
      expect(plan).not.toContain('TEMP B-TREE');
    }
    expect(plans('SELECT count(*) FROM images WHERE flagged = 1')).toContain('images_by_flag');
    expect(plans("SELECT id FROM images WHERE state = 'todo' ORDER BY sort_key, seq LIMIT 100")).toContain(
      'images_by_state',
    );
    expect(
      plans('SELECT id FROM images WHERE id IN (SELECT image_id FROM annotations WHERE category_id = 1)'),
    ).toContain('COVERING INDEX annotations_by_category');
    db.close();
  });
});
