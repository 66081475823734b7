import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { makeBigProject } from '../bench/big-project';
import { coco20 } from '../support/shared-data';
import { expect, test } from './support/host';
import { seedProject } from './support/seed';
import { hasPhotos, imageReady, openImage, photoProject, withHook } from './workbench-support';

const names = ['000000000071.jpg', '000000000086.jpg', '000000000165.jpg', '000000000194.jpg'];

const list = (page: Page) => page.getByRole('listbox', { name: 'Images' });
const options = (page: Page) => list(page).getByRole('option');
const shownNames = async (page: Page): Promise<string[]> =>
  (await options(page).evaluateAll((all) => all.map((one) => one.getAttribute('aria-label') ?? ''))).map(
    (label) => label.split(',')[0] ?? '',
  );

test.skip(!hasPhotos, 'needs the photographs of ../shared');

test.describe('a few photographs', () => {
  test.use({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
    project: async ({}, use) => {
      if (!hasPhotos) return use(undefined);
      const { folder, remove } = await photoProject(names);
      const box = { x: 40, y: 40, width: 60, height: 60 };
      await seedProject({
        folder,
        names,
        classes: ['cup', 'plate'],
        masks: [
          { image: 1, category: 0, box },
          { image: 1, category: 1, box },
          { image: 2, category: 1, box },
        ],
      });
      await use(folder);
      await remove();
    },
  });

  test.beforeEach(async ({ page }) => {
    await withHook(page);
    await imageReady(page);
  });

  test('a note is saved when its field is left, a flag at once; both show in the list, are found and undone', async ({
    page,
  }) => {
    await openImage(page, new RegExp(names[2]!));
    await page.getByLabel('Note', { exact: true }).fill('The left one is cut off.');
    await openImage(page, new RegExp(names[0]!));
    await expect(options(page).filter({ has: page.locator('.mark') })).toHaveCount(1);
    await expect(page.getByRole('option', { name: new RegExp(`${names[2]}.*has a note`) })).toBeVisible();
    await page.getByRole('button', { name: 'Flag this image' }).click();
    await expect(page.getByRole('option', { name: new RegExp(`${names[0]}.*flagged`) })).toBeVisible();

    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByRole('button', { name: 'With a note' }).click();
    await expect.poll(() => shownNames(page)).toEqual([names[2]]);
    await page.keyboard.press('Escape');
    await openImage(page, new RegExp(names[2]!));
    await expect(page.getByLabel('Note', { exact: true })).toHaveValue('The left one is cut off.');
    await page.getByRole('button', { name: 'Remove filter: With a note' }).click();
    await expect(options(page)).toHaveCount(4);
    await page.locator('#stage').focus();
    await page.keyboard.press('Control+z');
    await expect(page.getByRole('option', { name: /flagged/ })).toHaveCount(0);
    await page.keyboard.press('Control+z');
    await expect(page.getByRole('option', { name: /has a note/ })).toHaveCount(0);
    await expect(page.getByLabel('Note', { exact: true })).toHaveValue('');
  });

  test('the list is filtered by class and masks, sorted, and Next stays within it', async ({ page }) => {
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByLabel('With the class').selectOption('plate');
    await expect.poll(() => shownNames(page)).toEqual([names[1], names[2]]);
    await page.getByLabel('Without the class').selectOption('cup');
    await expect.poll(() => shownNames(page)).toEqual([names[2]]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Remove all filters' }).click();
    await expect(options(page)).toHaveCount(4);
    await page.getByRole('button', { name: 'Sort' }).click();
    await page.getByRole('radio', { name: 'Number of masks' }).click();
    await page.getByLabel('Last first').check();
    await expect.poll(() => shownNames(page)).toEqual([names[1], names[2], names[3], names[0]]);
    await page.keyboard.press('Escape');
    // One is done; the next that is not comes after this one, then from the start.
    await openImage(page, new RegExp(names[2]!));
    await page.getByRole('button', { name: 'Mark done' }).click();
    await expect(page.getByRole('button', { name: 'Done', exact: true })).toBeVisible();
    await openImage(page, new RegExp(names[1]!));
    await page.keyboard.press('Space');
    await expect(page.getByRole('option', { name: new RegExp(names[3]!) })).toHaveAttribute(
      'aria-selected',
      'true',
    );
    await page.keyboard.press('Space');
    await expect(page.getByRole('option', { name: new RegExp(names[0]!) })).toHaveAttribute(
      'aria-selected',
      'true',
    );
  });
});

test.describe('a photograph that is damaged after it was imported', () => {
  let folder = '';
  test.use({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
    project: async ({}, use) => {
      if (!hasPhotos) return use(undefined);
      const made = await photoProject(names.slice(0, 2));
      folder = made.folder;
      await seedProject({ folder, names: names.slice(0, 2) });
      const file = join(folder, names[1]!);
      const bytes = await readFile(file);
      await writeFile(file, bytes.subarray(0, bytes.length / 2));
      await use(folder);
      await made.remove();
    },
  });

  test('is marked in the list with the reason, and read again when it was repaired', async ({ page }) => {
    await withHook(page);
    await imageReady(page);
    const broken = page.getByRole('option', { name: new RegExp(`${names[1]}.*cannot be read`) });
    await expect(broken).toBeVisible();
    await broken.click();
    const alert = page.getByRole('alert').filter({ hasText: 'cannot be read' });
    await expect(alert).toBeVisible();
    await alert.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByText('The image still cannot be read')).toBeVisible();
    await copyFile(join(coco20.images, names[1]!), join(folder, names[1]!));
    await alert.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByText('The image can be read again')).toBeVisible();
    await expect(broken).toHaveCount(0);
    await expect(options(page).nth(1).locator('img')).toBeVisible();
  });
});

