import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, type Host, test } from '../../e2e/support/host';
import { drag, imageReady, toScreen, withHook } from '../../e2e/workbench-support';
import { coco20, hasSharedData } from '../../support/shared-data';
import { makeBigProject } from '../big-project';
import {
  emptyCanvas,
  median,
  memory,
  panAndZoom,
  percentile,
  printed,
  shortOfMemory,
  until,
} from './measure';
import { cameraProject, fourKProject, largeProject, photographsProject } from './projects';

/** Rows of the report, ratios first. */
const ratios: [string, string][] = [];
const values: [string, string][] = [];
const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const mb = (value: number): string => `${value.toFixed(0)} MB`;
const ratio = (value: number): string => value.toFixed(2);

const upper = '#stage canvas.upper-canvas';

test.skip(!hasSharedData('bench:ui'), 'needs the photographs of ../shared');

/** A folder that is made before the app opens it. */
function withProject(make: (folder: string) => Promise<unknown>): void {
  test.use({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
    project: async ({}, use) => {
      const folder = await mkdtemp(join(tmpdir(), 'maskwright-bench-'));
      await make(folder);
      await use(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  });
}

async function opened(page: Page): Promise<void> {
  await withHook(page);
  await expect(page.getByRole('option').first()).toBeVisible();
  await imageReady(page);
}

/** Two rounds: the first paints what is not painted yet, the second finds it. */
async function rounds(page: Page): Promise<{ first: number; again: number; worst: number }> {
  await page.waitForTimeout(1500);
  const first = await panAndZoom(page, upper);
  const again = await panAndZoom(page, upper);
  return {
    first: percentile(first, 0.95),
    again: percentile(again, 0.95),
    worst: Math.max(...first, ...again),
  };
}

let baseline = 16.7;
let withoutMasks = 16.7;

test.describe('frames without masks', () => {
  withProject((folder) => fourKProject(folder, 0));
  test('baseline', async ({ page }) => {
    await opened(page);
    const found = await rounds(page);
    withoutMasks = found.again;
    const box = await page.locator('#stage').boundingBox();
    const empty = await page.context().newPage();
    await emptyCanvas(empty, Math.round(box?.width ?? 800), Math.round(box?.height ?? 600));
    await empty.bringToFront();
    await empty.waitForTimeout(500);
    baseline = percentile(await panAndZoom(empty, '#target'), 0.95);
    await empty.close();
    values.push(['frame, 95th percentile: empty canvas of the same size', ms(baseline)]);
    values.push([
      'frame, 95th percentile: 4096 × 2160 image without masks',
      `${ms(found.first)}, again ${ms(found.again)}`,
    ]);
  });
});

test.describe('frames with 1,000 masks', () => {
  withProject((folder) => fourKProject(folder, 1000));
  test('panning and zooming', async ({ page }) => {
    await opened(page);
    const found = await rounds(page);
    values.push([
      'frame, 95th percentile: the same with 1,000 masks',
      `${ms(found.first)}, again ${ms(found.again)}, longest ${ms(found.worst)}`,
    ]);
    ratios.push([
      '95th percentile frame, 1,000 masks / empty canvas, first pass',
      ratio(found.first / baseline),
    ]);
    ratios.push(['95th percentile frame, 1,000 masks / empty canvas, again', ratio(found.again / baseline)]);
    ratios.push(['95th percentile frame, 1,000 masks / no masks', ratio(found.again / withoutMasks)]);
  });
});

test.describe('switching', () => {
  withProject((folder) => cameraProject(folder, 24));
  test('images of 12 megapixels', async ({ page }) => {
    await opened(page);
    await expect(page.getByText('0 of 24 reviewed')).toBeVisible({ timeout: 60_000 });
    const shown = (id: string | null): string =>
      `window.__maskwright.imageId !== ${JSON.stringify(id)} && window.__maskwright.imageReady`;
    const current = (): Promise<string | null> => page.evaluate(() => window.__maskwright?.imageId ?? null);
    const ahead: number[] = [];
    for (let i = 0; i < 8; i++) {
      await page.waitForTimeout(4000);
      ahead.push(await until(page, () => page.keyboard.press('ArrowDown'), shown(await current())));
    }
    const cold: number[] = [];
    for (const name of ['camera-015', 'camera-011', 'camera-017', 'camera-013']) {
      await page.waitForTimeout(2000);
      const option = page.getByRole('option', { name: new RegExp(name) });
      cold.push(await until(page, () => option.click(), shown(await current())));
    }
    values.push([
      'image switch, 12 megapixels, read ahead: median',
      `${ms(median(ahead))}, longest ${ms(Math.max(...ahead))}`,
    ]);
    values.push(['image switch, 12 megapixels, not read ahead: median', ms(median(cold))]);
    ratios.push(['image switch, read ahead / not', ratio(median(ahead) / median(cold))]);
  });
});

test.describe('click to mask', () => {
  withProject((folder) => photographsProject(folder, 3));
  test('with the shipped segmenter', async ({ page }) => {
    await opened(page);
    await expect(page.getByText('Ready', { exact: true })).toBeVisible({ timeout: 60_000 });
    await drag(page, { x: 40, y: 40 }, { x: 41, y: 41 });
    await page.keyboard.press('p');
    const times: number[] = [];
    for (let i = 0; i < 12; i++) {
      const { x, y } = await toScreen(page, { x: 120 + 20 * i, y: 150 + 10 * i });
      await page.mouse.move(x, y);
      await page.waitForTimeout(600);
      const turns = await page.evaluate(() => window.__maskwright?.turns ?? 0);
      const condition = `window.__maskwright.turns > ${turns} && window.__maskwright.status === 'waiting'`;
      times.push(await until(page, () => page.mouse.click(x, y), condition));
    }
    values.push([
      'click to mask, shipped segmenter: median',
      `${ms(median(times))}, longest ${ms(Math.max(...times))}`,
    ]);
    ratios.push(['click to mask / frame of an empty canvas', ratio(median(times) / baseline)]);
  });
});

test.describe('opening', () => {
  const total = Number(process.env.BENCH_IMAGES ?? 100_000);
  withProject((folder) =>
    makeBigProject(folder, { images: total, picture: join(coco20.images, '000000000471.jpg') }),
  );
  test('a project of very many images', async ({ page }) => {
    await opened(page);
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await page.reload();
      await expect(page.getByRole('option').first()).toBeVisible();
      times.push(performance.now() - start);
    }
    values.push([
      `project of ${total.toLocaleString('en')} images: page opened to list shown, median`,
      ms(median(times)),
    ]);
    bigOpen = median(times);
  });
});
let bigOpen = Number.NaN;

test.describe('opening few', () => {
  withProject((folder) => photographsProject(folder, 3));
  test('a project of three images', async ({ page }) => {
    await opened(page);
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await page.reload();
      await expect(page.getByRole('option').first()).toBeVisible();
      times.push(performance.now() - start);
    }
    values.push(['project of 3 images: the same', ms(median(times))]);
    ratios.push(['opening 100,000 images / 3 images', ratio(bigOpen / median(times))]);
  });
});

