import type { Locator, Page } from '@playwright/test';
import { parseTrajectory } from '../../src/shared/trajectory/migrations';
import type { Trajectory } from '../../src/shared/trajectory/schema';
import { expect, test } from './support/host';
import {
  acceptAs,
  type CocoFile,
  clickImage,
  drag,
  episodeStatus,
  exported,
  exportedMask,
  hasPhotos,
  openImage,
  type Point,
  photoProject,
  segmenter,
  shownMask,
  toScreen,
  useSegmenter,
  withHook,
  zoomIn,
} from './workbench-support';

/** What the segmenter does while nothing is recorded: masks under the cursor, candidates, embeddings. */

const motorcycle = '000000000086.jpg';
const train = '000000000071.jpg';
const people = '000000000165.jpg';
/** On the rider. */
const rider = { x: 230, y: 330 };

test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) {
      await use(undefined);
      return;
    }
    const { folder, remove } = await photoProject([motorcycle, train, people]);
    await use(folder);
    await remove();
  },
});

const bar = (page: Page): Locator => page.getByRole('group', { name: 'Segmenter at work' });
const candidates = (page: Page): Locator =>
  bar(page).getByRole('group', { name: 'Masks for the same prompts' });

async function ready(page: Page): Promise<void> {
  await expect(bar(page).getByRole('status')).toHaveText('Ready', { timeout: 60_000 });
}

async function hover(page: Page, point: Point): Promise<void> {
  const { x, y } = await toScreen(page, point);
  await page.mouse.move(x - 2, y - 2);
  await page.mouse.move(x, y);
}

/** Waits until so many turns are recorded and their result is on the canvas. */
async function turns(page: Page, count: number): Promise<void> {
  await expect.poll(() => page.evaluate(() => window.__maskwright?.turns), { timeout: 60_000 }).toBe(count);
  await episodeStatus(page, 'waiting');
  // The call's own preview goes with its result.
  await page.waitForTimeout(300);
}

/** Waits until the canvas rests: the last preview has come. */
async function steady(page: Page): Promise<void> {
  await expect
    .poll(
      async () => {
        const before = await look(page);
        await page.waitForTimeout(700);
        return (await look(page)) === before;
      },
      { timeout: 30_000 },
    )
    .toBe(true);
}

/** Pixels of the canvas that are clearly red. */
function reddish(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('#stage canvas.lower-canvas');
    const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let i = 0; data && i < data.length; i += 4) {
      if ((data[i] ?? 0) > (data[i + 1] ?? 0) + 40) count++;
    }
    return count;
  });
}

/** A fingerprint of what the canvas shows, for waiting until it rests. */
function look(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('#stage canvas.lower-canvas');
    const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    if (data) for (let i = 0; i < data.length; i += 41) sum = (sum * 31 + (data[i] ?? 0)) >>> 0;
    return sum;
  });
}

