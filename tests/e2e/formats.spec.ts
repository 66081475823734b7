import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import sharp from 'sharp';
import { segmentationToRle } from '../../src/engine/datasets/segmentation';
import { parseYoloRow, yoloMask } from '../../src/shared/formats/yolo';
import { decodeMask, encodeMask } from '../../src/shared/mask/rle';
import { coco20 } from '../support/shared-data';
import { expect, test } from './support/host';
import { hasPhotos, photoProject } from './workbench-support';

const photos = ['000000000086.jpg', '000000000491.jpg', '000000000529.jpg'];
let scratch = '';

test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) {
      await use(undefined);
      return;
    }
    const { folder, remove } = await photoProject(photos);
    await use(folder);
    await remove();
  },
});
test.skip(!hasPhotos, 'needs the photographs of ../shared');
test.beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'maskwright-formats-'));
});
test.afterEach(() => rm(scratch, { recursive: true, force: true }));

const open = (page: Page, title: string): Promise<void> =>
  page.getByRole('navigation').getByRole('button', { name: title, exact: true }).click();
const choose = (page: Page, format: string): Promise<void> =>
  page.getByRole('radio', { name: new RegExp(`^${format}`) }).click();

async function importCoco(page: Page): Promise<void> {
  await expect(page.getByText(/of 3/).first()).toBeVisible();
  await open(page, 'Import');
  // Away from its images, which are then those of the project.
  const file = join(scratch, 'annotations.json');
  await copyFile(coco20.instances, file);
  await page.getByLabel('JSON file').fill(file);
  await page.getByRole('button', { name: 'Import', exact: true }).last().click();
  await expect(page.getByRole('heading', { name: /annotations on 3 images/ })).toBeVisible();
}

/** Pixels of the preview in the colours of lost and added pixels, and all. */
function differing(page: Page): Promise<{ differing: number; all: number }> {
  return page.locator('figure canvas').evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    const style = getComputedStyle(canvas);
    const colors = ['--danger', '--warning'].map((name) => {
      const hex = style.getPropertyValue(name).trim();
      return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    });
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (colors.some((color) => color.every((value, c) => Math.abs(value - (data[i + c] ?? 0)) < 24)))
        count++;
    }
    return { differing: count, all: canvas.width * canvas.height };
  });
}

test('COCO comes in by the window, and goes out as it came', async ({ page, host }) => {
  test.skip(host.kind !== 'web', 'the download is the browser’s');
  await importCoco(page);
  // The photographs that are not in this project.
  await expect(page.getByRole('list', { name: '17 items left out' })).toContainText(
    'the image file was not found',
  );
  await open(page, 'Export');
  await expect(page.getByText('Nothing is lost.')).toBeVisible();
  await expect(page.getByText(/All \d+ masks come back exactly/)).toBeVisible();
  expect((await differing(page)).differing).toBe(0);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save file' }).click(),
  ]);
  const written = JSON.parse(await readFile(await download.path(), 'utf8'));
  const original = JSON.parse(await readFile(coco20.instances, 'utf8'));
  const ids = new Set(photos.map((name) => Number.parseInt(name, 10)));
  const expected = original.annotations.filter((entry: { image_id: number }) => ids.has(entry.image_id));
  const byId = (a: { id: number }, b: { id: number }): number => a.id - b.id;
  expect(written.annotations).toEqual(expected.sort(byId));
  await expect(page.getByRole('heading', { name: 'Written' })).toBeVisible();
});

