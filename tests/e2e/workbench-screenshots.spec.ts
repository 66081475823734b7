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

async function shootBoth(page: Page, name: string): Promise<void> {
  await shoot(page, name, 'dark');
  await shoot(page, name, 'light');
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

const pageNames = ['Agent runs', 'Classes', 'Statistics', 'Import', 'Export', 'Settings'];

test('pictures of every view', async ({ page }) => {
  test.setTimeout(400_000);
  await mkdir(folder, { recursive: true });
  await open(page);
  await openImage(page, /bus/);
  const stage = page.locator('#stage');
  const box = await stage.boundingBox();
  if (!box) throw new Error('no canvas');
  const at = (x: number, y: number): [number, number] => [box.x + box.width * x, box.y + box.height * y];

  await page.keyboard.press('e');
  await page.mouse.move(...at(0.35, 0.45));
  await page.mouse.down();
  await page.mouse.move(...at(0.6, 0.5), { steps: 8 });
  await page.mouse.up();
  const picker = page.getByRole('dialog').filter({ has: page.getByRole('textbox') });
  await picker.first().waitFor();
  await shootBoth(page, 'choose-category');
  await page.keyboard.type('bus');
  await page.keyboard.press('Enter');
  await expect(picker).toHaveCount(0);
  await shootBoth(page, 'brush');
  await page.keyboard.press('g');
  await shootBoth(page, 'corners');
  await page.keyboard.press('Escape');
  await page.keyboard.press('v');

  await page.keyboard.press('q');
  await shootBoth(page, 'review-queue');
  await page.getByRole('tab', { name: /Images/ }).click();

  for (const name of pageNames) {
    await page.locator('nav').getByRole('button', { name, exact: true }).click();
    await shootBoth(page, name.toLowerCase().replace(' ', '-'));
  }
  await page.locator('nav').getByRole('button', { name: 'Label', exact: true }).click();

  await page.keyboard.press('Control+k');
  await page.keyboard.type('mask');
  await shootBoth(page, 'palette');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await shootBoth(page, 'keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('F1');
  await shootBoth(page, 'help');
  await page.keyboard.press('Escape');

  await page.evaluate(() => localStorage.setItem('maskwright.language', 'zh-CN'));
  await page.reload();
  await withHook(page);
  await imageReady(page);
  await shoot(page, 'chinese', 'dark');
});
