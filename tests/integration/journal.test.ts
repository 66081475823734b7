import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Database } from '../../src/engine/project/database';
import { createProject, openProject } from '../../src/engine/project/open';
import type { ProjectStore } from '../../src/engine/project/store';
import type { ImageState } from '../../src/shared/contract/methods';
import { rectangle, sampleTrajectory, temporaryFolder } from '../support/project-data';

const size = { width: 12, height: 8 };
const states = ['todo', 'review', 'done'] as const;
const masks = Array.from({ length: 5 }, (_, index) =>
  rectangle(size, { x: index, y: 1, width: index + 1, height: 3 }),
);
const maskAt = (index: number) => masks[index % masks.length] ?? masks[0]!;

type Step =
  | { kind: 'create' | 'accept'; image: number; mask: number; category: number }
  | { kind: 'update'; pick: number; mask: number; category: number }
  | { kind: 'delete'; pick: number }
  | { kind: 'state'; image: number; state: ImageState }
  | { kind: 'batch'; image: number; mask: number; pick: number }
  | { kind: 'failing'; image: number; mask: number }
  | { kind: 'undo' }
  | { kind: 'redo' }
  | { kind: 'reopen' };

const small = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('create', 'accept'), image: small, mask: small, category: small }),
  fc.record({ kind: fc.constant('update'), pick: small, mask: small, category: small }),
  fc.record({ kind: fc.constant('delete'), pick: small }),
  fc.record({ kind: fc.constant('state'), image: small, state: fc.constantFrom(...states) }),
  fc.record({ kind: fc.constant('batch'), image: small, mask: small, pick: small }),
  fc.record({ kind: fc.constant('failing'), image: small, mask: small }),
  fc.constantFrom<Step>(
    { kind: 'undo' },
    { kind: 'redo' },
    { kind: 'undo' },
    { kind: 'redo' },
    { kind: 'reopen' },
  ),
);

/** The simple model: whole states, one a mark, and where we are among them. */
interface World {
  annotations: { id: number; image: number; category: number; counts: string }[];
  states: ImageState[];
  accepted: string[];
}

class Model {
  past: World[] = [];
  now: World = { annotations: [], states: ['todo', 'todo', 'todo'], accepted: [] };
  future: World[] = [];

  commit(next: World): void {
    if (JSON.stringify(next) === JSON.stringify(this.now)) return;
    this.past.push(this.now);
    this.now = next;
    this.future = [];
  }
  undo(): void {
    const world = this.past.pop();
    if (world === undefined) return;
    this.future.push(this.now);
    this.now = world;
  }
  redo(): void {
    const world = this.future.pop();
    if (world === undefined) return;
    this.past.push(this.now);
    this.now = world;
  }
}

const copy = (world: World): World => ({
  annotations: world.annotations.map((annotation) => ({ ...annotation })),
  states: [...world.states],
  accepted: [...world.accepted],
});

function observe(store: ProjectStore, images: string[]): World {
  return {
    annotations: images
      .flatMap((imageId, image) =>
        store
          .annotations(imageId)
          .map(({ id, categoryId, mask }) => ({ id, image, category: categoryId, counts: mask.counts })),
      )
      .sort((a, b) => a.id - b.id),
    states: images.map((imageId) => store.imageById(imageId).state),
    accepted: [...store.allTrajectories()]
      .filter((trajectory) => trajectory.outcome.status === 'accepted')
      .map((trajectory) => trajectory.header.id),
  };
}

