import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ImageFinder } from '../../src/engine/datasets/image-finder';
import { type ImageToImport, ImportSession } from '../../src/engine/datasets/import-session';
import { createProject } from '../../src/engine/project/open';
import { rectangle, temporaryFolder } from '../support/project-data';

const size = { width: 12, height: 8 };
const mask = rectangle(size, { x: 1, y: 1, width: 4, height: 3 });

it('keeps redo while it makes classes, and makes one again that is merged meanwhile', async () => {
  const folder = temporaryFolder();
  const store = createProject(join(folder, 'a.maskwright'));
  const files = ['a.png', 'b.png'].map((name) => ({ file: join(folder, name), sha256: name, ...size }));
  const { images } = store.addImages(folder, files);
  const other = store.createCategory('other').id;
  store.setImageState(images[0]!.id, 'done');
  store.undo();
  const session = new ImportSession(store, new ImageFinder(folder), { images: null });
  const entry = (name: string): ImageToImport => ({
    name,
    file: join(folder, name),
    size,
    count: 1,
    annotations: () => [{ categoryId: session.category('cup'), mask, importKey: name, original: '{}' }],
  });
  await session.run([entry('a.png')], 1, 'one');
  expect(store.historyState()).toEqual({ undo: 'Create class “other”', redo: 'Mark as done' });

  // It was read before the merge and is written after it.
  const read = entry('b.png');
  const report = await session.run(
    [
      {
        ...read,
        annotations: async (found) => {
          const list = await read.annotations(found);
          store.mergeCategories([session.category('cup')], other);
          return list;
        },
      },
    ],
    1,
    'two',
  );
  expect(report.addedAnnotations).toBe(2);
  const [brought] = store.annotations(images[1]!.id);
  expect(store.categories().find(({ id }) => id === brought?.categoryId)?.name).toBe('cup');
});
