import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exportToFolder } from '@engine/exporters';
import { createProject, type ProjectStore } from '@engine/project';
import { defaultExportOptions, type ExportFormat, type ExportOptions } from '@shared/contract/formats';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { rectangle, temporaryFolder } from '../support/project-data';

const size = { width: 40, height: 30 };
let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

const put = (path: string, content: string | Uint8Array): string => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
};
const picture = (): Promise<Buffer> =>
  sharp({ create: { ...size, channels: 3, background: '#456' } })
    .jpeg()
    .toBuffer();
const project = (name: string): ProjectStore => {
  mkdirSync(join(folder, name));
  return createProject(join(folder, name));
};
const write = (
  store: ProjectStore,
  format: ExportFormat,
  out: string,
  more: { options?: Partial<ExportOptions>; overwrite?: boolean } = {},
) =>
  exportToFolder(store, format, { ...defaultExportOptions(format), ...more.options }, join(folder, out), {
    overwrite: more.overwrite ?? false,
  });
const text = (path: string): string => readFileSync(join(folder, path), 'utf8');

/** A project of images `i/NAME`, each with one rectangle. */
async function rectangles(...names: string[]): Promise<ProjectStore> {
  const store = project('p');
  const categoryId = store.createCategory('box').id;
  for (const name of names) {
    const file = put(`i/${name}`, await picture());
    const { images } = store.addImages(join(folder, 'i'), [{ file, sha256: name, ...size }]);
    const mask = rectangle(size, { x: 2, y: 2, width: 6, height: 5 });
    store.createAnnotations([{ imageId: images[0]?.id ?? '', categoryId, mask }]);
  }
  return store;
}

describe('an export spares files that are not its own', () => {
  it('never replaces an image of the project', async () => {
    const store = await rectangles('a.jpg');
    const before = readFileSync(join(folder, 'i/a.jpg'));
    for (const overwrite of [false, true]) {
      await expect(write(store, 'overlays', 'i', { overwrite })).rejects.toMatchObject({ code: 'CONFLICT' });
    }
    expect(readFileSync(join(folder, 'i/a.jpg')).equals(before)).toBe(true);
    store.close();
  });

  it.each([
    ['labelme', 'a.json'],
    ['coco', 'coco.json'],
  ] as const)('%s replaces a foreign or changed file only when it is told to', async (format, name) => {
    const store = await rectangles('a.jpg');
    put(`o/${name}`, 'mine');
    await expect(write(store, format, 'o')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(text(`o/${name}`)).toBe('mine');
    await write(store, format, 'o', { overwrite: true });
    expect(text(`o/${name}`)).toContain('box');
    await write(store, format, 'o');
    put(`o/${name}`, `${text(`o/${name}`)} `);
    await expect(write(store, format, 'o')).rejects.toThrow(name);
    store.close();
  });
});

it('an image that is missing costs its label too, and is not counted', async () => {
  const store = await rectangles('a.jpg', 'b.jpg');
  rmSync(join(folder, 'i/a.jpg'));
  const report = await write(store, 'yolo-seg', 'o', { options: { copyImages: true } });
  expect(report).toMatchObject({ images: 1, annotations: 1, files: 3 });
  expect(() => text('o/labels/train/a.txt')).toThrow();
  store.close();
});

it('crowds and images of one label file are not counted as written', async () => {
  const store = await rectangles('a.jpg', 'images/a.jpg');
  const [image] = store.allImages();
  const categoryId = store.categories()[0]?.id ?? 0;
  store.createAnnotations([
    {
      imageId: image?.id ?? '',
      categoryId,
      mask: rectangle(size, { x: 9, y: 9, width: 3, height: 3 }),
      iscrowd: true,
    },
  ]);
  const report = await write(store, 'yolo-seg', 'o');
  expect(report).toMatchObject({ images: 1, annotations: 1, files: 2 });
  expect(report.losses.map(({ kind }) => kind).sort()).toEqual(['crowd-left-out', 'same-name']);
  store.close();
});