it('keeps the store equal to a simple model through any mutations, undo, redo and restarts', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) => {
      const folder = temporaryFolder();
      let store = createProject(folder);
      const images = store
        .addImages(
          folder,
          ['a.png', 'b.png', 'c.png'].map((name) => ({ file: join(folder, name), sha256: 'f', ...size })),
        )
        .images.map((image) => image.id);
      const categories = ['x', 'y'].map(
        (name) => store.addCategory({ id: null, name, supercategory: '', original: null }).id,
      );
      const model = new Model();
      const start = observe(store, images);
      let lastId = 0;
      let episodes = 0;

      for (const action of steps) {
        const next = copy(model.now);
        if (action.kind === 'undo') {
          store.undo();
          model.undo();
        } else if (action.kind === 'redo') {
          store.redo();
          model.redo();
        } else if (action.kind === 'reopen') {
          store.close();
          store = openProject(folder);
        } else if (action.kind === 'state') {
          const image = action.image % 3;
          store.setImageState(images[image] ?? '', action.state);
          next.states[image] = action.state;
          model.commit(next);
        } else if (action.kind === 'update' || action.kind === 'delete') {
          const target = next.annotations[action.pick % Math.max(1, next.annotations.length)];
          if (target === undefined) continue;
          if (action.kind === 'delete') {
            store.deleteAnnotation(target.id);
            next.annotations = next.annotations.filter((annotation) => annotation !== target);
          } else {
            const category = categories[action.category % 2] ?? 0;
            store.updateAnnotation(target.id, { mask: maskAt(action.mask), categoryId: category });
            target.counts = maskAt(action.mask).counts;
            target.category = category;
          }
          model.commit(next);
        } else {
          const image = action.image % 3;
          const imageId = images[image] ?? '';
          const mask = maskAt(action.mask);
          const category = categories['category' in action ? action.category % 2 : 0] ?? 0;
          const input = { imageId, categoryId: category, mask };
          const made = (): number => {
            lastId += 1;
            return lastId;
          };
          if (action.kind === 'failing') {
            expect(() =>
              store.mark('Fails', () => {
                store.createAnnotations([input]);
                throw new Error('stop');
              }),
            ).toThrow('stop');
            continue;
          }
          if (action.kind === 'accept') {
            episodes += 1;
            const id = `t${String(episodes).padStart(3, '0')}`;
            const trajectory = sampleTrajectory(id, mask);
            store.acceptEpisode({
              imageId,
              trajectory,
              categoryId: category,
              masks: [mask],
              score: 0.5,
              author: 'agent',
              query: 'q',
            });
            next.accepted.push(id);
            next.states[image] = 'done';
          } else {
            store.mark('Batch', () => {
              store.createAnnotations([input]);
              if (action.kind !== 'batch') return;
              const target = next.annotations[action.pick % Math.max(1, next.annotations.length)];
              if (target !== undefined) {
                store.deleteAnnotation(target.id);
                next.annotations = next.annotations.filter((annotation) => annotation !== target);
              }
            });
          }
          next.annotations.push({ id: made(), image, category, counts: mask.counts });
          model.commit(next);
        }
        expect(observe(store, images)).toEqual(model.now);
        const { undo, redo } = store.historyState();
        expect([undo !== null, redo !== null]).toEqual([model.past.length > 0, model.future.length > 0]);
      }
      while (store.historyState().undo !== null) store.undo();
      expect(observe(store, images)).toEqual(start);
      while (store.historyState().redo !== null) store.redo();
      while (model.future.length > 0) model.redo();
      expect(observe(store, images)).toEqual(model.now);
      store.close();
    }),
    { numRuns: 40 },
  );
});

it('keeps every step as an audit trail that cannot be rewritten', () => {
  const folder = temporaryFolder();
  const store = createProject(folder);
  const { images } = store.addImages(folder, [{ file: join(folder, 'a.png'), sha256: 'f', ...size }]);
  store.setImageState(images[0]?.id ?? '', 'done');
  store.undo();
  store.redo();
  store.close();
  const db = new Database(join(folder, 'project.maskwright'), { create: false });
  expect(() => db.run('DELETE FROM journal')).toThrow('append-only');
  expect(() => db.run("UPDATE journal SET label = 'x'")).toThrow('append-only');
  db.close();
});
