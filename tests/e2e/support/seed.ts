import { join } from 'node:path';
import { readImageInfo } from '../../../src/engine/images/image-file';
import { createProject } from '../../../src/engine/project/open';
import type { ProjectStore } from '../../../src/engine/project/store';
import { rectangle } from '../../support/project-data';

export interface Seed {
  folder: string;
  /** Files in the folder, in the order of the list. */
  names: readonly string[];
  classes?: readonly string[];
  /** Rectangles in image pixels, with the class by its place in `classes`. */
  masks?: readonly {
    image: number;
    category: number;
    box: { x: number; y: number; width: number; height: number };
  }[];
}

/** Makes the project of a folder of photographs with classes and masks, before the app opens it. */
export async function seedProject(
  { folder, names, classes = [], masks = [] }: Seed,
  more: (store: ProjectStore) => void = () => {},
): Promise<void> {
  const infos = await Promise.all(names.map((name) => readImageInfo(join(folder, name))));
  const store = createProject(folder);
  try {
    const files = names.map((name, index) => {
      const { hash, width, height } = infos[index]!;
      return { file: join(folder, name), sha256: hash, width, height };
    });
    const { images } = store.addImages(folder, files);
    const ids = classes.map(
      (name) => store.addCategory({ id: null, name, supercategory: '', original: null }).id,
    );
    store.mark('Seed', () =>
      store.createAnnotations(
        masks.map(({ image, category, box }) => {
          const { id, width, height } = images[image]!;
          return { imageId: id, categoryId: ids[category]!, mask: rectangle({ width, height }, box) };
        }),
      ),
    );
    more(store);
  } finally {
    store.close();
  }
}
