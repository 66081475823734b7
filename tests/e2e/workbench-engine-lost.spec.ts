import { expect, test } from './support/host';
import { clickImage, hasPhotos, imageReady, photoProject, withHook } from './workbench-support';

test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) {
      await use(undefined);
      return;
    }
    const { folder, remove } = await photoProject(['000000000071.jpg']);
    await use(folder);
    await remove();
  },
});

test('the window survives the end of the engine and goes on by itself', async ({ host, page }) => {
  test.skip(!hasPhotos, 'needs the photographs of ../shared');
  await withHook(page);
  await imageReady(page);
  await page.keyboard.press('g');
  for (const corner of [
    { x: 300, y: 200 },
    { x: 340, y: 190 },
    { x: 350, y: 236 },
  ]) {
    await clickImage(page, corner);
  }
  await host.killEngine();
  // What was being drawn is still there, and can be kept once the engine is back.
  await expect(page.getByText('The engine is restarting', { exact: false })).toBeHidden({ timeout: 30_000 });
  await page.keyboard.press('Enter');
  await page.keyboard.type('signal');
  await page.keyboard.press('Enter');
  await expect(
    page.getByRole('region', { name: 'Objects' }).getByRole('button', { name: /^signal/ }),
  ).toBeVisible({ timeout: 30_000 });
});
