import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, test } from './support/host';

/** What makes eight hours bearable: keys of one's own, the palette, settings that do something, help, the tour. */

test.skip(({ kind }) => kind !== 'web', 'the same page in both hosts');

const mod = 'ControlOrMeta';

async function ready(page: Page): Promise<void> {
  await expect(page.getByRole('application')).toBeVisible();
  await expect(page.locator('#query')).toBeEnabled();
}

async function openSection(page: Page, name: string): Promise<void> {
  await page.keyboard.press(`${mod}+,`);
  await page.getByRole('list', { name: 'Sections' }).getByRole('button', { name, exact: true }).click();
  await expect(page.getByRole('heading', { level: 2, name })).toBeVisible();
}

async function backToLabel(page: Page): Promise<void> {
  await page.getByRole('navigation').getByRole('button', { name: 'Label', exact: true }).click();
  await expect(page.getByRole('application')).toBeVisible();
}

function tool(page: Page, name: 'Box' | 'Polygon'): Locator {
  return page.getByRole('toolbar', { name: 'Tools' }).getByRole('button', { name: new RegExp(`^${name}`) });
}

test.describe('keys', () => {
  test('a key is changed, works at once and after a reload, is shown everywhere, and is taken back', async ({
    page,
  }) => {
    await ready(page);
    await openSection(page, 'Keys');
    await page.getByRole('button', { name: 'Change B of Box' }).click();
    await page.keyboard.press('j');
    await expect(page.getByRole('button', { name: 'Change J of Box' })).toBeFocused();

    for (const reloaded of [false, true]) {
      if (reloaded) await page.reload();
      else await backToLabel(page);
      await ready(page);
      await page.keyboard.press('b');
      await expect(tool(page, 'Box')).toHaveAttribute('aria-pressed', 'false');
      await page.keyboard.press('j');
      await expect(tool(page, 'Box')).toHaveAttribute('aria-pressed', 'true');
      await expect(tool(page, 'Box')).toHaveAttribute('title', 'Box (J)');
      await page.keyboard.press('Escape');
    }
    await page.keyboard.press('?');
    const sheet = page.getByRole('dialog', { name: 'Keys' });
    await sheet.getByRole('searchbox').fill('box');
    await expect(sheet.locator('dl div').filter({ hasText: 'Box' })).toContainText('J');
    await page.keyboard.press('Escape');

    await openSection(page, 'Keys');
    await page.getByRole('button', { name: 'Keys of Box as delivered' }).click();
    await expect(page.getByRole('button', { name: 'Change B of Box' })).toBeVisible();
  });

  test('a conflict names the other command; swapping and taking solve it, Escape changes nothing', async ({
    page,
  }) => {
    await ready(page);
    await openSection(page, 'Keys');
    const change = async (name: string, key: string): Promise<void> => {
      await page.getByRole('button', { name, exact: true }).click();
      await page.keyboard.press(key);
    };
    const conflict = page.getByRole('alertdialog');

    await change('Change B of Box', 'g');
    await expect(conflict).toHaveText(/G belongs to “Polygon”/);
    await page.keyboard.press('Escape');
    await expect(conflict).toBeHidden();
    await expect(page.getByRole('button', { name: 'Change B of Box' })).toBeFocused();

    await change('Change B of Box', 'g');
    await conflict.getByRole('button', { name: 'Swap' }).click();
    await expect(page.getByRole('button', { name: 'Change G of Box' })).toBeVisible();
    await expect(page.getByRole('button', { name: 'Change B of Polygon' })).toBeVisible();

    await change('Change G of Box', 'v');
    await expect(conflict).toHaveText(/V belongs to “Select”/);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('button', { name: 'Change V of Box' })).toBeVisible();
    await expect(page.getByRole('button', { name: /^Change .* of Select$/ })).toHaveCount(0);

    await backToLabel(page);
    await page.keyboard.press('v');
    await expect(tool(page, 'Box')).toHaveAttribute('aria-pressed', 'true');
    await page.keyboard.press('b');
    await expect(tool(page, 'Polygon')).toHaveAttribute('aria-pressed', 'true');
  });

  test('keys go to a file and come from one; another file changes nothing', async ({ page }, testInfo) => {
    await ready(page);
    await openSection(page, 'Keys');
    await page.getByRole('button', { name: 'Add a key for Box' }).click();
    await page.keyboard.press('Shift+j');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save to file' }).click();
    const file = testInfo.outputPath('keys.json');
    await (await download).saveAs(file);
    const written: unknown = JSON.parse(await readFile(file, 'utf8'));
    expect(written).toMatchObject({ format: 'maskwright-keys', keys: { 'draw.box': ['b', 'Shift+j'] } });

    await page.getByRole('button', { name: 'All as delivered' }).click();
    await expect(page.getByRole('button', { name: 'Change Shift+J of Box' })).toHaveCount(0);
    const input = page.locator('input[type=file]');
    const other = testInfo.outputPath('other.json');
    await writeFile(other, '{"format":"something else"}');
    await input.setInputFiles(other);
    await expect(page.getByText('This is no file of keys.')).toBeVisible();
    await input.setInputFiles(file);
    await expect(page.getByRole('button', { name: 'Change Shift+J of Box' })).toBeVisible();
  });
});