test.describe('memory', () => {
  const count = Number(process.env.BENCH_VISITS ?? 500);
  withProject((folder) => photographsProject(folder, count));
  test('after visiting very many images', async ({ page, host }) => {
    await opened(page);
    await expect(
      page.getByText(`Search ${count} images`).or(page.getByPlaceholder(`Search ${count} images`)),
    ).toBeVisible({
      timeout: 120_000,
    });
    const found: { at: number; page: number; engine: number }[] = [];
    for (let i = 1; i < count; i++) {
      const id = await page.evaluate(() => window.__maskwright?.imageId ?? null);
      await page.keyboard.press('ArrowDown');
      await page.waitForFunction(
        (before) => window.__maskwright?.imageId !== before && window.__maskwright?.imageReady === true,
        id,
      );
      if ((i + 1) % 100 === 0) found.push({ at: i + 1, ...(await settled(page, host)) });
    }
    await shortOfMemory(page);
    const { page: without } = await settled(page, host);
    values.push([
      `memory after ${count} images, when the browser's caches are given back: page`,
      mb(without),
    ]);
    for (const { at, page: inPage, engine } of found) {
      values.push([`memory after ${at} images: page, engine`, `${mb(inPage)}, ${mb(engine)}`]);
    }
    const [first, last] = [found[0], found.at(-1)];
    const middle = found[2] ?? first;
    if (first && last && middle) {
      ratios.push([
        `memory of the page after ${last.at} images / ${first.at}`,
        ratio(last.page / first.page),
      ]);
      ratios.push([
        `memory of the page after ${last.at} images, caches given back / ${first.at}`,
        ratio(without / first.page),
      ]);
      ratios.push([
        `memory of the engine after ${last.at} images / ${first.at}`,
        ratio(last.engine / first.engine),
      ]);
      ratios.push([
        `memory of both after ${last.at} images / ${middle.at}`,
        ratio((last.page + last.engine) / (middle.page + middle.engine)),
      ]);
    }
  });
});

async function settled(page: Page, host: Host): Promise<{ page: number; engine: number }> {
  await page.waitForTimeout(1500);
  const { page: inPage, engine } = await memory(page, host.dataDir);
  return { page: inPage, engine };
}

for (const format of ['jpeg', 'png'] as const) {
  test.describe(`a large ${format}`, () => {
    withProject((folder) => largeProject(folder, format));
    test('opened and looked at closely', async ({ page, host }) => {
      test.setTimeout(300_000);
      const start = performance.now();
      await withHook(page);
      await expect(page.getByRole('option').first()).toBeVisible({ timeout: 120_000 });
      await page.waitForFunction(() => window.__maskwright?.imageReady === true, null, { timeout: 120_000 });
      const shown = performance.now() - start;
      await expect(page.getByText('Ready', { exact: true })).toBeVisible({ timeout: 120_000 });
      await page.keyboard.press('Shift+Digit0');
      await page.waitForTimeout(20_000);
      await panAndZoom(page, upper);
      const { page: inPage, engine, peak } = await memory(page, host.dataDir);
      values.push([`12,000 × 12,000 ${format.toUpperCase()}: imported and shown after`, ms(shown)]);
      values.push([
        `12,000 × 12,000 ${format.toUpperCase()}: memory of page, engine`,
        `${mb(inPage)}, ${mb(engine)}; at most ${mb(peak.page)}, ${mb(peak.engine)}`,
      ]);
      const decoded = (12_000 * 12_000 * 4) / 1024 ** 2;
      ratios.push([
        `12,000 × 12,000 ${format.toUpperCase()}: most memory of the page / the picture decoded`,
        ratio(peak.page / decoded),
      ]);
    });
  });
}

test.afterAll(() => {
  if (ratios.length + values.length > 0) process.stdout.write(`\n${printed([...ratios, ...values])}\n\n`);
});