test('an export shows what it will lose before it is written, then writes just that', async ({ page }) => {
  await importCoco(page);
  await open(page, 'Export');
  await choose(page, 'YOLO-seg');
  await expect(page.getByText(/Parts are joined by a line in \d+ mask/)).toBeVisible();
  await expect(page.getByText(/\d+ of \d+ masks change/)).toBeVisible();
  await expect.poll(async () => (await differing(page)).differing).toBeGreaterThan(0);
  await expect(page.getByRole('list', { name: 'Files' })).toContainText('data.yaml');
  const folder = join(scratch, 'yolo');
  expect(await readdir(scratch)).toEqual(['annotations.json']);
  await page.getByLabel('Copy the images too').check();
  await expect(page.getByRole('list', { name: 'Files' })).toContainText('images/train/000000000086.jpg');
  await page.getByLabel('Folder to write into').fill(folder);
  await page.getByRole('button', { name: 'Write into folder' }).click();
  await expect(page.getByRole('heading', { name: 'Written' })).toBeVisible();
  const shown = await page.getByRole('list', { name: 'Files' }).locator('li').allTextContents();
  const there = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(
    // The list of what an export wrote is its own, not a part of the data set.
    (entry) => entry.isFile() && entry.name !== '.maskwright-export',
  );
  expect(there).toHaveLength(shown.length);
  // A mask in the file is the mask in the project: the motorcycle, whose outline has one part and no hole.
  const rows = (await readFile(join(folder, 'labels/train/000000000491.txt'), 'utf8')).trim().split('\n');
  const original = JSON.parse(await readFile(coco20.instances, 'utf8'));
  const count = original.annotations.filter(
    (entry: { image_id: number; iscrowd: number }) => entry.image_id === 491 && entry.iscrowd === 0,
  ).length;
  expect(rows).toHaveLength(count);

  // What was written comes back by the window too.
  await open(page, 'Import');
  await choose(page, 'YOLO-seg');
  await page.getByLabel('data.yaml, or its folder').fill(folder);
  await page.getByRole('button', { name: 'Import', exact: true }).last().click();
  await expect(page.getByRole('heading', { name: /annotations on 3 images/ })).toBeVisible();
  await expect(page.getByText('Nothing was left out.')).toBeVisible();
});

test('the masks in label files are those of the project, pixel by pixel, where nothing is said to change', async ({
  page,
}) => {
  await importCoco(page);
  await open(page, 'Export');
  await choose(page, 'YOLO-seg');
  await page.getByLabel('Folder to write into').fill(join(scratch, 'yolo'));
  await page.getByRole('button', { name: 'Write into folder' }).click();
  await expect(page.getByRole('heading', { name: 'Written' })).toBeVisible();
  const { images, annotations } = JSON.parse(await readFile(coco20.instances, 'utf8'));
  let same = 0;
  for (const id of [86, 491, 529]) {
    const image = images.find((entry: { id: number }) => entry.id === id);
    const label = join(scratch, 'yolo', 'labels', 'train', `${String(id).padStart(12, '0')}.txt`);
    const rows = (await readFile(label, 'utf8')).trim().split('\n').map(parseYoloRow);
    const own = annotations.filter(
      (entry: { image_id: number; iscrowd: number }) => entry.image_id === id && entry.iscrowd === 0,
    );
    expect(rows).toHaveLength(own.length);
    const read = rows.map((row) =>
      row.kind === 'polygon' ? encodeMask(yoloMask(row.coordinates, image)).counts : '',
    );
    for (const entry of own) {
      const mask = encodeMask(decodeMask(segmentationToRle(entry.segmentation, image)));
      if (read.includes(mask.counts)) same++;
    }
  }
  const total = annotations.filter((entry: { image_id: number }) =>
    [86, 491, 529].includes(entry.image_id),
  ).length;
  const loss = async (text: RegExp): Promise<number> => {
    const found = await page
      .getByRole('region', { name: 'What it contains' })
      .getByText(text)
      .allTextContents();
    return Number(/\d+/.exec(found[0] ?? '0')?.[0]);
  };
  const changed =
    (await loss(/Holes are filled in/)) + (await loss(/Parts are joined/)) + (await loss(/crowds? left out/));
  expect(changed).toBeGreaterThan(0);
  // A mask may have a hole and parts too.
  expect(same).toBeGreaterThanOrEqual(total - changed);
  expect(same).toBeLessThan(total);
});