test.describe('the command palette', () => {
  test('finds commands, settings, help and images, by keyboard alone, and remembers what was used', async ({
    page,
  }) => {
    await ready(page);
    const palette = page.getByRole('dialog', { name: 'Command palette' });
    const active = palette.getByRole('option', { selected: true });
    const ask = async (words: string): Promise<void> => {
      await page.keyboard.press(`${mod}+k`);
      await expect(palette.getByRole('combobox')).toBeFocused();
      await page.keyboard.type(words);
    };

    await ask('polyg');
    await expect(active).toContainText('Polygon');
    await expect(active).toContainText('G');
    await page.keyboard.press('Enter');
    await expect(palette).toBeHidden();
    await expect(tool(page, 'Polygon')).toHaveAttribute('aria-pressed', 'true');

    await ask('giraffes');
    await expect(active).toContainText('giraffes');
    await page.keyboard.press('Enter');
    await expect(page.getByText('images/giraffes.jpg')).toBeVisible();

    await ask('storage');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 2, name: 'Storage' })).toBeVisible();

    // On this page the tools cannot be taken.
    await ask('polyg');
    await expect(active).toHaveAttribute('aria-disabled', 'true');
    await page.keyboard.press('Enter');
    await expect(palette).toBeVisible();
    await page.keyboard.press('Escape');

    await ask('help the canvas');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog', { name: 'Help' }).getByRole('heading', { level: 3 })).toHaveText(
      'The canvas',
    );
    await page.keyboard.press('Escape');

    await page.keyboard.press(`${mod}+k`);
    await expect(active).toContainText('The canvas');
    await page.keyboard.press('ArrowDown');
    await expect(active).toContainText('Storage');
    await page.keyboard.press('Escape');
  });

  test('opens from within a field, and says when nothing fits', async ({ page }) => {
    await ready(page);
    await page.locator('#query').fill('the bus');
    await page.keyboard.press(`${mod}+k`);
    await page.keyboard.type('qqqqzz');
    await expect(page.getByText('Nothing fits. Try fewer letters.')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.locator('#query')).toBeFocused();
    await expect(page.locator('#query')).toHaveValue('the bus');
  });
});

test.describe('settings', () => {
  test('appearance takes effect at once and after a reload', async ({ page }) => {
    await ready(page);
    await openSection(page, 'Appearance');
    const html = page.locator('html');
    const body = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).fontSize);
    const before = await body();
    await page.getByRole('radiogroup', { name: 'Theme' }).getByRole('radio', { name: 'Light' }).click();
    await expect(html).toHaveAttribute('data-theme', 'light');
    await page.getByRole('radiogroup', { name: 'Motion' }).getByRole('radio', { name: 'Reduced' }).click();
    await expect(html).toHaveAttribute('data-motion', 'reduced');
    await page
      .getByRole('radiogroup', { name: 'Interface size' })
      .getByRole('radio', { name: '125 %' })
      .click();
    expect(parseFloat(await body())).toBeCloseTo(parseFloat(before) * 1.25, 1);
    await page.reload();
    await expect(html).toHaveAttribute('data-theme', 'light');
    await expect(html).toHaveAttribute('data-motion', 'reduced');
    expect(parseFloat(await body())).toBeCloseTo(parseFloat(before) * 1.25, 1);
  });

  test('the language changes everything, numbers included, and changes back', async ({ page }) => {
    await ready(page);
    await page.getByRole('button', { name: /Project menu/ }).click();
    await page.getByRole('button', { name: '简体中文' }).click();
    await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
    await expect(page.getByRole('button', { name: '运行', exact: true })).toBeVisible();
    await expect(page.getByRole('navigation', { name: '页面' })).toBeVisible();
    await page.keyboard.press(`${mod}+,`);
    await expect(page.getByRole('heading', { level: 1, name: '设置' })).toBeVisible();
    await page.getByRole('radio', { name: 'English' }).click();
    await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  });

  test('the segmenter says where it runs and why; another provider is tried and kept', async ({
    page,
    host,
  }) => {
    await ready(page);
    await openSection(page, 'Segmenter');
    await expect(page.getByText('What really runs')).toBeVisible();
    await expect(page.getByText(/CPU · \d+ threads?/).first()).toBeVisible();
    await page.getByLabel('Execution provider').selectOption('cpu');
    await page.locator('main').getByRole('button', { name: 'Use' }).click();
    await expect(page.getByText('asked for cpu')).toBeVisible({ timeout: 60_000 });
    const stored: unknown = JSON.parse(await readFile(join(host.dataDir, 'settings.json'), 'utf8'));
    expect(stored).toMatchObject({ segmenter: 'embedded', provider: 'cpu' });
  });

  test('the caches are shown with their place and size, and are cleared', async ({ page, host }) => {
    await ready(page);
    await openSection(page, 'Storage');
    await expect(page.getByText(host.dataDir, { exact: true })).toBeVisible();
    const clear = page.getByRole('button', { name: 'Clear: Thumbnails' });
    // Thumbnails are made in the background; the section counts when it is opened.
    await expect(async () => {
      await openSection(page, 'About');
      await openSection(page, 'Storage');
      await expect(clear).toBeEnabled({ timeout: 2000 });
    }).toPass();
    await clear.click();
    await expect(page.locator('.place').filter({ hasText: 'Thumbnails' })).toContainText('0 B in 0 files');
    await expect(clear).toBeDisabled();
  });

  test('after accepting, the next image comes when that is wanted', async ({ page }) => {
    await ready(page);
    await openSection(page, 'Labelling');
    await page.getByRole('radio', { name: 'Go to the next one' }).click();
    await backToLabel(page);
    await page.getByRole('option', { name: /bus/ }).click();
    await page
      .getByRole('button', { name: /Replay recorded turns/ })
      .first()
      .click();
    const name = page.locator('footer .name');
    const first = await name.textContent();
    const accept = page.locator('[data-tour=decide] .primary');
    await expect
      .poll(
        async () => {
          if ((await name.textContent()) !== first) return 'next';
          if (await page.getByRole('dialog', { name: 'Accept as' }).isVisible()) {
            await page.keyboard.type('thing');
            await page.keyboard.press('Enter');
          } else if (await accept.isEnabled()) await accept.click();
          return 'first';
        },
        { timeout: 60_000, intervals: [400] },
      )
      .toBe('next');
  });
});

