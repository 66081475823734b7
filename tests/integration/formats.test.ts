import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { importAnnotations } from '@engine/datasets';
import { exportText, exportToFolder, previewExport, readBack } from '@engine/exporters';
import { readPng, writePng } from '@engine/images/png';
import { createProject, type ProjectStore } from '@engine/project';
import {
  defaultExportOptions,
  type ExportFormat,
  type ExportOptions,
  type ImportFormat,
} from '@shared/contract/formats';
import { vocColor } from '@shared/formats/voc';
import { decodeMask, rleArea } from '@shared/mask/rle';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli';
import { exportCoco } from '../support/exports';
import { drawn, masksOf, photographs } from '../support/format-project';
import { rectangle, temporaryFolder } from '../support/project-data';
import { coco20, hasSharedData } from '../support/shared-data';

const hasData = hasSharedData('round trips of formats on photographs');

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

const project = (name: string): ProjectStore => {
  mkdirSync(join(folder, name));
  return createProject(join(folder, name));
};
const write = (
  store: ProjectStore,
  format: ExportFormat,
  out: string,
  options: Partial<ExportOptions> = {},
) => exportToFolder(store, format, { ...defaultExportOptions(format), ...options }, join(folder, out));
const read = (store: ProjectStore, format: ImportFormat, from: string, images: string | null = null) =>
  importAnnotations(store, format, from, { images });
const put = (path: string, content: string | Uint8Array): string => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
};
const picture = (width = 40, height = 30): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#456' } })
    .jpeg()
    .toBuffer();
const lossCounts = (losses: readonly { kind: string; count: number }[]): Record<string, number> =>
  Object.fromEntries(losses.map(({ kind, count }) => [kind, count]));

