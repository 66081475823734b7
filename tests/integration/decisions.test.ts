import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { createProject } from '../../src/engine/project/open';
import type { ProjectStore } from '../../src/engine/project/store';
import { appendVerdict, withOutcome } from '../../src/shared/trajectory/tree';
import { rectangle, sampleTrajectory, temporaryFolder } from '../support/project-data';

const size = { width: 12, height: 8 };
const mask = rectangle(size, { x: 1, y: 1, width: 4, height: 3 });

let store: ProjectStore;
let imageId = '';
let categoryId = 0;

beforeEach(() => {
  const folder = temporaryFolder();
  store = createProject(join(folder, 'a.maskwright'));
  const { images } = store.addImages(folder, [{ file: join(folder, 'a.png'), sha256: 'a', ...size }]);
  imageId = images[0]!.id;
  categoryId = store.createCategory('cup').id;
  store.saveTrajectory(sampleTrajectory('t1', mask), imageId);
});

const verdicts = (): string[] =>
  store.trajectory('t1').verdicts.map(({ verdict, reason }) => `${verdict} ${reason}`);

it('takes the verdicts of a batch decision back, also after the episode was saved with a reason', () => {
  store.rejectReviews(['t1'], null);
  const read = store.trajectory('t1');
  const [given] = read.verdicts;
  store.saveTrajectory(appendVerdict(read, { ...given!, reason: 'too wide' }), imageId);
  expect(verdicts()).toEqual(['rejected null', 'rejected too wide']);
  store.saveTrajectory(store.trajectory('t1'), imageId);
  expect(verdicts()).toEqual(['rejected null', 'rejected too wide']);
  store.undo();
  expect(verdicts()).toEqual([]);
  expect(store.trajectory('t1').outcome.status).toBe('finished');
  store.redo();
  expect(verdicts()).toEqual(['rejected null']);
});

it.each(['accepted', 'rejected'] as const)('keeps a result %s when a turn in flight is stored', (status) => {
  const inFlight = withOutcome(store.trajectory('t1'), {
    status: 'open',
    node: 'n1',
    masks: [],
    category: null,
    message: null,
  });
  if (status === 'accepted') store.acceptReviews(['t1'], categoryId);
  else store.rejectReviews(['t1'], 'too wide');
  store.saveTrajectory(inFlight, imageId);
  expect(store.trajectory('t1').outcome.status).toBe(status);
  expect(verdicts()).toHaveLength(1);
  expect(store.waitingReviews()).toBe(0);
});

it('leaves an image in review when a mask is drawn while results wait', () => {
  const creates = [{ imageId, mask, categoryId, query: null, like: null }];
  store.editMasks({ kind: 'paint', creates, updates: [], deletes: [] });
  expect(store.imageById(imageId).state).toBe('review');
});

/** The classes that the results wait for, by the names of their trajectories. */
const classes = (): (string | null)[] => ['cup-result', 'dog-result'].map((id) => store.review(id).className);

it('brings each result back to its own class when the new name of a class, or a merge, is undone', () => {
  for (const name of ['cup', 'dog']) {
    const result = sampleTrajectory(`${name}-result`, mask);
    store.saveTrajectory({ ...result, outcome: { ...result.outcome, category: name } }, imageId);
  }
  store.updateCategory(categoryId, { name: 'dog' });
  expect(classes()).toEqual(['dog', 'dog']);
  store.undo();
  expect(classes()).toEqual(['cup', 'dog']);
  const dog = store.createCategory('dog').id;
  store.mergeCategories([categoryId], dog);
  expect(classes()).toEqual(['dog', 'dog']);
  store.undo();
  expect(classes()).toEqual(['cup', 'dog']);
  store.redo();
  expect(classes()).toEqual(['dog', 'dog']);
});

it('points out an annotation with the same pixels, and none of another place, size or class', () => {
  const other = store.createCategory('dog').id;
  const shifted = rectangle(size, { x: 6, y: 4, width: 4, height: 3 });
  const larger = rectangle(size, { x: 1, y: 1, width: 6, height: 5 });
  store.createAnnotations([
    { imageId, categoryId, mask: shifted },
    { imageId, categoryId, mask: larger },
  ]);
  expect(store.review('t1').duplicateOf).toBeNull();
  const [same] = store.createAnnotations([{ imageId, categoryId: other, mask }]);
  expect(store.review('t1').duplicateOf).toBe(same?.id);
  const result = sampleTrajectory('t2', mask);
  store.saveTrajectory({ ...result, outcome: { ...result.outcome, category: 'cup' } }, imageId);
  expect(store.review('t2').duplicateOf).toBeNull();
});
