import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './support/host';
import { hasPhotos, imageReady, photoProject, segmenter, useSegmenter, withHook } from './workbench-support';

/** Pictures of what was tested go here; ignored by git. */
const pictures = process.env.MASKWRIGHT_PICTURES ?? 'test-results/pictures';
const photos = ['000000000071.jpg', '000000000086.jpg', '000000000165.jpg', '000000000194.jpg'];

const cards = (page: Page) => page.getByRole('listbox', { name: 'Review queue' }).getByRole('option');
const current = (page: Page) =>
  page.getByRole('listbox', { name: 'Review queue' }).getByRole('option', { selected: true });
const saidWaiting = (page: Page, number: number) =>
  expect(page.getByRole('complementary', { name: 'Review queue' })).toContainText(
    number === 1 ? '1 result waits' : `${number} results wait`,
  );

async function ended(page: Page): Promise<void> {
  await page.waitForFunction(() => window.__maskwright?.status === 'ended');
}

test.describe('the sample’s recordings', () => {
  test('are decided by keys alone, and an undo brings them back', async ({ host, page }) => {
    await withHook(page);
    await imageReady(page);
    await page.keyboard.press('q');
    const queue = page.getByRole('complementary', { name: 'Review queue' });
    await expect(queue).toBeVisible();
    await expect(current(page)).toHaveCount(1);
    const total = await cards(page).count();
    expect(total).toBeGreaterThan(4);
    await ended(page);
    // The agent's turns and its mask are there without a further step.
    await expect(page.getByRole('region', { name: 'Agent' })).toContainText(/segment_box|box/i);
    await imageReady(page);
    await page.screenshot({ path: join(pictures, 'queue-dark.png') });

    const first = await current(page).getAttribute('aria-label');
    await page.keyboard.press('a');
    // No class is known yet: it is asked for once, and kept.
    const picker = page.getByRole('dialog').filter({ has: page.getByRole('combobox') });
    await picker.getByRole('combobox').fill('thing');
    await page.keyboard.press('Enter');
    await saidWaiting(page, total - 1);
    await expect(current(page)).not.toHaveAttribute('aria-label', first ?? '');
    const second = await current(page).getAttribute('aria-label');
    await ended(page);
    await page.keyboard.press('a');
    await saidWaiting(page, total - 2);
    await ended(page);
    const third = await current(page).getAttribute('aria-label');
    await page.keyboard.press('n');
    await saidWaiting(page, total - 3);
    await ended(page);
    await expect(queue).toContainText('3 today');

    // Skipping leaves it for later; back goes to it.
    const fourth = await current(page).getAttribute('aria-label');
    await page.keyboard.press('Space');
    await expect(current(page)).not.toHaveAttribute('aria-label', fourth ?? '');
    await ended(page);
    await page.keyboard.press('Shift+K');
    await expect(current(page)).toHaveAttribute('aria-label', fourth ?? '');
    await ended(page);

    // The decisions come back in the opposite order.
    for (let undone = 1; undone <= 3; undone++) {
      await page.keyboard.press('Control+z');
      await saidWaiting(page, total - 3 + undone);
    }
    await expect(queue).toContainText('0 today');
    for (const label of [first, second, third]) {
      await expect(cards(page).and(page.getByLabel(label ?? '', { exact: true }))).toHaveCount(1);
    }
    expect(await host.log()).not.toContain('INTERNAL');
  });

  test('are ordered by score and disagreement, and filtered by result; the first of the order is opened', async ({
    page,
  }) => {
    await withHook(page);
    await imageReady(page);
    await page.keyboard.press('q');
    await expect(current(page)).toHaveCount(1);
    const total = await cards(page).count();
    const queue = page.getByRole('complementary', { name: 'Review queue' });
    const numbers = async (title: string): Promise<number[]> =>
      (await cards(page).locator(`[title^="${title}"]`).allTextContents()).map((shown) =>
        Number(shown.replace('≠', '')),
      );
    const scores = (): Promise<number[]> => numbers('Lowest predicted IoU');
    const before = await scores();
    expect(new Set(before).size).toBeGreaterThan(2);
    const ascending = [...before].sort((a, b) => a - b);

    await queue.getByRole('button', { name: 'Filter and order' }).click();
    const order = queue.getByRole('combobox', { name: 'Order' });
    await order.selectOption('Lowest score');
    await expect.poll(scores).toEqual(ascending);
    await expect(cards(page).first()).toHaveAttribute('aria-selected', 'true');
    await order.selectOption('Highest score');
    await expect.poll(scores).toEqual([...ascending].reverse());
    await order.selectOption('Most disagreement');
    await expect
      .poll(async () => {
        const found = await numbers('How far the mask moved');
        return found.length > 1 && found.every((value, i) => i === 0 || value <= (found[i - 1] ?? 1));
      })
      .toBe(true);

    await order.selectOption('Oldest first');
    await expect.poll(scores).toEqual(before);
    await queue.getByRole('combobox', { name: 'Result' }).selectOption('Out of turns');
    await expect.poll(() => cards(page).count()).toBeLessThan(total);
    await queue.getByRole('combobox', { name: 'Result' }).selectOption('All');
    await expect(cards(page)).toHaveCount(total);
  });

  test('are accepted above a score as one step', async ({ page }) => {
    await withHook(page);
    await imageReady(page);
    await page.keyboard.press('q');
    await expect(current(page)).toHaveCount(1);
    const total = await cards(page).count();
    await ended(page);
    await page.keyboard.press('c');
    await page.getByRole('dialog').getByRole('combobox').fill('thing');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog')).toBeHidden();
    await page.keyboard.press('Shift+A');
    const form = page.getByRole('region', { name: 'Accept from a score on' });
    const slider = form.getByRole('slider', { name: 'Lowest score' });
    await expect(slider).toBeFocused();
    await slider.fill('0.5');
    const button = form.getByRole('button', { name: /^Accept \d+ result/ });
    await expect(button).toBeEnabled();
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(pictures, 'accept-many-dark.png') });
    const number = Number(/\d+/.exec((await button.textContent()) ?? '')?.[0]);
    expect(number).toBeGreaterThan(1);
    await slider.press('Enter');
    await expect(page.getByText(`${number} results accepted.`)).toBeVisible();
    if (number < total) await saidWaiting(page, total - number);
    await page.keyboard.press('Control+z');
    await saidWaiting(page, total);
  });
});

