import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createProject, openProject } from '../../src/engine/project/open';
import type { ProjectStore } from '../../src/engine/project/store';
import { MaskwrightError } from '../../src/shared/contract/errors';
import type { MaskEdit } from '../../src/shared/contract/methods';
import { decodePlaced, encodePlaced, subtractPlaced } from '../../src/shared/mask/placed';
import { mergeRles, rleArea } from '../../src/shared/mask/rle';
import { splitMask } from '../../src/shared/mask/split';
import { rectangle, sampleTrajectory, temporaryFolder } from '../support/project-data';

const size = { width: 40, height: 30 };
const nothing: MaskEdit = { kind: 'paint', creates: [], updates: [], deletes: [] };
/** Two squares that do not touch. */
const left = rectangle(size, { x: 2, y: 2, width: 8, height: 8 });
const right = rectangle(size, { x: 20, y: 4, width: 5, height: 5 });

let folder = '';
let store: ProjectStore;
let image = '';
let next = '';
let category = 0;

beforeEach(() => {
  folder = temporaryFolder();
  store = createProject(join(folder, 'a.maskwright'));
  const entries = ['a.png', 'b.png'].map((name) => ({ file: join(folder, name), sha256: name, ...size }));
  [image = '', next = ''] = store.addImages(folder, entries).images.map(({ id }) => id);
  category = store.createCategory('cup').id;
});

const draw = (mask = left) =>
  store.createAnnotations([{ imageId: image, categoryId: category, mask, query: 'the cup' }])[0]!;
const shown = (imageId = image) =>
  store.annotations(imageId).map(({ id, mask }) => ({ id, counts: mask.counts }));

