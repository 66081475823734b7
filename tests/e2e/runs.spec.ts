import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './support/host';
import {
  hasPhotos,
  photoProject,
  scriptedAgent,
  segmenter,
  useAgent,
  useSegmenter,
  withHook,
} from './workbench-support';

const hasAgent = existsSync(resolve(__dirname, '..', '..', 'resources', 'models', 'embedded-vlm.gguf'));
const pictures = process.env.MASKWRIGHT_PICTURES ?? 'test-results/pictures';
const photos = ['000000000030.jpg', '000000000071.jpg', '000000000072.jpg', '000000000086.jpg'];

const openRuns = async (page: Page): Promise<void> => {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Agent runs' }).click();
  await expect(page.getByRole('heading', { name: 'Agent runs' })).toBeVisible();
};

test('a replay of the sample’s recordings lands in the queue, without any model', async ({ page }) => {
  await withHook(page);
  await openRuns(page);
  await expect(page.getByText('No run yet')).toBeVisible();
  const preview = page.getByRole('region', { name: 'What it would do' });
  // Without a model the form says so, and where to set one up.
  await page.getByLabel('Query', { exact: true }).fill('anything');
  await page.getByText('All', { exact: true }).first().click();
  if (!hasAgent) {
    await expect(preview).toContainText('No agent is set up.');
    await expect(page.getByRole('button', { name: 'Start' })).toBeDisabled();
  }
  await page.getByText('Replay of recordings', { exact: true }).click();
  await expect(preview).toContainText(/8 queries on \d+ images/);
  await page.screenshot({ path: join(pictures, 'runs-plan-dark.png') });
  await page.getByRole('button', { name: 'Start' }).click();
  const run = page.getByRole('article', { name: 'Replay of recordings' });
  await expect(run).toContainText('Done', { timeout: 30_000 });
  await expect(run).toContainText('8 to review');
  await page.screenshot({ path: join(pictures, 'runs-done-dark.png') });
  await run.getByRole('button', { name: 'Review' }).click();
  const queue = page.getByRole('complementary', { name: 'Review queue' });
  await expect(queue).toContainText('8 results wait');
  await expect(queue.getByRole('option', { selected: true })).toHaveCount(1);
});

test.describe('over photographs', () => {
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

  test('a file of queries is matched; the run is paused, killed, resumed and done', async ({
    host,
    page,
  }) => {
    test.setTimeout(150_000);
    const agent = await scriptedAgent(
      [
        { thought: 'A box.', name: 'segment_box', arguments: { x1: 250, y1: 250, x2: 750, y2: 750 } },
        { thought: 'Done.', name: 'finish', arguments: {} },
      ],
      600,
    );
    await withHook(page);
    await useSegmenter(page);
    await useAgent(page, agent.url);
    await openRuns(page);
    await page.getByText('From a file', { exact: true }).click();
    const lines = photos.flatMap((name) => [`${name},a thing,thing`, `${name},another thing,thing`]);
    await page.getByLabel('Choose a file…').setInputFiles({
      name: 'queries.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(['image,query,class', ...lines, 'missing.jpg,nothing,thing'].join('\n')),
    });
    const preview = page.getByRole('region', { name: 'What it would do' });
    await expect(preview).toContainText('8 queries on 4 images');
    await expect(preview).toContainText('1 row matches no image');
    await expect(preview).toContainText(/missing\.jpg\s*not found/);
    await page.screenshot({ path: join(pictures, 'runs-file-dark.png') });
    await page.getByRole('button', { name: 'Start' }).click();
    const run = page.getByRole('article', { name: 'queries.csv' });
    await expect(run).toContainText('Running');
    await expect(run).toContainText(/[1-7] of 8/, { timeout: 30_000 });
    await run.getByRole('button', { name: 'Pause' }).click();
    await expect(run).toContainText('Paused');
    await run.getByRole('button', { name: 'Resume' }).click();
    await expect(run).toContainText(/[2-7] of 8/, { timeout: 30_000 });

    // No word, no chance to store anything: what was done is there, the run waits to be resumed.
    await host.killEngine();
    await expect(run).toContainText('Paused', { timeout: 60_000 });
    await expect(run).toContainText('Interrupted');
    await expect(run).toContainText(/[2-7] of 8/);
    await page.screenshot({ path: join(pictures, 'runs-interrupted-dark.png') });
    await run.getByRole('button', { name: 'Resume' }).click();
    await expect(run).toContainText('Done', { timeout: 60_000 });
    await expect(run).toContainText('8 to review');

    await run.getByRole('button', { name: 'Review' }).click();
    const queue = page.getByRole('complementary', { name: 'Review queue' });
    await expect(queue).toContainText('8 results wait');
    // The class of the file is that of the annotation: nobody is asked.
    await page.waitForFunction(() => window.__maskwright?.status === 'ended');
    await page.keyboard.press('a');
    await expect(queue).toContainText('7 results wait');
    await page.waitForFunction(() => window.__maskwright?.status === 'ended');
    // The same box was found for the other query of that image.
    await expect(queue).toContainText('duplicate');
    await page.screenshot({ path: join(pictures, 'queue-duplicate-dark.png') });

    // An endpoint that is gone stops a run with one message, and blames no image for it.
    await agent.close();
    await openRuns(page);
    await page.getByText('One for all', { exact: true }).click();
    await page.getByLabel('Query', { exact: true }).fill('gone');
    await page.getByText('All', { exact: true }).first().click();
    await page.getByRole('button', { name: 'Start' }).click();
    const gone = page.getByRole('article', { name: 'gone' });
    await expect(gone).toContainText('Stopped by an error', { timeout: 30_000 });
    await expect(gone.getByRole('alert')).toContainText('Nothing answers at');
    await expect(gone).toContainText('0 of 4');
    await page.screenshot({ path: join(pictures, 'runs-gone-dark.png') });
  });
});

test('pages and queue in light and in a small window', async ({ page }) => {
  await withHook(page);
  await page.evaluate(() => {
    localStorage.setItem('maskwright.preferences', JSON.stringify({ theme: 'light' }));
  });
  await page.reload();
  await withHook(page);
  await openRuns(page);
  await page.getByText('Replay of recordings', { exact: true }).click();
  await page.getByText('All', { exact: true }).first().click();
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByRole('article')).toContainText('Done', { timeout: 30_000 });
  await page.screenshot({ path: join(pictures, 'runs-light.png') });
  await page.setViewportSize({ width: 1024, height: 640 });
  await page.screenshot({ path: join(pictures, 'runs-small-light.png') });
  await page.getByRole('article').getByRole('button', { name: 'Review' }).click();
  await page.waitForFunction(() => window.__maskwright?.status === 'ended');
  await page.getByRole('button', { name: 'Filter and order' }).click();
  await expect(page.getByRole('combobox', { name: 'Order' })).toBeVisible();
  await page.waitForTimeout(1000);
  await page.screenshot({ path: join(pictures, 'queue-small-light.png') });
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole('combobox', { name: 'Order' }).selectOption('Most disagreement');
  await page.waitForFunction(() => window.__maskwright?.status === 'ended');
  await page.waitForTimeout(1000);
  await page.screenshot({ path: join(pictures, 'queue-light.png') });
});