test.describe('help and the tour', () => {
  test('F1 explains the page that is shown', async ({ page }) => {
    await ready(page);
    const topic = page.getByRole('dialog', { name: 'Help' }).getByRole('heading', { level: 3 });
    await page.keyboard.press('F1');
    await expect(topic).toHaveText('Labelling');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect(topic).toHaveText('The agent');
    await page.keyboard.press('Escape');
    await page.keyboard.press(`${mod}+,`);
    await page.keyboard.press('F1');
    await expect(topic).toHaveText('Settings');
  });

  test('the tour is offered once, goes on by doing, blocks nothing and starts again from help', async ({
    page,
  }) => {
    await ready(page);
    const card = page.getByRole('complementary', { name: 'Tour' });
    await page.getByRole('button', { name: 'Take the tour' }).click();
    await expect(card).toContainText('Step 2 of 7');

    // Another scene is no photograph with recorded turns.
    await page.keyboard.press('ArrowDown');
    await expect(card).toContainText('Step 2 of 7');
    await page.getByRole('option', { name: /bus/ }).click();
    await expect(card).toContainText('Step 3 of 7');
    // In the list the arrows go from image to image.
    await page.locator('[data-tour=step]').click();
    await expect(card).toContainText('Step 4 of 7', { timeout: 30_000 });
    await page.keyboard.press('Enter');
    await expect(card).toContainText('Step 5 of 7', { timeout: 30_000 });
    await card.getByRole('button', { name: 'Skip this step' }).click();
    await expect(card).toContainText('Step 6 of 7');
    await card.getByRole('button', { name: 'End the tour' }).click();
    await expect(card).toBeHidden();

    await page.reload();
    await ready(page);
    await expect(page.getByRole('button', { name: 'Take the tour' })).toHaveCount(0);
    await page.keyboard.press('F1');
    await page.getByRole('dialog').getByRole('button', { name: 'Take the tour' }).click();
    await expect(card).toContainText('Step 2 of 7');
  });
});

test('a window of 1024 × 640 clips nothing, with long names and the largest size', async ({ page }) => {
  await page.setViewportSize({ width: 1024, height: 640 });
  await page.evaluate(() => localStorage.setItem('maskwright.preferences', JSON.stringify({ scale: 125 })));
  await page.reload();
  await ready(page);
  const outside = (): Promise<string[]> =>
    page.evaluate(() =>
      [...document.querySelectorAll('button, input, select, h1, h2, h3')]
        .filter((element) => {
          const box = element.getBoundingClientRect();
          // What scrolls may be further down, but nothing may stick out at the side.
          return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
        })
        .map((element) => element.outerHTML.slice(0, 100)),
    );
  expect(await outside()).toEqual([]);
  for (const title of ['Settings', 'Statistics', 'Classes', 'Import', 'Export', 'Agent runs']) {
    const button = page.getByRole('navigation').getByRole('button', { name: title, exact: true });
    if ((await button.count()) === 0) continue;
    await button.click();
    await page.waitForTimeout(300);
    expect(await outside(), title).toEqual([]);
  }
});