test.describe('a run over photographs', () => {
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
  test.skip(!hasPhotos || segmenter === null, 'needs the photographs and models of ../shared');

  test('lands in the queue, and what a person fixes is what is exported', async ({ host, page }) => {
    await withHook(page);
    await useSegmenter(page);
    // Nothing to review yet: it says how to begin.
    await page.keyboard.press('q');
    await expect(page.getByText('Nothing waits for review')).toBeVisible();
    await page.screenshot({ path: join(pictures, 'empty-dark.png') });
    const { useAgent, scriptedAgent, drag } = await import('./workbench-support');
    const agent = await scriptedAgent([
      {
        thought: 'A box around it.',
        name: 'segment_box',
        arguments: { x1: 200, y1: 200, x2: 800, y2: 800 },
      },
      { thought: 'Done.', name: 'finish', arguments: {} },
    ]);
    await useAgent(page, agent.url);
    await page.getByRole('button', { name: 'Plan a run' }).click();
    await page.getByLabel('Query', { exact: true }).fill('the middle');
    const start = page.getByRole('button', { name: 'Start' });
    await expect(start).toBeEnabled();
    await page.keyboard.press('Enter');
    const run = page.getByRole('article', { name: 'the middle' });
    await expect(run).toContainText('Done', { timeout: 60_000 });
    await expect(run).toContainText('4 to review');
    await run.getByRole('button', { name: 'Review' }).click();
    await saidWaiting(page, 4);
    await ended(page);

    await page.keyboard.press('a');
    await page.getByRole('dialog').getByRole('combobox').fill('middle');
    await page.keyboard.press('Enter');
    await saidWaiting(page, 3);
    await ended(page);
    // The next one is fixed: a box of the person's own replaces the end, and accepting takes what it became.
    await page.keyboard.press('f');
    await imageReady(page);
    await expect(page.getByRole('button', { name: /^Box/ })).toHaveAttribute('aria-pressed', 'true');
    await drag(page, { x: 60, y: 60 }, { x: 180, y: 200 });
    await page.waitForFunction(() => window.__maskwright?.status === 'waiting');
    await page.keyboard.press('a');
    await saidWaiting(page, 2);
    await ended(page);
    await page.keyboard.press('n');
    await saidWaiting(page, 1);
    await ended(page);
    await page.keyboard.press('a');
    await expect(page.getByText('Everything in the queue is decided.')).toBeVisible();
    await expect(page.getByRole('complementary', { name: 'Review queue' })).toContainText('4 today');
    await page.screenshot({ path: join(pictures, 'all-done-dark.png') });

    // Three were accepted: two by the agent, one by a person. The image of the rejected one is to do again.
    await page.keyboard.press('q');
    const counts = await page.getByRole('group', { name: 'Show images' }).textContent();
    expect(counts?.replace(/\s+/g, '')).toMatch(/Todo1.*Review0.*Done3/);
    await agent.close();
    expect(await host.log()).not.toContain('INTERNAL');
    expect(await readFile(join(host.dataDir, 'settings.json'), 'utf8')).toContain(agent.url);
  });
});
