import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { createProject, openProject } from '../../src/engine/project/open';
import type { ProjectStore } from '../../src/engine/project/store';
import { rectangle, temporaryFolder } from '../support/project-data';

const size = { width: 12, height: 8 };
const mask = rectangle(size, { x: 1, y: 1, width: 4, height: 3 });
const extreme = Number.MAX_SAFE_INTEGER;

let store: ProjectStore;
let imageId = '';
let categoryId = 0;

beforeEach(() => {
  const folder = temporaryFolder();
  store = createProject(join(folder, 'a.maskwright'));
  const { images } = store.addImages(folder, [{ file: join(folder, 'a.png'), sha256: 'a', ...size }]);
  imageId = images[0]!.id;
  categoryId = store.addCategory({ id: null, name: 'cup', supercategory: '', original: null }).id;
});

const bring = (id: number): boolean =>
  store.importAnnotation({
    id,
    imageId,
    categoryId,
    mask,
    bbox: [1, 1, 4, 3],
    area: 12,
    iscrowd: false,
    importKey: `entry ${id}`,
    original: '{}',
  });
const ids = (): number[] => store.storedAnnotations(imageId).map(({ id }) => id);

it.each(['in one sitting', 'after a restart'])(
  'undoes a deletion after the file was imported again, %s',
  (when) => {
    for (const id of [3, 1, 2]) bring(id);
    expect(ids()).toEqual([1, 2, 3]);
    store.deleteAnnotation(2);
    if (when === 'after a restart') {
      store.close();
      store = openProject(store.file);
    }
    for (const id of [1, 2, 3]) bring(id);
    expect(ids()).toEqual([1, 3, 4]);
    store.undo();
    expect(ids()).toEqual([1, 2, 3, 4]);
    store.redo();
    expect(ids()).toEqual([1, 3, 4]);
    expect(bring(2)).toBe(false);
  },
);

it('redoes an annotation whose id a file has used since', () => {
  bring(1);
  store.createAnnotations([{ imageId, categoryId, mask }]);
  store.undo();
  bring(2);
  store.redo();
  expect(ids()).toEqual([1, 2, 3]);
});

it('gives no id of a merged class to an imported one', () => {
  const into = store.createCategory('dog').id;
  bring(1);
  store.mergeCategories([categoryId], into);
  const bird = store.addCategory({ id: categoryId, name: 'bird', supercategory: '', original: null });
  expect(bird.id).not.toBe(categoryId);
  store.undo();
  const { categoryId: back } = store.annotation(1);
  expect(store.categories().find(({ id }) => id === back)?.name).toBe('cup');
});

it('goes on counting after a file with the largest of all ids', () => {
  const category = store.addCategory({ id: extreme, name: 'far', supercategory: '', original: null });
  bring(extreme);
  store.setImageOriginal(imageId, extreme, '{}');
  store.assignCocoIds();
  expect(store.imageById(imageId).cocoId).toBe(1);
  expect(category.id).toBeLessThan(100);
  const made = store.createCategory('near');
  const [drawn] = store.createAnnotations([{ imageId, categoryId: made.id, mask }]);
  expect(ids()).toEqual([1, drawn?.id]);
});