test.describe('100,000 images', () => {
  test.use({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
    project: async ({}, use) => {
      if (!hasPhotos) return use(undefined);
      const folder = await mkdtemp(join(tmpdir(), 'maskwright-100000-'));
      const file = await makeBigProject(folder, { images: 100_000, picture: join(coco20.images, names[0]!) });
      await use(file);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  });

  test('are listed with few elements, reached at both ends, and the last open one is there again', async ({
    page,
  }) => {
    test.setTimeout(240_000);
    await withHook(page);
    await imageReady(page);
    const elements = () => page.evaluate(() => document.querySelectorAll('*').length);
    const before = await elements();
    await list(page).focus();
    await page.keyboard.press('End');
    const last = page.getByRole('option', { name: /photo-099999/ });
    await expect(last).toHaveAttribute('aria-selected', 'true');
    await expect(last).toBeInViewport();
    await imageReady(page);
    await page.reload();
    await withHook(page);
    await expect(last).toHaveAttribute('aria-selected', 'true');
    await expect(last).toBeInViewport();

    await page.getByRole('searchbox').fill('photo-05000');
    await expect(options(page)).toHaveCount(10);
    await page.getByRole('searchbox').fill('');
    await expect
      .poll(() => list(page).evaluate((element) => element.scrollHeight))
      .toBeGreaterThan(1_000_000);
    // A long look around leaves no more behind than a short one.
    for (const place of [0.1, 0.9, 0.3, 0.7, 0.5, 0.2, 0.8, 0.4, 0.6, 0]) {
      await list(page).evaluate((element, at) => {
        element.scrollTop = at * element.scrollHeight;
      }, place);
      const index = Math.floor(place * 100_000);
      await expect(
        page
          .getByRole('option', {
            name: new RegExp(`photo-${String(Math.floor(index / 100)).padStart(4, '0')}`),
          })
          .first(),
      ).toBeVisible();
    }
    expect(await elements()).toBeLessThan(before + 200);
    await page.getByRole('option', { name: /photo-000001/ }).click();
    await page.keyboard.press('Space');
    await expect(page.getByRole('option', { name: /photo-000002/ })).toHaveAttribute('aria-selected', 'true');
  });
});
