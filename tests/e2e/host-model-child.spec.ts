import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyQwenVl } from '../support/tiny-gguf';
import { test as base, expect } from './support/host';
import { pictureFolder } from './support/pictures';
import { episodeStatus, useAgent, withHook } from './workbench-support';

const test = base.extend({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    const pictures = await pictureFolder(['apple.png']);
    await use(pictures.folder);
    await pictures.remove();
  },
});

test('a local model runs in a child of this host, and the next turn works after the child was killed', async ({
  host,
  page,
}) => {
  test.setTimeout(300_000);
  // A network of random weights writes as much as it may.
  const answerMs = 120_000;
  const folder = await mkdtemp(join(tmpdir(), 'maskwright-gguf-'));
  try {
    const { model, mmproj } = writeTinyQwenVl(folder);
    await withHook(page);
    await useAgent(page, `llama:${model},${mmproj}`);
    await page.getByRole('option').first().click();
    await page.getByLabel('What to find in this image').fill('the apple');
    await page.keyboard.press('Enter');
    await episodeStatus(page, 'proposed', answerMs);

    if (host.electron !== null) {
      const pid = await host.electron.evaluate(
        ({ app }) => app.getAppMetrics().find((process) => process.name === 'Maskwright model')?.pid,
      );
      expect(pid).toBeGreaterThan(0);
      process.kill(pid ?? 0, 'SIGKILL');
      await expect.poll(() => host.log()).toContain('model child ended');
    }
    await page.keyboard.press('Backspace');
    await episodeStatus(page, 'waiting');
    await page.getByRole('button', { name: /^Step/ }).last().click();
    await episodeStatus(page, 'proposed', answerMs);
    expect(await host.log()).not.toContain('the engine ended');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