describe('edits of masks', () => {
  it('split, undo, redo and survive a restart as one step', () => {
    const both = mergeRles([left, right], 'union');
    const drawn = draw(both);
    const parts = splitMask(decodePlaced(both)!).map((part) => encodePlaced(part, size));
    const before = shown();
    const { created } = store.editMasks({
      ...nothing,
      kind: 'split',
      updates: [{ annotationId: drawn.id, mask: parts[0]! }],
      creates: [{ imageId: image, mask: parts[1]!, categoryId: category, query: null, like: drawn.id }],
    });
    expect(created[0]).toMatchObject({ categoryId: category, query: 'the cup', author: 'human' });
    const after = shown();
    expect(after.map(({ counts }) => counts)).toEqual([left.counts, right.counts]);
    expect(store.historyState().undo).toBe('Split mask');
    store.undo();
    expect(shown()).toEqual(before);
    store.redo();
    expect(shown()).toEqual(after);
    const { file } = store;
    store.close();
    store = openProject(file);
    expect(shown()).toEqual(after);
    expect(store.historyState().undo).toBe('Split mask');
    store.undo();
    expect(shown()).toEqual(before);
  });

  it('a mask and the class that is made for it are one step', () => {
    const names = (): string[] => store.categories().map(({ name }) => name);
    const { created } = store.editMasks({
      ...nothing,
      creates: [{ imageId: image, mask: left, className: 'saucer', query: null, like: null }],
    });
    expect(names()).toEqual(['cup', 'saucer']);
    store.undo();
    expect(shown()).toEqual([]);
    expect(names()).toEqual(['cup']);
    store.redo();
    expect(store.annotations(image)).toEqual(created);
    expect(names()).toEqual(['cup', 'saucer']);

    const { id } = draw(right);
    store.updateAnnotations([id], { className: 'spoon' });
    expect(store.historyState().undo).toBe('Change class of 1 masks');
    store.undo();
    expect(names()).toEqual(['cup', 'saucer']);
    expect(store.annotation(id).categoryId).toBe(category);
  });

  it('a class that is named is the one of that name', () => {
    const { created } = store.editMasks({
      ...nothing,
      creates: [{ imageId: image, mask: left, className: 'cup', query: null, like: null }],
    });
    expect(created[0]?.categoryId).toBe(category);
    expect(store.categories()).toHaveLength(1);
  });

  it('join deletes what it took in, and nothing happens when one of them is locked', () => {
    const first = draw(left);
    const second = draw(right);
    store.updateAnnotation(second.id, { locked: true });
    const joined: MaskEdit = {
      ...nothing,
      kind: 'join',
      updates: [{ annotationId: first.id, mask: rectangle(size, { x: 2, y: 2, width: 23, height: 8 }) }],
      deletes: [second.id],
    };
    const before = shown();
    expect(() => store.editMasks(joined)).toThrow(MaskwrightError);
    expect(shown()).toEqual(before);
    store.updateAnnotation(second.id, { locked: false });
    store.editMasks(joined);
    expect(shown()).toHaveLength(1);
    store.undo();
    expect(shown()).toEqual(before);
  });

  it('copies wait for review, and a new mask leaves it to the person when its image is done', () => {
    const drawn = draw();
    const copy = { imageId: next, mask: left, categoryId: category, query: null, like: drawn.id };
    store.editMasks({ ...nothing, kind: 'copy', creates: [copy] });
    expect(store.imageById(next).state).toBe('review');
    expect(store.annotations(next)[0]).toMatchObject({ query: 'the cup', trajectoryId: null });
    store.undo();
    expect(store.imageById(next).state).toBe('todo');
    store.editMasks({ ...nothing, creates: [{ ...copy, like: null }] });
    expect(store.imageById(next).state).toBe('todo');
  });

  it('refuses masks of another size and masks without a pixel', () => {
    const drawn = draw();
    const other = rectangle({ width: 30, height: 40 }, { x: 1, y: 1, width: 3, height: 3 });
    const empty = rectangle(size, { x: 0, y: 0, width: 0, height: 0 });
    for (const mask of [other, empty]) {
      expect(() => store.editMasks({ ...nothing, updates: [{ annotationId: drawn.id, mask }] })).toThrow(
        MaskwrightError,
      );
    }
    expect(shown()).toEqual([{ id: drawn.id, counts: left.counts }]);
  });

  it('corrects the outcome of the accepted episode that the mask came from, and undo takes that back', () => {
    const trajectory = sampleTrajectory('t1', left);
    store.saveTrajectory(trajectory, image);
    const { annotations } = store.acceptEpisode({
      imageId: image,
      trajectory,
      categoryId: category,
      masks: [left, right],
      score: 0.9,
      author: 'agent',
      query: null,
    });
    const [first, second] = annotations;
    const outcome = () => store.trajectory('t1').outcome.masks.map(({ counts }) => counts);
    expect(outcome()).toEqual([left.counts, right.counts]);
    // Erased in the middle: what is left falls apart.
    const gap = decodePlaced(rectangle(size, { x: 5, y: 2, width: 2, height: 8 }))!;
    const pieces = splitMask(subtractPlaced(decodePlaced(left)!, [gap])!).map((piece) =>
      encodePlaced(piece, size),
    );
    expect(pieces.map(rleArea)).toEqual([24, 24]);
    const { updated } = store.editMasks({
      ...nothing,
      kind: 'cut',
      updates: [{ annotationId: first!.id, mask: pieces[0]! }],
      creates: [{ imageId: image, mask: pieces[1]!, categoryId: category, query: null, like: first!.id }],
    });
    expect(updated[0]).toMatchObject({ author: 'human', score: null, trajectoryId: 't1' });
    expect(outcome()).toEqual([pieces[0]!.counts, pieces[1]!.counts, right.counts]);
    store.undo();
    expect(outcome()).toEqual([left.counts, right.counts]);
    store.redo();
    store.editMasks({
      ...nothing,
      kind: 'join',
      updates: [{ annotationId: first!.id, mask: left }],
      deletes: [second!.id],
    });
    expect(outcome()).toEqual([left.counts, pieces[1]!.counts]);
    expect(store.trajectory('t1').outcome.status).toBe('accepted');
  });
});
