import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import type {} from '../../src/renderer/lib/test-hook-types';
import { decodeMask } from '../../src/shared/mask/rle';
import { expect, type Host } from './support/host';

/** What the specs of the workbench share: photographs, a scripted agent, gestures, and reading pixels back. */

const shared = resolve(__dirname, '..', '..', '..', 'shared', 'data');
const photoFolder = join(shared, 'photos', 'coco20', 'images');
const models = join(shared, 'models');

export const hasPhotos = existsSync(photoFolder);
const segmenterFiles = ['surrogate_sam1_encoder.onnx', 'surrogate_sam1_decoder.onnx'].map((name) =>
  join(models, name),
);
/** Encoder and decoder as the window takes them; null: whatever the application ships. */
export const segmenter = segmenterFiles.every((file) => existsSync(file)) ? segmenterFiles.join(',') : null;

export interface Point {
  x: number;
  y: number;
}

/** A folder of its own with a few photographs. */
export async function photoProject(
  names: readonly string[],
): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'maskwright-photos-'));
  await mkdir(folder, { recursive: true });
  for (const name of names) await copyFile(join(photoFolder, name), join(folder, name));
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) };
}

export interface ScriptedTurn {
  thought: string;
  name: string;
  arguments: Record<string, unknown>;
}

/**
 * An OpenAI-compatible endpoint that gives the same answers in order, again from the first after the last, each after
 * so many milliseconds.
 */
export async function scriptedAgent(
  turns: readonly ScriptedTurn[],
  delay = 0,
): Promise<{ url: string; close(): Promise<void> }> {
  let asked = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path.endsWith('/models')) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'scripted', object: 'model' }] }));
    } else if (path.endsWith('/chat/completions')) {
      request.resume();
      request.on('end', async () => {
        await new Promise((resolve) => setTimeout(resolve, delay));
        const turn = turns[asked++ % turns.length]!;
        const call = JSON.stringify({ name: turn.name, arguments: turn.arguments });
        const content = `<think>${turn.thought}</think>\n<tool_call>\n${call}\n</tool_call>`;
        const chunk = (delta: object, reason: string | null): string =>
          `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
        response.setHeader('content-type', 'text/event-stream');
        response.write(chunk({ role: 'assistant', content }, null));
        response.write(chunk({}, 'stop'));
        response.write(
          `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', choices: [], usage: { prompt_tokens: 900, completion_tokens: 61 } })}\n\n`,
        );
        response.end('data: [DONE]\n\n');
      });
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}

/** Turns on the page's read-only hook for tests. */
export async function withHook(page: Page): Promise<void> {
  await expect(page.getByRole('button', { name: /Project menu/ })).toBeVisible();
  await page.evaluate(() => {
    location.hash = 'test';
  });
  await page.waitForFunction(() => window.__maskwright !== undefined);
}

export async function openImage(page: Page, name: string | RegExp): Promise<void> {
  const list = page
    .getByRole('listbox')
    .filter({ has: page.getByRole('option') })
    .first();
  // The list holds the rows in sight alone: down from where it is, then once more from the top.
  await expect(async () => {
    if ((await page.getByRole('option', { name }).count()) > 0) return;
    await list.evaluate((element) => {
      const before = element.scrollTop;
      element.scrollTop += element.clientHeight;
      if (element.scrollTop === before) element.scrollTop = 0;
    });
    throw new Error(`${name} is not in sight`);
  }).toPass({ intervals: [50], timeout: 30_000 });
  await page.getByRole('option', { name }).click();
  await expect(page.getByRole('option', { name })).toHaveAttribute('aria-selected', 'true');
  await imageReady(page);
}

export async function imageReady(page: Page): Promise<void> {
  await page.waitForFunction(() => window.__maskwright?.imageReady === true);
}

export async function useSegmenter(page: Page): Promise<void> {
  if (segmenter === null) return;
  await page.getByRole('button', { name: 'Models and devices' }).click();
  const dialog = page.getByRole('dialog', { name: 'Models' });
  await dialog.getByLabel('Encoder and decoder').fill(segmenter);
  await dialog.getByLabel('Encoder and decoder').press('Enter');
  await expect(dialog.getByLabel('Encoder and decoder')).toHaveValue('', { timeout: 60_000 });
  await page.keyboard.press('Escape');
}

export async function useAgent(page: Page, url: string): Promise<void> {
  await page.getByRole('button', { name: 'Models and devices' }).click();
  const dialog = page.getByRole('dialog', { name: 'Models' });
  await dialog.getByLabel('Model file or endpoint').fill(url);
  await dialog.getByLabel('Model file or endpoint').press('Enter');
  await expect(dialog.getByLabel('Model file or endpoint')).toHaveValue('');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
}

/** From image pixels to the page. */
export function toScreen(page: Page, point: Point): Promise<Point> {
  return page.evaluate((at) => {
    const hook = window.__maskwright;
    if (!hook) throw new Error('no test hook');
    return hook.toScreen(at);
  }, point);
}

/** Drags from one place of the image to another. */
export async function drag(page: Page, from: Point, to: Point): Promise<void> {
  const start = await toScreen(page, from);
  const end = await toScreen(page, to);
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  await page.mouse.move((start.x + end.x) / 2, (start.y + end.y) / 2, { steps: 4 });
  await page.mouse.move(end.x, end.y, { steps: 4 });
  await page.mouse.up();
}

export async function clickImage(page: Page, point: Point): Promise<void> {
  const { x, y } = await toScreen(page, point);
  await page.mouse.click(x, y);
}