for (const [format, place, extension] of [
  ['LabelMe', 'JSON file, or a folder of them', '.json'],
  ['PNG masks', 'Folder of the masks', '.png'],
] as const) {
  test(`${format} go out by the window with a file for every image, and come in again`, async ({ page }) => {
    await importCoco(page);
    await open(page, 'Export');
    await choose(page, format);
    const folder = join(scratch, 'written');
    await page.getByLabel('Folder to write into').fill(folder);
    await page.getByRole('button', { name: 'Write into folder' }).click();
    await expect(page.getByRole('heading', { name: 'Written' })).toBeVisible();
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(extension));
    for (const photo of photos) {
      const name = photo.replace('.jpg', extension);
      expect(files.filter((file) => file.endsWith(name))).not.toHaveLength(0);
    }

    await open(page, 'Import');
    await choose(page, format);
    await page.getByLabel(place).fill(folder);
    // Masks say nothing of where their images are.
    if (format === 'PNG masks') await page.getByLabel('Folder of the images').fill(coco20.images);
    await page.getByRole('button', { name: 'Import', exact: true }).last().click();
    await expect(page.getByRole('heading', { name: /annotations on 3 images/ })).toBeVisible();
  });
}

test('overlay pictures show the masks on the photographs', async ({ page }) => {
  await importCoco(page);
  await open(page, 'Export');
  await choose(page, 'Overlay pictures');
  const folder = join(scratch, 'overlays');
  await page.getByLabel('Folder to write into').fill(folder);
  await page.getByRole('button', { name: 'Write into folder' }).click();
  await expect(page.getByRole('heading', { name: 'Written' })).toBeVisible();
  const files = await readdir(folder, { recursive: true });
  const overlay = files.find((name) => /0491\.(png|jpg)$/.test(name));
  if (!overlay) throw new Error(`no picture among ${files.join(', ')}`);
  const read = async (file: string): Promise<Buffer> =>
    sharp(file).removeAlpha().resize(640, 480, { fit: 'fill' }).raw().toBuffer();
  const [shown, plain] = await Promise.all([
    read(join(folder, overlay)),
    read(join(coco20.images, '000000000491.jpg')),
  ]);
  const differing = shown.filter((value, i) => Math.abs(value - (plain[i] ?? 0)) > 40).length / shown.length;
  // Tinted where the motorcycle is, and not all over.
  expect(differing).toBeGreaterThan(0.02);
  expect(differing).toBeLessThan(0.6);
});

test('a data set that cannot be read says what is wrong', async ({ page }) => {
  await expect(page.getByText(/of 3/).first()).toBeVisible();
  await open(page, 'Import');
  const file = join(scratch, 'broken.json');
  await writeFile(file, '{"images": 1}');
  await page.getByLabel('JSON file').fill(file);
  await page.getByRole('button', { name: 'Import', exact: true }).last().click();
  await expect(page.getByRole('heading', { name: /is not a COCO instances file/ })).toBeVisible();
});

for (const [theme, width, height] of [
  ['dark', 1440, 900],
  ['light', 1440, 900],
  ['dark', 1024, 640],
] as const) {
  test(`import and export fit into ${width} × ${height}, ${theme}`, async ({ page }, testInfo) => {
    await page.setViewportSize({ width, height });
    await page.evaluate((chosen) => {
      document.documentElement.dataset.theme = chosen;
    }, theme);
    await importCoco(page);
    const shoot = async (name: string): Promise<void> => {
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow).toBeLessThanOrEqual(0);
      const body = await page.screenshot({ path: testInfo.outputPath(`${name}.png`) });
      await testInfo.attach(name, { body, contentType: 'image/png' });
    };
    await shoot('import');
    await open(page, 'Export');
    await choose(page, 'YOLO-seg');
    await expect(page.getByText(/\d+ of \d+ masks change/)).toBeVisible();
    await shoot('export');
    await page.getByRole('heading', { name: 'Annotations by class' }).scrollIntoViewIfNeeded();
    await page.getByRole('list', { name: 'Files' }).scrollIntoViewIfNeeded();
    await shoot('export-below');
  });
}
