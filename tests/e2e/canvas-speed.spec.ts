import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import sharp from 'sharp';
import { operate } from '../../src/shared/mask/operations';
import type { Rle } from '../../src/shared/mask/rle';
import { runsCover, runsOf } from '../../src/shared/mask/runs';
import { fourK, fourKProject, largeProject, largeSize } from '../bench/ui/projects';
import { expect, test } from './support/host';
import {
  acceptAs,
  type CocoFile,
  clickImage,
  drag,
  exported,
  exportedMask,
  hasPhotos,
  imageReady,
  type Point,
  shownMask,
  toScreen,
  withHook,
} from './workbench-support';

/** A thousand masks on one picture, and pictures of 144 megapixels: what is shown is right, whatever it is cached as. */

test.skip(!hasPhotos, 'needs the photographs of ../shared');

let folder = '';

function withProject(make: (folder: string) => Promise<unknown>): void {
  test.use({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
    project: async ({}, use) => {
      folder = await mkdtemp(join(tmpdir(), 'maskwright-speed-'));
      if (hasPhotos) await make(folder);
      await use(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  });
}

const frames = (page: Page): Promise<number> => page.evaluate(() => window.__maskwright?.frames ?? 0);

/** Colour of the canvas over a place of the image. */
function colorAt(page: Page, point: Point): Promise<number[]> {
  return page.evaluate((at) => {
    const hook = window.__maskwright;
    const canvas = document.querySelector<HTMLCanvasElement>('#stage canvas.lower-canvas');
    const place = canvas?.getBoundingClientRect();
    if (!hook || !canvas || !place) throw new Error('no canvas');
    const screen = hook.toScreen(at);
    const scale = canvas.width / place.width;
    const x = Math.floor((screen.x - place.left) * scale);
    const y = Math.floor((screen.y - place.top) * scale);
    return [...(canvas.getContext('2d')?.getImageData(x, y, 1, 1).data ?? [])].slice(0, 3);
  }, point);
}

/** Waits until nothing is painted any more. */
async function idle(page: Page): Promise<void> {
  await expect
    .poll(
      async () => {
        const before = await frames(page);
        await page.waitForTimeout(400);
        return (await frames(page)) - before;
      },
      { timeout: 60_000 },
    )
    .toBe(0);
}

test.describe('a thousand masks', () => {
  withProject((made) => fourKProject(made, 1000));

  test('the mask under the cursor is the one selected; an idle canvas paints nothing', async ({
    page,
    host,
  }) => {
    await withHook(page);
    await imageReady(page);
    await expect(page.getByText('1000 objects').or(page.getByText('1,000 objects')).first()).toBeVisible();
    await idle(page);
    const coco = JSON.parse(await exported(host, page, /COCO/)) as CocoFile;
    const masks = coco.annotations.map(({ segmentation }) => runsOf(segmentation));
    const coverers = (point: Point): number[] =>
      masks.flatMap((runs, index) => (runs && runsCover(runs, point) ? [index] : []));

    // Places in the middle of a mask that nothing else covers, and beside all masks.
    const random = (seed: number): number => (Math.imul(seed + 1, 0x9e3779b1) >>> 0) / 2 ** 32;
    const places = Array.from({ length: 4000 }, (_, i) => ({
      x: Math.floor(random(i) * fourK.width) + 0.5,
      y: Math.floor(random(i + 7919) * fourK.height) + 0.5,
    }));
    const isFar = (place: Point, wanted: number): boolean =>
      [-9, 0, 9].every((dx) =>
        [-9, 0, 9].every((dy) => coverers({ x: place.x + dx, y: place.y + dy }).length === wanted),
      );
    const inside = places.filter((place) => isFar(place, 1)).slice(0, 6);
    const outside = places.filter((place) => isFar(place, 0)).slice(0, 6);
    expect(inside.length + outside.length).toBe(12);

    await idle(page);
    const shown = await Promise.all([...inside, ...outside].map((place) => colorAt(page, place)));
    await page.keyboard.press('m');
    await idle(page);
    const plain = await Promise.all([...inside, ...outside].map((place) => colorAt(page, place)));
    await page.keyboard.press('m');
    await idle(page);
    const differs = (i: number): boolean =>
      (shown[i] ?? []).some((value, channel) => Math.abs(value - (plain[i]?.[channel] ?? 0)) > 8);
    expect(inside.map((_, i) => differs(i))).toEqual(inside.map(() => true));
    expect(outside.map((_, i) => differs(inside.length + i))).toEqual(outside.map(() => false));

    await page.keyboard.press('v');
    for (const place of inside.slice(0, 3)) {
      await clickImage(page, place);
      const [index = -1] = coverers(place);
      const selected = await selectedId(page);
      const runs = masks[index];
      expect(runs && runsCover(runs, place)).toBe(true);
      // Annotations are listed and exported in the order in which they were made.
      expect(selected).toBe(index);
      await page.keyboard.press('Escape');
    }
  });
});

/** From the whole image to about eight screen pixels for an image pixel, this place staying where it is. */
async function zoomTo(page: Page, place: Point): Promise<void> {
  await page.keyboard.press('0');
  await idle(page);
  const { x, y } = await toScreen(page, place);
  await page.mouse.move(x, y);
  for (let zoom = 0; zoom < 6; zoom = (await page.evaluate(() => window.__maskwright?.zoom)) ?? 0) {
    await page.mouse.wheel(0, -240);
    await page.waitForTimeout(100);
  }
}

/** Place of the selected row in the list of objects; −1 when none is. */
function selectedId(page: Page): Promise<number> {
  return page.evaluate(() => window.__maskwright?.selected ?? -1);
}

test.describe('12,000 × 12,000 pixels', () => {
  test.setTimeout(400_000);

  test.describe('JPEG', () => {
    withProject((made) => largeProject(made, 'jpeg'));

    test('is opened, segmented, accepted and exported; the mask is the one that was drawn', async ({
      page,
      host,
    }) => {
      await withHook(page);
      await expect(page.getByRole('option').first()).toBeVisible({ timeout: 120_000 });
      await page.waitForFunction(() => window.__maskwright?.imageReady === true, null, { timeout: 120_000 });
      await expect(page.getByText('Ready', { exact: true })).toBeVisible({ timeout: 120_000 });
      await page.keyboard.press('b');
      await drag(page, { x: 3000, y: 3500 }, { x: 8200, y: 9000 });
      await expect
        .poll(() => page.evaluate(() => window.__maskwright?.status), { timeout: 120_000 })
        .toBe('waiting');
      await page.screenshot({ path: test.info().outputPath('large.png') });
      await acceptAs(page, 'thing');
      await page.keyboard.press('v');
      const coco = JSON.parse(await exported(host, page, /COCO/)) as CocoFile;
      const [annotation] = coco.annotations;
      expect(annotation?.segmentation.size).toEqual([largeSize.height, largeSize.width]);
      const runs = annotation && runsOf(annotation.segmentation);
      if (!annotation || !runs) throw new Error('no mask was exported');
      // On its upper border.
      const x = Math.floor((runs.box.x1 + runs.box.x2) / 2);
      let y = runs.box.y1;
      while (y < runs.box.y2 && !runsCover(runs, { x, y })) y += 1;
      await zoomTo(page, { x, y });
      await idle(page);
      const { visible, masked } = await shownMask(page);
      const drawn = exportedMask(annotation.segmentation, visible);
      expect(drawn.size).toBeGreaterThan(100);
      expect(drawn.size).toBeLessThan(visible.size - 100);
      expect([...visible].filter((place) => drawn.has(place) !== masked.has(place))).toEqual([]);
    });
  });

  test.describe('a mask of 121 megapixels', () => {
    withProject((made) => largeProject(made, 'jpeg'));

    test('is grown while the window goes on, and that can be given up', async ({ page }) => {
      await withHook(page);
      await page.waitForFunction(() => window.__maskwright?.imageReady === true, null, { timeout: 120_000 });
      await page.keyboard.press('g');
      for (const corner of [
        { x: 400, y: 500 },
        { x: 11500, y: 700 },
        { x: 11300, y: 11600 },
        { x: 6000, y: 7000 },
        { x: 500, y: 11400 },
      ]) {
        await clickImage(page, corner);
      }
      await page.keyboard.press('Enter');
      await page.keyboard.type('field');
      await page.keyboard.press('Enter');
      const masks = (): Promise<Rle[]> =>
        page.evaluate(() => (window.__maskwright?.annotations ?? []).map(({ mask }) => mask));
      await expect.poll(async () => (await masks()).length, { timeout: 60_000 }).toBe(1);
      const [drawn] = await masks();
      if (!drawn) throw new Error('no mask');
      await page.keyboard.press('v');
      await clickImage(page, { x: 6000, y: 3000 });
      await expect.poll(() => selectedId(page)).toBe(0);

      const bar = page.getByRole('group', { name: 'Mask tools' });
      const grow = bar.getByRole('button', { name: 'Grow', exact: true });
      const working = bar.getByText('Working…');
      await grow.click();
      await expect(working).toBeVisible();
      // The engine and the window answer meanwhile.
      await page.keyboard.press('d');
      await expect(page.getByText('1 of 1 reviewed')).toBeVisible();
      await page.keyboard.press('Escape');
      await expect(working).toBeHidden();
      await expect(grow).toBeVisible();
      expect(await masks()).toEqual([drawn]);

      await grow.click();
      await bar.getByRole('slider', { name: 'Pixels' }).fill('60');
      await expect(bar.getByText(/ → .* px/)).toBeVisible({ timeout: 240_000 });
      await page.screenshot({ path: test.info().outputPath('grown.png') });
      await page.keyboard.press('Enter');
      await expect
        .poll(async () => (await masks())[0]?.counts === drawn.counts, { timeout: 60_000 })
        .toBe(false);
      const expected = operate(drawn, { kind: 'grow', amount: 60 });
      expect(await masks()).toEqual(expected.masks);
      await page.keyboard.press('Control+z');
      await expect.poll(async () => (await masks())[0]?.counts === drawn.counts).toBe(true);
    });
  });

  test.describe('TIFF', () => {
    withProject((made) => largeProject(made, 'tiff'));

    test('its tiles show the pixels of the file', async ({ page }) => {
      await withHook(page);
      await expect(page.getByRole('option').first()).toBeVisible({ timeout: 120_000 });
      await page.waitForFunction(() => window.__maskwright?.imageReady === true, null, { timeout: 120_000 });
      const center = { x: 6100, y: 5900 };
      await zoomTo(page, center);
      await expect
        .poll(
          async () => {
            const file = join(folder, 'large.tiff');
            const wanted = await sharp(file, { limitInputPixels: false })
              .extract({ left: center.x - 8, top: center.y - 8, width: 16, height: 16 })
              .removeAlpha()
              .raw()
              .toBuffer();
            let worst = 0;
            for (const dx of [-7, 0, 7]) {
              for (const dy of [-7, 0, 7]) {
                const at = ((dy + 8) * 16 + dx + 8) * 3;
                const shown = await colorAt(page, { x: center.x + dx + 0.5, y: center.y + dy + 0.5 });
                shown.forEach((value, channel) => {
                  worst = Math.max(worst, Math.abs(value - (wanted[at + channel] ?? 0)));
                });
              }
            }
            return worst;
          },
          { timeout: 180_000 },
        )
        .toBeLessThan(16);
    });
  });
});