describe.skipIf(!hasData)('photographs with hard masks', () => {
  it('come back from LabelMe with every mask the same, and untouched shapes as they came', async () => {
    const { store } = await photographs(folder);
    const report = await write(store, 'labelme', 'labelme', { copyImages: true });
    expect(lossCounts(report.losses)).toEqual({});
    const other = project('other');
    const back = await read(other, 'labelme', join(folder, 'labelme'));
    expect(back.skipped).toEqual([]);
    expect(masksOf(other)).toEqual(masksOf(store));
    expect(await read(other, 'labelme', join(folder, 'labelme'))).toMatchObject({
      addedAnnotations: 0,
      addedImages: 0,
    });
    const again = await write(other, 'labelme', 'again', { copyImages: true });
    expect(again.asImported).toBe(again.annotations);
    const name = readdirSync(join(folder, 'again')).find((file) => file.endsWith('.json')) ?? '';
    const shapes = (out: string): unknown => JSON.parse(readFileSync(join(folder, out, name), 'utf8')).shapes;
    expect(shapes('again')).toEqual(shapes('labelme'));
    store.close();
    other.close();
  });

  it('come back from YOLO but for what it cannot say, which is counted', async () => {
    const { store, hard } = await photographs(folder);
    const report = await write(store, 'yolo-seg', 'yolo', { copyImages: true });
    const losses = lossCounts(report.losses);
    expect(losses['crowd-left-out']).toBe(2);
    expect(losses.attributes).toBe(4);
    const other = project('other');
    const back = await read(other, 'yolo-seg', join(folder, 'yolo', 'data.yaml'));
    expect(back.skipped).toEqual([]);
    const [before, after] = [masksOf(store, { crowds: false }), masksOf(other)];
    const lost = [...before].flatMap(([key, masks]) =>
      masks.filter((mask) => after.get(key)?.includes(mask) !== true),
    );
    // A mask may have both, so the number of masks that changed is at most the sum.
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThanOrEqual((losses['holes-filled'] ?? 0) + (losses['parts-joined'] ?? 0));
    const ringCounts = decodeMask(store.annotation(hard.ring ?? 0).mask);
    expect(lost).toContain(store.annotation(hard.ring ?? 0).mask.counts);
    expect(lost).toContain(store.annotation(hard.parts ?? 0).mask.counts);
    expect(lost).not.toContain(store.annotation(hard.pixel ?? 0).mask.counts);
    expect(ringCounts.width).toBeGreaterThan(0);
    const options = { ...defaultExportOptions('yolo-seg'), copyImages: true };
    const image = store.annotation(hard.ring ?? 0).imageId;
    const seen = readBack(store, 'yolo-seg', options, image);
    expect(seen.find(({ annotationId }) => annotationId === hard.pixel)?.iou).toBe(1);
    expect(seen.find(({ annotationId }) => annotationId === hard.ring)?.iou).toBeLessThan(0.95);
    const again = await write(other, 'yolo-seg', 'again', { copyImages: true });
    expect(again).toMatchObject({ asImported: again.annotations });
    expect(lossCounts(again.losses)).toEqual({});
    const label = join('labels', 'train', '000000000030.txt');
    expect(readFileSync(join(folder, 'again', label), 'utf8')).toBe(
      readFileSync(join(folder, 'yolo', label), 'utf8'),
    );
    store.close();
    other.close();
  });

  it('come back from index masks where nothing lies over them', async () => {
    const { store, hard } = await photographs(folder);
    const report = await write(store, 'masks', 'masks', { copyImages: true });
    const losses = lossCounts(report.losses);
    expect(losses['class-renamed']).toBe(1);
    expect(losses['crowd-flag']).toBe(2);
    expect(losses.overlap).toBeGreaterThan(0);
    expect(report.losses.find(({ kind }) => kind === 'overlap')?.examples.join()).toMatch(
      /\d+ of \d+ pixels/,
    );
    const other = project('other');
    const back = await read(other, 'masks', join(folder, 'masks'));
    expect(back.skipped).toEqual([]);
    const [before, after] = [masksOf(store), masksOf(other)];
    const total = [...before.values()].flat().length;
    expect([...after.values()].flat()).toHaveLength(total - (losses.covered ?? 0));
    const renamed = (key: string): string => key.replace('shape: odd, "one"', 'shape_ odd, "one"');
    const kept = [...before].flatMap(([key, masks]) =>
      masks.filter((mask) => after.get(renamed(key))?.includes(mask)),
    );
    expect(kept.length).toBe(total - (losses.overlap ?? 0) - (losses.covered ?? 0));
    expect(kept).toContain(store.annotation(hard.disc ?? 0).mask.counts);
    expect(kept).not.toContain(store.annotation(hard.ring ?? 0).mask.counts);
    store.close();
    other.close();
  });

  it('are written by COCO as polygons only where these say the same', async () => {
    const { store, hard } = await photographs(folder);
    const { coco, report } = await exportCoco(store, { geometry: 'polygons' });
    const of = (id: number | undefined) => coco.annotations.find((entry) => entry.id === id);
    expect(lossCounts(report.losses)).toEqual({ 'run-lengths': 2 });
    expect(Array.isArray(of(hard.disc)?.segmentation)).toBe(true);
    expect(Array.isArray(of(hard.ring)?.segmentation)).toBe(false);
    const forced = await exportCoco(store, { geometry: 'polygons-only' });
    expect(lossCounts(forced.report.losses)).toEqual({ 'holes-filled': 1 });
    expect(forced.report.losses[0]?.examples[0]).toContain(`#${hard.ring}`);
    const ring = forced.coco.annotations.find((entry) => entry.id === hard.ring);
    expect(ring?.area).toBeGreaterThan(rleArea(store.annotation(hard.ring ?? 0).mask));
    const other = project('other');
    const file = put('polygons.json', (await exportCoco(store, { geometry: 'polygons' })).text);
    await read(other, 'coco', file, coco20.images);
    expect(masksOf(other)).toEqual(masksOf(store));
    store.close();
    other.close();
  });

  it('are shown before anything is written, and nothing is written', async () => {
    const { store } = await photographs(folder);
    const options = defaultExportOptions('yolo-seg');
    const shown = await previewExport(store, 'yolo-seg', options, { offset: 1, limit: 3 });
    const report = await write(store, 'yolo-seg', 'out');
    expect(shown.losses).toEqual(report.losses);
    expect(shown.files.total).toBe(report.files);
    expect(shown.files.items).toHaveLength(3);
    for (const path of shown.files.items) expect(existsSync(join(folder, 'out', path))).toBe(true);
    expect(shown.sample?.text.split('\n')[0]).toMatch(/^\d+( 0\.\d+){6}/);
    expect(shown.classes.reduce((sum, { annotations }) => sum + annotations, 0)).toBe(148);
    expect(shown.examples[0]?.losses).toBeGreaterThan(0);
    const coco = await previewExport(store, 'coco', defaultExportOptions('coco'), { offset: 0, limit: 10 });
    expect(coco).toMatchObject({ images: 20, annotations: 148, files: { total: 1, items: ['coco.json'] } });
    expect(coco.sample?.text).toMatch(/^\{"info"/);
    store.close();
  });

  it('are shown without giving images their COCO ids, which are those of the export then', async () => {
    const store = project('p');
    put('p/a.jpg', await picture());
    put('p/b.jpg', await picture());
    const files = ['a.jpg', 'b.jpg'].map((name) => ({
      file: join(folder, 'p', name),
      sha256: name,
      width: 40,
      height: 30,
    }));
    const [first, second] = store.addImages(join(folder, 'p'), files).images;
    store.setImageOriginal(second!.id, 7, '{}');
    const categoryId = store.createCategory('dot').id;
    const mask = drawn({ width: 40, height: 30 }, (x, y) => x < 4 && y < 4);
    store.createAnnotations([{ imageId: first!.id, categoryId, mask }]);
    const options = defaultExportOptions('coco');
    const shown = await previewExport(store, 'coco', options, { offset: 0, limit: 10 });
    expect(shown.examples.map(({ name }) => name)).toEqual(['a.jpg']);
    expect(readBack(store, 'coco', options, first!.id)).toMatchObject([{ iou: 1 }]);
    expect(store.imageById(first!.id).cocoId).toBeNull();
    const { text } = await exportText(store, 'coco', options);
    expect(store.imageById(first!.id).cocoId).toBe(8);
    expect(text.startsWith(shown.sample?.text.trimEnd() ?? '?')).toBe(true);
    store.close();
  });

  it('come back from index masks also when a class is called as the background is', async () => {
    const store = project('p');
    put('p/a.jpg', await picture());
    const size = { width: 40, height: 30 };
    const [image] = store.addImages(join(folder, 'p'), [
      { file: join(folder, 'p', 'a.jpg'), sha256: 'a', ...size },
    ]).images;
    store.createAnnotations(
      ['background', 'Void', 'cup'].map((name, index) => ({
        imageId: image!.id,
        categoryId: store.createCategory(name).id,
        mask: drawn(size, (x) => x >= 10 * index && x < 10 * index + 5),
      })),
    );
    const report = await write(store, 'masks', 'out', { copyImages: true });
    expect(report.losses.find(({ kind }) => kind === 'class-renamed')?.examples).toEqual([
      'background → background_',
      'Void → Void_',
    ]);
    const other = project('other');
    await read(other, 'masks', join(folder, 'out'));
    expect([...masksOf(other).values()].flat().sort()).toEqual([...masksOf(store).values()].flat().sort());
    store.close();
    other.close();
  });

  it('become pictures with masks in the colours of their classes', async () => {
    const { store, hard } = await photographs(folder);
    await write(store, 'overlays', 'pictures');
    const image = store.imageById(store.annotation(hard.disc ?? 0).imageId);
    const file = join(folder, 'pictures', image.path.replace(/\.jpg$/, '.jpg'));
    const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    const before = await sharp(store.imagePath(image.id)).raw().toBuffer();
    const at = (60 * info.width + 85) * 3;
    const far = ((info.height - 30) * info.width + 2) * 3;
    expect([info.width, info.height]).toEqual([image.width, image.height]);
    expect(Math.abs((data[at] ?? 0) - (before[at] ?? 0))).toBeGreaterThan(20);
    expect(Math.abs((data[far] ?? 0) - (before[far] ?? 0))).toBeLessThan(20);
    store.close();
  });

  it('go in and out by the command line, with warnings and exit codes', async () => {
    const file = join(folder, 'work.maskwright');
    const imported = await runCli([
      'import',
      `coco:${coco20.instances}`,
      '--images',
      coco20.images,
      '--project',
      file,
      '--json',
    ]);
    expect(imported).toMatchObject({ code: 0 });
    expect(JSON.parse(imported.stdout)).toMatchObject({ annotations: 144, skipped: [] });
    for (const format of ['coco', 'yolo-seg', 'labelme', 'masks', 'overlays', 'trajectories']) {
      const out = join(folder, `out-${format}`);
      const exported = await runCli(['export', format, '--project', file, '--out', out, '--json']);
      expect(exported.code, exported.stderr).toBe(0);
      expect(JSON.parse(exported.stdout)).toMatchObject({ format });
      if (format === 'yolo-seg') expect(exported.stderr).toContain('warning: 2 crowd regions are left out');
    }
    expect((await runCli(['export', 'voc', '--project', file, '--out', folder])).code).toBe(2);
    expect((await runCli(['import', 'voc:x', '--project', file])).code).toBe(2);
    expect((await runCli(['import', `yolo-seg:${folder}`, '--project', file])).code).toBe(2);
  }, 120_000);
});

it('an untouched COCO annotation is written with the very digits of its file', async () => {
  put('a.jpg', await picture());
  const entry =
    '{"segmentation": [[2.0, 2.50, 10.00, 2, 1.0e1, 10.000001, 2, 10]] ,"area":63.90,"iscrowd":0,"image_id":7,"bbox":[2.0,2.5,8.0,7.5],"category_id":3,"id":1234567890123,"extra":{"a":1.0}, "attributes":{"occluded":true,"by":"me"}}';
  const file = put(
    'c.json',
    `{"images":[{"id":7,"file_name":"a.jpg","width":40,"height":30}],"annotations":[${entry}],"categories":[{"id":3,"name":"box"}]}`,
  );
  const store = project('p');
  await read(store, 'coco', file);
  expect((await exportCoco(store)).text).toContain(
    entry
      .replace(/ (?=[,"])/g, '')
      .replace('{"segmentation":[[', '{"segmentation":[[')
      .replace(/"(segmentation)": /, '"$1":'),
  );
  const [annotation] = store.annotations(store.allImages()[0]?.id ?? '');
  expect(annotation?.attributes).toEqual({ occluded: true, by: 'me' });
  store.updateAnnotation(annotation?.id ?? 0, { attributes: { occluded: false, by: 'me' } });
  const { text } = await exportCoco(store);
  expect(text).toContain('[[2.0, 2.50, 10.00, 2, 1.0e1, 10.000001, 2, 10]]');
  expect(text).toContain('"attributes":{"occluded":false,"by":"me"}');
  store.close();
});

describe('YOLO data sets', () => {
  it('are read in their layouts, and what is no mask is reported', async () => {
    const jpeg = await picture();
    for (const name of ['images/train/a.jpg', 'images/train/deep/b.jpg', 'images/val/c.jpg'])
      put(`y/${name}`, jpeg);
    put(
      'y/labels/train/a.txt',
      '0 0 0 0.5 0 0.5 0.5 0 0.5\r\n1 0.5 0.5 0.2 0.2\n\n1 0.1 0.1 0.2 0.1 0.2 nonsense\n7 0 0 1 0 1 1\n0 0 0 0.5 0 0.5 0.5 0 0.5\n',
    );
    put('y/labels/train/deep/b.txt', '\ufeff1 0.25 0.25 0.75 0.25 0.75 0.75\n');
    put('y/labels/train/gone.txt', '0 0 0 1 0 1 1\n');
    put(
      'y/data.yaml',
      "path: ../nowhere\ntrain: images/train\nval: [images/val]\ntest: images/test\nnames: {0: 'a b', 1: c}\n",
    );
    const store = project('p');
    const report = await read(store, 'yolo-seg', join(folder, 'y'));
    expect(report).toMatchObject({ images: 3, addedImages: 3, annotations: 2, categories: 2 });
    const reasons = Object.fromEntries(report.skipped.map(({ item, reason }) => [item, reason]));
    expect(reasons).toEqual({
      'labels/train/a.txt': '1 of its rows is a plain box, which no mask is made of',
      'labels/train/a.txt:4': '"nonsense" is no number',
      'labels/train/a.txt:5': 'there is no class 7 in data.yaml',
      'labels/train/a.txt:6': 'it is there twice',
      'labels/train/gone.txt': 'its image was not found',
      'test: images/test': 'there is no such folder or list of images',
    });
    const [image] = store.allImages();
    // 0..20 × 0..15, corners included, as OpenCV draws it.
    expect(
      rleArea(
        store.annotations(image?.id ?? '')[0]?.mask ??
          rectangle({ width: 1, height: 1 }, { x: 0, y: 0, width: 1, height: 1 }),
      ),
    ).toBe(21 * 16);
    expect(await read(store, 'yolo-seg', join(folder, 'y', 'data.yaml'))).toMatchObject({
      addedAnnotations: 0,
      addedImages: 0,
      categories: 0,
    });
    store.close();
  });

  it("are read from lists of files, from Roboflow's paths, and with images elsewhere", async () => {
    const jpeg = await picture();
    put('r/train/images/a.jpg', jpeg);
    put('r/train/labels/a.txt', '0 0 0 0.5 0 0.5 0.5\n');
    put('r/data.yaml', 'train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ["x"]\n');
    const store = project('p');
    expect(await read(store, 'yolo-seg', join(folder, 'r'))).toMatchObject({ annotations: 1 });
    put('l/images/b.jpg', jpeg);
    put('l/labels/b.txt', '0 0 0 0.5 0 0.5 0.5\n');
    put(
      'l/train.txt',
      `./images/b.jpg\n./images/no.jpg\n../pictures/c.jpg\n${join(folder, 'pictures', 'c.jpg')}\n`,
    );
    put('pictures/c.jpg', jpeg);
    put('l/data.yaml', 'train: train.txt\nnames:\n- x\n');
    const listed = await read(store, 'yolo-seg', join(folder, 'l', 'data.yaml'));
    expect(listed).toMatchObject({ annotations: 1, categories: 0 });
    // A list that names other files of the machine does not get them into the project.
    expect(listed.skipped.map(({ item }) => item)).toEqual([
      './images/no.jpg',
      '../pictures/c.jpg',
      join(folder, 'pictures', 'c.jpg'),
    ]);
    expect(listed.skipped[1]?.reason).toMatch(/outside of the data set/);
    expect(store.allImages().map(({ name }) => name)).not.toContain('c.jpg');
    put('e/labels/train/c.txt', '0 0 0 0.5 0 0.5 0.5\n');
    put('e/data.yaml', 'names: [x]\n');
    put('pictures/c.jpg', jpeg);
    expect(await read(store, 'yolo-seg', join(folder, 'e'), join(folder, 'pictures'))).toMatchObject({
      annotations: 1,
      skipped: [],
    });
    await expect(read(store, 'yolo-seg', join(folder, 'pictures'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    put('bad/data.yaml', 'train: x\n');
    await expect(read(store, 'yolo-seg', join(folder, 'bad'))).rejects.toMatchObject({
      code: 'FORMAT_UNREADABLE',
    });
    store.close();
  });
});

it('LabelMe files are read shape by shape, parts of a group as one object', async () => {
  put('l/a.jpg', await picture());
  put('l/sub/b.jpg', await picture());
  const shape = (more: object): object => ({
    label: 'x',
    group_id: null,
    flags: {},
    shape_type: 'polygon',
    ...more,
  });
  const mask = writePng({ width: 3, height: 2, values: Uint8Array.of(1, 0, 1, 1, 1, 1) }).toString('base64');
  const file = (imagePath: string, shapes: object[], more = {}): string =>
    JSON.stringify({
      version: '5.0.1',
      flags: {},
      shapes,
      imagePath,
      imageData: 'AAAA',
      imageHeight: 30,
      imageWidth: 40,
      ...more,
    });
  put(
    'l/a.json',
    file('a.jpg', [
      shape({
        points: [
          [0, 0],
          [4, 0],
          [4, 4],
          [0, 4],
        ],
        group_id: 1,
      }),
      shape({
        points: [
          [10, 10],
          [14, 14],
        ],
        shape_type: 'rectangle',
        group_id: 1,
      }),
      shape({
        label: 'y',
        points: [
          [20, 20],
          [22, 21],
        ],
        shape_type: 'mask',
        mask,
      }),
      shape({
        points: [
          [1, 1],
          [2, 2],
        ],
        shape_type: 'line',
      }),
      shape({ points: [[1, 1]], label: 7 }),
      shape({
        points: [
          [90, 90],
          [95, 90],
          [95, 95],
        ],
      }),
    ]),
  );
  put(
    'l/sub/b.json',
    file('C:\\data\\b.jpg', [
      shape({
        points: [
          [5, 5],
          [5, 8],
        ],
        shape_type: 'circle',
      }),
    ]),
  );
  put(
    'l/gone.json',
    file('gone.jpg', [
      shape({
        points: [
          [5, 5],
          [5, 8],
          [6, 6],
        ],
      }),
    ]),
  );
  put('l/size.json', file('a.jpg', [], { imageWidth: 41 }));
  put('l/other.json', '{"no": "LabelMe"}');
  const store = project('p');
  const report = await read(store, 'labelme', join(folder, 'l'));
  expect(report).toMatchObject({ images: 2, annotations: 3 });
  const left = Object.fromEntries(report.skipped.map(({ item, reason }) => [item, reason]));
  expect(Object.keys(left).sort()).toEqual(
    ['a.json: shape 4', 'a.json: shape 5', 'a.json: shape 6', 'a.jpg', 'gone.jpg', 'other.json'].sort(),
  );
  expect(left['a.json: shape 4']).toContain('"line" has no pixels');
  expect(left['gone.jpg']).toContain('1 annotations left out');
  const image = store.allImages().find(({ path }) => path === 'a.jpg');
  expect(store.annotations(image?.id ?? '').map(({ mask: found }) => rleArea(found))).toEqual([25 + 25, 5]);
  await expect(read(store, 'labelme', join(folder, 'l', 'other.json'))).rejects.toMatchObject({
    code: 'FORMAT_UNREADABLE',
  });
  store.close();
});

describe('PNG masks', () => {
  const size = { width: 40, height: 30 };
  const values = (inside: (x: number, y: number) => number): Uint8Array =>
    Uint8Array.from({ length: size.width * size.height }, (_, i) =>
      inside(i % size.width, Math.floor(i / size.width)),
    );
  const areas = (store: ProjectStore): [string, number][] => {
    const names = new Map(store.categories().map(({ id, name }) => [id, name]));
    return store
      .allImages()
      .flatMap((image) =>
        store
          .annotations(image.id)
          .map(({ categoryId, mask }): [string, number] => [names.get(categoryId) ?? '', rleArea(mask)]),
      );
  };

  it('are classes by value beside the images, with names from a file', async () => {
    put('m/a.jpg', await picture());
    put(
      'm/a.png',
      writePng({ ...size, values: values((x) => (x < 10 ? 1 : x < 15 ? 2 : x === 39 ? 255 : 0)) }),
    );
    put('m/b.jpg', await picture());
    put('m/b_mask.png', writePng({ ...size, values: values((x) => (x < 5 ? 255 : 0)) }));
    put('m/c.jpg', await picture());
    put('m/c.png', writePng({ width: 4, height: 4, values: new Uint8Array(16) }));
    const store = project('p');
    const plain = await read(store, 'masks', join(folder, 'm'));
    expect(areas(store)).toEqual([
      ['class 1', 300],
      ['class 2', 150],
      ['object', 150],
    ]);
    // Images are read side by side, so that the order may differ.
    expect([...plain.skipped].sort((a, b) => a.item.localeCompare(b.item))).toEqual([
      { item: 'a.png', reason: '30 pixels have the value 255, which is ignored' },
      { item: 'c.png', reason: 'the mask is 4 × 4 pixels, the image 40 × 30' },
    ]);
    put('m/classes.txt', 'background\ncat\ndog\n');
    const named = project('named');
    await read(named, 'masks', join(folder, 'm'));
    expect(areas(named).slice(0, 2)).toEqual([
      ['cat', 300],
      ['dog', 150],
    ]);
    expect(await read(named, 'masks', join(folder, 'm'))).toMatchObject({ addedAnnotations: 0 });
    store.close();
    named.close();
  });

  it('are objects: one file each, or by number in 16 bits, with and without classes', async () => {
    put('m/images/a.jpg', await picture());
    const object = (from: number): Buffer =>
      writePng({ ...size, values: values((x) => (x >= from && x < from + 2 ? 255 : 0)) });
    put('m/masks/a/cat_1.png', object(0));
    put('m/masks/a/cat_2.png', object(4));
    put('m/masks/a_dog_1.png', object(8));
    put('m/masks/nothing_1.png', object(8));
    put('m/images/b.jpg', await picture());
    put(
      'm/masks/b.png',
      writePng({
        ...size,
        values: Uint16Array.from(
          values((x) => (x < 3 ? 1 : x < 5 ? 2 : 0)),
          (v) => v * 700,
        ),
      }),
    );
    put('m/images/c_leftImg8bit.jpg', await picture());
    put(
      'm/masks/c_gtFine_instanceIds.png',
      writePng({
        ...size,
        values: Uint16Array.from(
          values((x) => (x < 3 ? 1 : x < 5 ? 2 : 0)),
          (v) => (v === 0 ? 0 : v === 1 ? 26000 : 24001),
        ),
      }),
    );
    put('m/classes.txt', '24 person\n26 car\n');
    const store = project('p');
    const report = await read(store, 'masks', join(folder, 'm'));
    expect(areas(store).sort()).toEqual([
      ['car', 90],
      ['cat', 60],
      ['cat', 60],
      ['dog', 60],
      ['object', 60],
      ['object', 90],
      ['person', 60],
    ]);
    expect(report.skipped).toEqual([{ item: 'masks/nothing_1.png', reason: 'its image was not found' }]);
    store.close();
  });

  it('are Pascal VOC in colours, as CVAT writes it', async () => {
    put('v/JPEGImages/a.jpg', await picture());
    put('v/labelmap.txt', '# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:10,20,30::\n');
    const rgb = Buffer.alloc(size.width * size.height * 3);
    const ids = Buffer.alloc(rgb.length);
    for (let i = 0; i < size.width * size.height; i++) {
      const x = i % size.width;
      if (x < 4) rgb.set([10, 20, 30], 3 * i);
      if (x === 39) rgb.set([9, 9, 9], 3 * i);
      if (x < 4) ids.set(vocColor(x < 2 ? 1 : 2), 3 * i);
    }
    const png = (data: Buffer): Promise<Buffer> =>
      sharp(data, { raw: { ...size, channels: 3 } })
        .png()
        .toBuffer();
    put('v/SegmentationClass/a.png', await png(rgb));
    const store = project('p');
    const report = await read(store, 'masks', join(folder, 'v'));
    expect(areas(store)).toEqual([['cat', 120]]);
    expect(report.skipped[0]?.reason).toBe(
      '30 pixels have the colour 9,9,9, which labelmap.txt does not name',
    );
    put('v/SegmentationObject/a.png', await png(ids));
    const objects = project('objects');
    await read(objects, 'masks', join(folder, 'v'));
    expect(areas(objects)).toEqual([
      ['cat', 60],
      ['cat', 60],
    ]);
    store.close();
    objects.close();
  });

  it('are written in 16 bits when an image has more than 254 objects, and say which mask lies above', async () => {
    put('i/a.jpg', await picture());
    const store = project('p');
    await importAnnotations(store, 'masks', join(folder, 'i'), { images: null });
    const { images } = store.addImages(join(folder, 'i'), [
      { file: join(folder, 'i', 'a.jpg'), sha256: 'x', ...size },
    ]);
    const imageId = images[0]?.id ?? '';
    const categoryId = store.createCategory('dot').id;
    store.createAnnotations([
      { imageId, categoryId, mask: drawn(size, (x, y) => x < 20 && y < 20) },
      ...Array.from({ length: 299 }, (_, i) => ({
        imageId,
        categoryId,
        mask: drawn(size, (x, y) => x === i % 40 && y === Math.floor(i / 40)),
      })),
    ]);
    const report = await write(store, 'masks', 'out');
    expect(lossCounts(report.losses)).toEqual({ overlap: 1, 'many-objects': 1 });
    const object = readPng(readFileSync(join(folder, 'out', 'SegmentationObject', 'a.png')));
    expect(object).toMatchObject({ bitDepth: 16, palette: null });
    expect(object.values?.[0]).toBe(2);
    expect(object.values?.[19 * 40]).toBe(1);
    const classes = readPng(readFileSync(join(folder, 'out', 'SegmentationClass', 'a.png')));
    expect(classes.palette?.slice(0, 2)).toEqual([
      [0, 0, 0],
      [128, 0, 0],
    ]);
    expect(readFileSync(join(folder, 'out', 'labelmap.txt'), 'utf8')).toContain('dot:128,0,0::');
    store.close();
  });
});

it('images of the same name do not write over each other', async () => {
  const [jpeg, png] = [
    await picture(),
    await sharp(await picture())
      .png()
      .toBuffer(),
  ];
  put('one/a.jpg', jpeg);
  put('one/a.png', png);
  put('two/a.jpg', jpeg);
  const store = project('p');
  const size = { width: 40, height: 30 };
  for (const [root, name] of [
    ['one', 'a.jpg'],
    ['one', 'a.png'],
    ['two', 'a.jpg'],
  ] as const) {
    const { images } = store.addImages(join(folder, root), [
      { file: join(folder, root, name), sha256: root + name, ...size },
    ]);
    const categoryId = store.createCategory('box').id;
    store.createAnnotations([
      {
        imageId: images[0]?.id ?? '',
        categoryId,
        mask: rectangle(size, { x: 1, y: 1, width: 5, height: 5 }),
      },
    ]);
  }
  const copied = await write(store, 'yolo-seg', 'yolo', { copyImages: true });
  expect(lossCounts(copied.losses)).toEqual({ 'file-renamed': 2 });
  expect(
    readdirSync(join(folder, 'yolo', 'images', 'train'), { recursive: true })
      .map(String)
      .sort(),
  ).toEqual(['a-png.png', 'a.jpg', 'two', join('two', 'a.jpg')].sort());
  expect(lossCounts((await write(store, 'yolo-seg', 'bare')).losses)).toEqual({
    'file-renamed': 1,
    'same-name': 1,
  });
  cpSync(join(folder, 'yolo'), join(folder, 'full'), { recursive: true, preserveTimestamps: true });
  expect(lossCounts((await write(store, 'yolo-seg', 'full')).losses)).toMatchObject({
    'folder-not-empty': 1,
  });
  store.close();
});

it('an export stops when it is asked to, and says when it cannot write', async () => {
  put('i/a.jpg', await picture());
  const store = project('p');
  const size = { width: 40, height: 30 };
  store.addImages(join(folder, 'i'), [{ file: join(folder, 'i', 'a.jpg'), sha256: 'x', ...size }]);
  const options = { ...defaultExportOptions('labelme'), images: 'all' as const };
  await expect(
    exportToFolder(store, 'labelme', options, join(folder, 'o'), { signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(exportToFolder(store, 'coco', options, join(folder, 'i', 'a.jpg'))).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  store.close();
});
