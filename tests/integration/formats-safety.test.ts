import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { importAnnotations } from '@engine/datasets';
import { exportToFolder } from '@engine/exporters';
import { writePng } from '@engine/images/png';
import { createProject, type ProjectStore } from '@engine/project';
import { defaultExportOptions, type ExportFormat, type ExportOptions } from '@shared/contract/formats';
import { decodeMask } from '@shared/mask/rle';
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

describe('LabelMe files', () => {
  const square = (x: number, more: object): object => ({
    label: 'cat',
    points: [
      [x, 1],
      [x + 3, 1],
      [x + 3, 4],
    ],
    shape_type: 'polygon',
    group_id: null,
    flags: {},
    ...more,
  });

  it('keep their groups and take edited attributes, and what our own export says comes back', async () => {
    put('l/a.jpg', await picture());
    const shapes = [
      square(0, { group_id: 2, attributes: { author: 'agent', occluded: true }, description: 'left' }),
      square(6, { group_id: 7 }),
      square(12, { group_id: 7 }),
      square(18, { label: 'dog', flags: { iscrowd: true } }),
    ];
    put('l/a.json', JSON.stringify({ shapes, imagePath: 'a.jpg', imageWidth: 40, imageHeight: 30 }));
    const store = project('p');
    await importAnnotations(store, 'labelme', join(folder, 'l'), { images: null });
    const imageId = store.allImages()[0]?.id ?? '';
    const [first, , crowd] = store.annotations(imageId);
    expect(first?.attributes).toEqual({ occluded: true, description: 'left' });
    expect(crowd?.iscrowd).toBe(true);
    store.updateAnnotation(first?.id ?? 0, { attributes: { occluded: false } });
    await write(store, 'labelme', 'o');
    const written: Record<string, unknown>[] = JSON.parse(text('o/a.json')).shapes;
    expect(written.map(({ group_id }) => group_id)).toEqual([2, 7, 7, null]);
    expect(written[0]).toMatchObject({ attributes: { author: 'agent', occluded: false }, description: '' });
    expect(written.slice(1)).toEqual(shapes.slice(1));
    store.close();
  });

  it('with a mask larger than the image are refused before it is unpacked', async () => {
    put('l/a.jpg', await picture());
    const mask = writePng({ width: 41, height: 2, values: new Uint8Array(82).fill(1) }).toString('base64');
    const shapes = [square(0, { shape_type: 'mask', mask })];
    put('l/a.json', JSON.stringify({ shapes, imagePath: 'a.jpg', imageWidth: 40, imageHeight: 30 }));
    const store = project('p');
    const report = await importAnnotations(store, 'labelme', join(folder, 'l'), { images: null });
    expect(report.skipped[0]?.reason).toContain('41 × 2');
    store.close();
  });
});

it('a picture taken for a mask of objects is refused, and many objects are read in one pass', async () => {
  const numbers = (most: number): Uint16Array =>
    Uint16Array.from({ length: 120 * 100 }, (_, i) => (i % most) + 1);
  const jpeg = await sharp({ create: { width: 120, height: 100, channels: 3, background: '#456' } })
    .jpeg()
    .toBuffer();
  for (const name of ['many', 'most']) put(`m/${name}.jpg`, jpeg);
  put('m/many.png', writePng({ width: 120, height: 100, values: numbers(5001) }));
  put('m/most.png', writePng({ width: 120, height: 100, values: numbers(500) }));
  const store = project('p');
  const report = await importAnnotations(store, 'masks', join(folder, 'm'), { images: null });
  expect(report.skipped).toEqual([
    { item: 'many.png', reason: 'it has 5001 values; a mask of at most 5000 objects is read' },
  ]);
  const image = store.allImages().find(({ path }) => path === 'most.jpg');
  const masks = store.annotations(image?.id ?? '').map(({ mask }) => mask);
  expect(masks).toHaveLength(500);
  const { data } = decodeMask(masks[0] ?? { size: [1, 1], counts: '' });
  expect(data.every((value, i) => value === (i % 500 === 0 ? 1 : 0))).toBe(true);
  store.close();
});
