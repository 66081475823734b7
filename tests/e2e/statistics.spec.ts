import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { MethodOutput } from '../../src/shared/contract/methods';
import { decodeFrame } from '../../src/shared/contract/wire';
import { expect, test } from './support/host';
import {
  drag,
  episodeStatus,
  hasPhotos,
  openImage,
  photoProject,
  scriptedAgent,
  segmenter,
  useAgent,
  useSegmenter,
  withHook,
} from './workbench-support';

/** Statistics say what was really done: a scripted labelling is counted by hand and compared with page and engine. */

const motorcycle = '000000000086.jpg';
const train = '000000000071.jpg';
const turns = [
  { thought: 'A box.', name: 'segment_box', arguments: { x1: 100, y1: 100, x2: 900, y2: 900 } },
  { thought: 'A point.', name: 'add_point', arguments: { x: 480, y: 300, label: 'positive' } },
  { thought: 'Done.', name: 'finish', arguments: {} },
];

// Two photographs are labelled through the window.
test.setTimeout(180_000);

let folder = '';

test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) {
      await use(undefined);
      return;
    }
    const made = await photoProject([motorcycle, train, '000000000165.jpg']);
    folder = made.folder;
    await use(folder);
    await made.remove();
  },
});

test.skip(!hasPhotos || segmenter === null, 'needs the photographs and models of ../shared');
test.skip(({ kind }) => kind !== 'web', 'reads the frames of the WebSocket');

/** The latest summary that the engine sent, straight from the socket. */
async function listenForSummaries(page: Page): Promise<() => MethodOutput<'insight.summary'> | null> {
  let latest: MethodOutput<'insight.summary'> | null = null;
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => {
      if (typeof payload === 'string') return;
      const frame: unknown = decodeFrame(new Uint8Array(payload));
      const found = summaryIn(frame);
      if (found) latest = found;
    });
  });
  await page.reload();
  await withHook(page);
  return () => latest;
}

function summaryIn(value: unknown): MethodOutput<'insight.summary'> | null {
  if (typeof value !== 'object' || value === null) return null;
  if ('progress' in value && 'proposals' in value) return value as MethodOutput<'insight.summary'>;
  for (const child of Object.values(value)) {
    const found = summaryIn(child);
    if (found) return found;
  }
  return null;
}

async function acceptAs(page: Page, category: string): Promise<void> {
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Accept as' })).toBeVisible();
  await page.keyboard.type(category);
  await page.keyboard.press('Enter');
  await episodeStatus(page, 'accepted');
}

/** The agent's box is replaced, its point and end are accepted; on the second photograph all is accepted as it comes. */
async function label(page: Page): Promise<void> {
  await openImage(page, new RegExp(motorcycle));
  await page.getByLabel('What to find in this image').fill('the rider');
  await page.keyboard.press('Enter');
  await episodeStatus(page, 'proposed');
  await drag(page, { x: 461, y: 576 }, { x: 340, y: 420 });
  await episodeStatus(page, 'waiting');
  await page.keyboard.press('h');
  await episodeStatus(page, 'proposed');
  const ghost = page.getByRole('region', { name: 'not run yet' });
  await expect(ghost).toContainText('A point.');
  await page.keyboard.press('Enter');
  await expect(ghost).toContainText('Done.');
  await ghost.getByRole('button', { name: 'Accept' }).click();
  await episodeStatus(page, 'ended');
  await acceptAs(page, 'rider');

  await openImage(page, new RegExp(train));
  await page.getByLabel('What to find in this image').fill('the train');
  await page.keyboard.press('Enter');
  for (const turn of turns) {
    await expect(ghost).toContainText(turn.thought);
    await ghost.getByRole('button', { name: 'Accept' }).click();
  }
  await episodeStatus(page, 'ended');
  // Ended is shown a moment before the result can be accepted.
  await expect(page.getByRole('button', { name: /^Accept/ }).first()).toBeEnabled();
  await page.keyboard.press('Enter');
  await episodeStatus(page, 'accepted');
}

const tile = (page: Page, name: string) =>
  page.locator('.tile').filter({ has: page.getByText(name, { exact: true }) });

const openStatistics = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Statistics', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Statistics', exact: true })).toBeVisible();
};