export async function episodeStatus(page: Page, status: string, timeout = 30_000): Promise<void> {
  await expect.poll(() => page.evaluate(() => window.__maskwright?.status), { timeout }).toBe(status);
}

/** Accepts what is on the canvas as a new category. */
export async function acceptAs(page: Page, category: string): Promise<void> {
  await page.keyboard.press('Enter');
  const picker = page.getByRole('dialog', { name: 'Accept as' });
  await expect(picker).toBeVisible();
  await page.keyboard.type(category);
  await page.keyboard.press('Enter');
  await episodeStatus(page, 'accepted');
}

/** Clicks what exports and gives the text of the file. */
export async function exported(host: Host, page: Page, name: RegExp): Promise<string> {
  await page.getByRole('banner').getByRole('button', { name: 'Export', exact: true }).click();
  const button = page.getByRole('dialog', { name: 'Export' }).getByRole('button', { name });
  if (host.electron) {
    const file = join(host.dataDir, `export-${Date.now()}`);
    await host.electron.evaluate(({ dialog }, filePath) => {
      dialog.showSaveDialog = async () => ({ canceled: false, filePath });
    }, file);
    await button.click();
    await expect.poll(() => existsSync(file)).toBe(true);
    await expect(page.getByText(/^Exported/).last()).toBeVisible();
    return readFile(file, 'utf8');
  }
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  return readFile(await download.path(), 'utf8');
}

export interface CocoFile {
  images: { id: number; file_name: string; width: number; height: number }[];
  categories: { id: number; name: string }[];
  annotations: {
    image_id: number;
    category_id: number;
    area: number;
    segmentation: { size: [number, number]; counts: string };
    attributes: { author: string; query?: string };
  }[];
}

/** Zooms to eight screen pixels for one image pixel, with this place of the image in the middle of the canvas. */
export async function zoomIn(page: Page, center: Point): Promise<void> {
  await page.keyboard.press('Shift+Digit0');
  const stage = await page.locator('#stage').boundingBox();
  if (!stage) throw new Error('no stage');
  const middle = { x: Math.round(stage.x + stage.width / 2), y: Math.round(stage.y + stage.height / 2) };
  const from = await toScreen(page, center);
  await page.mouse.move(from.x, from.y);
  await page.mouse.down({ button: 'middle' });
  await page.mouse.move(middle.x, middle.y, { steps: 3 });
  await page.mouse.up({ button: 'middle' });
  for (let i = 0; i < 3; i++) await page.mouse.wheel(0, -240);
  await expect.poll(() => page.evaluate(() => window.__maskwright?.zoom)).toBeCloseTo(8, 6);
  await page.mouse.move(stage.x + 2, stage.y + 2);
}

/** Colours in the middle of every image pixel that is wholly on the canvas. */
async function pixelColors(page: Page): Promise<Map<string, [number, number, number]>> {
  const read = await page.evaluate(() => {
    const hook = window.__maskwright;
    const canvas = document.querySelector<HTMLCanvasElement>('#stage canvas.lower-canvas');
    const context = canvas?.getContext('2d');
    if (!hook || !canvas || !context) throw new Error('no canvas');
    const place = canvas.getBoundingClientRect();
    const ratio = canvas.width / place.width;
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const origin = hook.toScreen({ x: 0, y: 0 });
    const found: [number, number, number, number, number][] = [];
    const from = (start: number, edge: number): number => Math.ceil((edge - start) / hook.zoom);
    for (let y = Math.max(0, from(origin.y, place.top)); ; y++) {
      const sy = Math.floor((origin.y + (y + 0.5) * hook.zoom - place.top) * ratio);
      if (sy >= canvas.height - 4) break;
      for (let x = Math.max(0, from(origin.x, place.left)); ; x++) {
        const sx = Math.floor((origin.x + (x + 0.5) * hook.zoom - place.left) * ratio);
        if (sx >= canvas.width - 4) break;
        const at = (sy * canvas.width + sx) * 4;
        if (data[at + 3] === 0) continue;
        found.push([x, y, data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0]);
      }
    }
    return found;
  });
  return new Map(read.map(([x, y, r, g, b]) => [`${x},${y}`, [r, g, b]]));
}

/** Image pixels on which the canvas shows a mask, of those that it shows at all: "x,y". */
export async function shownMask(page: Page): Promise<{ visible: Set<string>; masked: Set<string> }> {
  const withMasks = await pixelColors(page);
  await page.keyboard.press('m');
  await expect(page.getByText('Masks hidden')).toBeVisible();
  await page.waitForTimeout(150);
  const without = await pixelColors(page);
  await page.keyboard.press('m');
  const masked = new Set<string>();
  for (const [place, color] of withMasks) {
    const plain = without.get(place);
    if (plain?.some((value, channel) => Math.abs(value - (color[channel] ?? 0)) > 1)) masked.add(place);
  }
  return { visible: new Set(withMasks.keys()), masked };
}

/** The same from an exported mask, limited to the pixels that were visible. */
export function exportedMask(
  segmentation: CocoFile['annotations'][number]['segmentation'],
  visible: ReadonlySet<string>,
): Set<string> {
  const { width, data } = decodeMask(segmentation);
  const masked = new Set<string>();
  for (const place of visible) {
    const [x = 0, y = 0] = place.split(',').map(Number);
    if (data[y * width + x] === 1) masked.add(place);
  }
  return masked;
}