test.describe('with a decoder of several candidates', () => {
  test.skip(!hasPhotos || segmenter === null, 'needs the photographs and models of ../shared');

  test.beforeEach(async ({ page }) => {
    await withHook(page);
    await useSegmenter(page);
    await openImage(page, new RegExp(motorcycle));
    await ready(page);
  });

  test('the mask under the cursor is shown without a click, and is the one that the click records', async ({
    host,
    page,
  }) => {
    await page.keyboard.press('p');
    await zoomIn(page, rider);
    // Zooming left the cursor on the rider, where the mask is shown as soon as it is there.
    await page.mouse.move(2, 2);
    await steady(page);
    const plain = await shownMask(page);
    expect(plain.masked.size).toBe(0);
    await hover(page, { x: rider.x + 4, y: rider.y + 3 });
    await expect(candidates(page)).toBeVisible();
    await steady(page);
    const previewed = await shownMask(page);
    expect(previewed.masked.size).toBeGreaterThan(100);
    // Nothing of it is recorded.
    expect(await page.evaluate(() => window.__maskwright?.turns)).toBe(0);

    await clickImage(page, { x: rider.x + 4, y: rider.y + 3 });
    await turns(page, 1);
    await acceptAs(page, 'rider');
    const coco = JSON.parse(await exported(host, page, /COCO/)) as CocoFile;
    const drawn = exportedMask(coco.annotations[0]!.segmentation, previewed.visible);
    // All but what the marker of a point and outlines cover is the same, pixel by pixel.
    const differing = [...previewed.visible].filter(
      (place) => drawn.has(place) !== previewed.masked.has(place),
    );
    expect(differing).toEqual([]);
  });

  test('the preview follows the cursor, goes when it leaves and when it is turned off', async ({ page }) => {
    await page.keyboard.press('p');
    const empty = await look(page);
    await hover(page, rider);
    await expect(candidates(page)).toBeVisible();
    await expect.poll(() => look(page)).not.toBe(empty);
    const first = await look(page);
    await hover(page, { x: 60, y: 500 });
    await expect.poll(() => look(page)).not.toBe(first);
    const stage = await page.locator('#stage').boundingBox();
    await page.mouse.move((stage?.x ?? 0) + 4, (stage?.y ?? 0) + 4);
    await expect(candidates(page)).toBeHidden();
    await expect.poll(() => look(page)).toBe(empty);

    await page.keyboard.press('Shift+P');
    await expect(bar(page).getByRole('button', { name: 'Show the mask under the cursor' })).toHaveAttribute(
      'aria-pressed',
      'false',
    );
    await hover(page, rider);
    await page.waitForTimeout(600);
    await expect(candidates(page)).toBeHidden();
  });

  test('a negative point previews what it would take away', async ({ page }) => {
    await page.keyboard.press('b');
    await drag(page, { x: 130, y: 130 }, { x: 390, y: 560 });
    await turns(page, 1);
    await page.keyboard.press('Alt+p');
    await zoomIn(page, rider);
    await steady(page);
    const before = await reddish(page);
    await hover(page, rider);
    await expect(candidates(page)).toBeVisible();
    await steady(page);
    // The photograph is grey: what would go is laid over in red.
    expect((await reddish(page)) - before).toBeGreaterThan(500);
  });

  test('a chosen candidate is the one that is recorded, and the record says so', async ({ host, page }) => {
    await page.keyboard.press('p');
    await zoomIn(page, rider);
    await hover(page, rider);
    await expect(candidates(page)).toContainText('Mask 1 of 4');
    const [first] = (await candidates(page).textContent())?.match(/0\.\d\d/) ?? [];
    await page.keyboard.press('w');
    await expect(candidates(page)).toContainText('Mask 2 of 4');
    const [second] = (await candidates(page).textContent())?.match(/0\.\d\d/) ?? [];
    expect(second).not.toBe(first);
    const previewed = await shownMask(page);
    await clickImage(page, rider);
    await turns(page, 1);
    await acceptAs(page, 'rider');
    const coco = JSON.parse(await exported(host, page, /COCO/)) as CocoFile;
    const drawn = exportedMask(coco.annotations[0]!.segmentation, previewed.visible);
    expect([...previewed.visible].filter((at) => drawn.has(at) !== previewed.masked.has(at))).toEqual([]);
    const [trajectory] = await trajectories(host, page);
    expect(trajectory?.nodes[0]?.observation?.objects[0]?.candidate).toBe(1);
  });

  test('another candidate of a call that ran is staged, and replaces it as a correction', async ({
    host,
    page,
  }) => {
    await page.keyboard.press('b');
    await drag(page, { x: 130, y: 130 }, { x: 390, y: 560 });
    await turns(page, 1);
    await page.mouse.move(5, 5);
    await page.keyboard.press('w');
    await expect(candidates(page)).toContainText('Mask 2 of 4');
    await page.keyboard.press('Enter');
    await turns(page, 2);
    await acceptAs(page, 'rider');
    const [trajectory] = await trajectories(host, page);
    const [was, now] = trajectory?.nodes ?? [];
    expect(now?.call).toEqual(was?.call);
    expect(was?.observation?.objects[0]).not.toHaveProperty('candidate');
    expect(now?.observation?.objects[0]?.candidate).toBe(1);
    expect(now?.observation?.objects[0]?.mask).not.toEqual(was?.observation?.objects[0]?.mask);
    expect(trajectory?.verdicts.filter(({ node }) => node === was?.id).at(-1)?.verdict).toBe('corrected');
  });

  test('the next image is encoded before it is opened', async ({ page }) => {
    await openImage(page, new RegExp(train));
    await ready(page);
    await page.waitForTimeout(6000);
    await openImage(page, new RegExp(motorcycle));
    await expect(bar(page).getByRole('status')).toHaveText('Ready');
    await openImage(page, new RegExp(people));
    await expect(bar(page).getByRole('status')).toHaveText('Ready');
  });
});

test('a model with one mask a prompt offers none to choose', async ({ page }) => {
  test.skip(!hasPhotos, 'needs the photographs of ../shared');
  await withHook(page);
  await openImage(page, new RegExp(motorcycle));
  await ready(page);
  const empty = await look(page);
  await page.keyboard.press('p');
  await hover(page, rider);
  await expect.poll(() => look(page)).not.toBe(empty);
  await expect(candidates(page)).toBeHidden();
});

async function trajectories(host: Parameters<typeof exported>[0], page: Page): Promise<Trajectory[]> {
  const lines = await exported(host, page, /traject/i);
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => parseTrajectory(JSON.parse(line)));
}
