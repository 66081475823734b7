import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './support/host';
import { episodeStatus, imageReady, openImage, withHook } from './workbench-support';

/** Pictures of the window for the README, made with the sample project. Run with MASKWRIGHT_SCREENSHOTS=1. */

const folder = resolve(__dirname, '..', '..', 'docs', 'screenshots');

test.skip(process.env.MASKWRIGHT_SCREENSHOTS === undefined, 'only on demand');
test.skip(({ kind }) => kind !== 'web', 'one host is enough');

async function shoot(page: Page, name: string, theme: 'dark' | 'light'): Promise<void> {
  await page.evaluate((wanted) => {
    document.documentElement.dataset.theme = wanted;
    if (document.activeElement instanceof HTMLElement && document.activeElement.closest('dialog') === null)
      document.activeElement.blur();
  }, theme);
  await page.mouse.move(720, 880);
  // Thumbnails and previews.
  await page.waitForLoadState('networkidle');
  await page.waitForTimeout(1200);
  await page.screenshot({ path: `${folder}/${name}-${theme}.png` });
}

/** The window without the offer of a tour. */
async function open(page: Page): Promise<void> {
  await page.evaluate(() => localStorage.setItem('maskwright.tour', 'seen'));
  await page.reload();
  await withHook(page);
  await imageReady(page);
}

test('pictures for the README', async ({ page }) => {
  await mkdir(folder, { recursive: true });
  await open(page);
  await openImage(page, /scissors/);
  const panel = page.getByRole('region', { name: 'Agent' });
  await panel.getByRole('radio', { name: 'Step' }).click();
  await panel
    .getByRole('button', { name: /Replay recorded turns/ })
    .first()
    .click();
  await episodeStatus(page, 'proposed');
  await shoot(page, 'proposal', 'dark');
  await page.keyboard.press('Enter');
  await expect(panel.getByRole('button', { name: 'Show turn 1' })).toBeVisible();
  await episodeStatus(page, 'proposed');
  await shoot(page, 'step', 'dark');
  await shoot(page, 'step', 'light');
  await page.setViewportSize({ width: 1024, height: 640 });
  await shoot(page, 'small', 'dark');
  await page.setViewportSize({ width: 1440, height: 900 });
  for (let turn = 0; turn < 8; turn++) {
    if ((await page.evaluate(() => window.__maskwright?.status)) === 'ended') break;
    await page.keyboard.press('Enter');
    await page.waitForTimeout(1500);
  }
  await episodeStatus(page, 'ended');
  await shoot(page, 'result', 'dark');
  await page.keyboard.press('Enter');
  await page.waitForTimeout(300);
  if (await page.getByRole('dialog', { name: 'Accept as' }).isVisible()) {
    await page.keyboard.type('object');
    await page.keyboard.press('Enter');
  }
  await episodeStatus(page, 'accepted');
  await shoot(page, 'accepted', 'dark');
  await shoot(page, 'accepted', 'light');
});