test('numbers, filters, tables and saved files say what was done', async ({ page }) => {
  const latest = await listenForSummaries(page);
  await openStatistics(page);
  await expect(page.getByText('Nothing to count yet')).toBeVisible();
  await page.getByRole('button', { name: 'Start labelling' }).click();

  const agent = await scriptedAgent(turns);
  await useSegmenter(page);
  await useAgent(page, agent.url);
  await label(page);
  await agent.close();
  await openStatistics(page);

  // Counted by hand from what was done above.
  await expect(tile(page, 'Images done')).toContainText(/2\s*of 3/);
  await expect(tile(page, 'Agent’s calls accepted')).toContainText('5 / 6');
  await expect(tile(page, 'Turns an object')).toContainText('3.0');
  await expect(tile(page, 'Turns an object')).toContainText('agent 2.5, you 0.5');
  await expect(tile(page, 'IoU of proposals')).toContainText('1.00');
  await expect(tile(page, 'IoU of proposals')).toContainText(/n\s=\s1/);
  await expect(page.getByText('1 accepted without any mask by the agent.')).toBeVisible();

  // And as the engine says.
  const summary = latest();
  expect(summary).not.toBeNull();
  expect(summary?.progress.now).toEqual({ todo: 1, review: 0, done: 2 });
  expect(summary?.progress.days.at(-1)).toMatchObject({ accepted: 2, rejected: 0, drawn: 0, done: 2 });
  expect(summary?.episodes).toMatchObject({ all: 2, accepted: 2 });
  for (const call of summary?.calls ?? []) {
    const row = page.locator(`tr[data-call="${call.author} ${call.tool}"]`);
    for (const fate of ['accepted', 'corrected', 'rejected'] as const) {
      const { count, of } = call[fate];
      await expect(row).toContainText(`${count}/${of}`);
    }
  }
  const row = (call: string) => page.locator(`tr[data-call="${call}"]`);
  await expect(row('agent segment_box')).toContainText('1/2');
  await expect(row('human segment_box')).toContainText('1/1');
  await expect(page.locator('tr[data-call]')).toHaveCount(summary?.calls.length ?? -1);

  // The same as a table, and told to a screen reader.
  const decisions = page.getByRole('region', { name: 'Decisions a day' });
  await expect(decisions.getByRole('img')).toHaveAttribute('aria-label', /Accepted: 2/);
  await decisions.getByRole('slider').focus();
  await expect(decisions.locator('.tip')).toContainText('Accepted: 2');
  await decisions.getByRole('button', { name: 'Decisions a day: Show as table' }).click();
  await expect(decisions.getByRole('row').nth(1)).toContainText('2');

  // The class that was used last is kept, so both are riders; in another time nothing was done.
  await page.getByRole('combobox', { name: 'Class' }).selectOption({ label: 'rider' });
  await expect(page.getByRole('button', { name: 'Clear filters' })).toBeVisible();
  await expect(tile(page, 'Agent’s calls accepted')).toContainText('5 / 6');
  await page.getByRole('textbox', { name: 'From' }).fill('2099-01-01');
  await expect(page.getByText('No episode matches these filters.')).toBeVisible();
  await expect(tile(page, 'Agent’s calls accepted')).toContainText('0 / 0');
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await expect(tile(page, 'Agent’s calls accepted')).toContainText('5 / 6');

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'CSV', exact: true }).click(),
  ]);
  const csv = await readFile(await download.path(), 'utf8');
  expect(csv).toContain('images,,done,2,,,\r\n');
  expect(csv).toMatch(/calls,agent segment_box,corrected,0\.5,2,/);
  const [json] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'JSON', exact: true }).click(),
  ]);
  const saved = JSON.parse(await readFile(await json.path(), 'utf8'));
  expect(saved.summary.progress.now).toEqual({ todo: 1, review: 0, done: 2 });
  expect(saved.summary).toEqual(latest());
});

test('a gold set is compared, and a case opens with both masks', async ({ page }) => {
  await withHook(page);
  const agent = await scriptedAgent(turns);
  await useSegmenter(page);
  await useAgent(page, agent.url);
  await label(page);
  await agent.close();
  await openStatistics(page);

  // On the motorcycle nothing is annotated where we have a mask; on the train the upper half is.
  const gold = join(folder, 'gold.json');
  await writeFile(
    gold,
    JSON.stringify({
      images: [
        { id: 1, file_name: `elsewhere/${motorcycle}`, width: 512, height: 640 },
        { id: 2, file_name: train, width: 640, height: 426 },
        { id: 3, file_name: 'not-here.jpg', width: 4, height: 4 },
      ],
      categories: [{ id: 9, name: 'Train' }],
      annotations: [
        {
          id: 1,
          image_id: 2,
          category_id: 9,
          iscrowd: 0,
          segmentation: [[0, 0, 10, 0, 10, 10, 0, 10]],
        },
      ],
    }),
  );
  const section = page.getByRole('region', { name: 'Agreement with a gold set' });
  await section.getByLabel('COCO file').fill(gold);
  await section.getByRole('button', { name: 'Compare' }).click();
  await expect(section.getByText('2 images compared · 1 not in the project')).toBeVisible();
  const row = (name: string) =>
    section.getByRole('table', { name: 'By class' }).getByRole('row', { name: new RegExp(`^${name}`) });
  // Gold, ours, pairs, missed, extra, another class.
  await expect(row('Train')).toContainText(/1\s*0\s*0\s*1\s*0\s*0/);
  await expect(row('rider')).toContainText(/0\s*2\s*0\s*0\s*2\s*0/);
  await section.getByRole('listitem').filter({ hasText: 'missed' }).getByRole('button').click();
  const picture = section.locator('canvas');
  await expect(picture).toBeVisible();
  const colors = () =>
    picture.evaluate((canvas: HTMLCanvasElement) => {
      const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      const found = new Set<number>();
      for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] !== 0) found.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
      return found.size;
    });
  await expect.poll(colors).toBeGreaterThan(10);
  await section.getByRole('button', { name: 'Open the image' }).click();
  await expect.poll(() => page.evaluate(() => window.__maskwright?.imageReady)).toBe(true);
  await expect(page.getByRole('option', { name: new RegExp(train) })).toHaveAttribute(
    'aria-selected',
    'true',
  );
});
