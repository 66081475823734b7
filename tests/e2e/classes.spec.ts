import type { Page } from '@playwright/test';
import { expect, test } from './support/host';
import { seedProject } from './support/seed';
import { hasPhotos, imageReady, photoProject, withHook } from './workbench-support';

const names = ['000000000071.jpg', '000000000086.jpg'];
const long = 'a class name that goes on and on '.repeat(7).slice(0, 200).trimEnd();

test.skip(!hasPhotos, 'needs the photographs of ../shared');
test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) return use(undefined);
    const { folder, remove } = await photoProject(names);
    const box = { x: 40, y: 40, width: 60, height: 60 };
    await seedProject({
      folder,
      names,
      classes: ['cup', 'plate', 'spoon'],
      masks: [
        { image: 0, category: 0, box },
        { image: 0, category: 0, box: { ...box, x: 140 } },
        { image: 1, category: 1, box },
      ],
    });
    await use(folder);
    await remove();
  },
});

const classes = (page: Page) => page.getByRole('region', { name: 'Classes' });
const rows = (page: Page) => classes(page).locator('.row');
const rowNames = (page: Page) => classes(page).locator('.row .pick').allTextContents();
const row = (page: Page, name: string) =>
  rows(page).filter({ has: page.getByRole('button', { name, exact: true }) });
const pick = (page: Page, name: string) => classes(page).getByRole('button', { name, exact: true });
const details = (page: Page, name: string) =>
  page.getByRole('complementary', { name: `Settings of ${name}` });

test.beforeEach(async ({ page }) => {
  await withHook(page);
  await imageReady(page);
  await page.getByRole('button', { name: 'Classes' }).click();
  await expect(rows(page)).toHaveCount(3);
});

test('classes are listed with counts, searched, added, renamed in place and undone', async ({ page }) => {
  await expect(row(page, 'cup')).toContainText('2');
  await page.getByLabel('Search classes').fill('spo');
  await expect(rows(page)).toHaveCount(1);
  await page.getByLabel('Search classes').fill('');
  await page.getByLabel('Name of the new class').fill('fork');
  await page.keyboard.press('Enter');
  await expect.poll(() => rowNames(page)).toEqual(['cup', 'plate', 'spoon', 'fork']);
  await pick(page, 'fork').press('F2');
  await page.getByLabel('Name', { exact: true }).fill('pitchfork');
  await page.keyboard.press('Enter');
  await expect.poll(() => rowNames(page)).toEqual(['cup', 'plate', 'spoon', 'pitchfork']);
  // A name that is taken is refused with a way out.
  await pick(page, 'pitchfork').dblclick();
  await page.getByLabel('Name', { exact: true }).fill('cup');
  await page.keyboard.press('Enter');
  await expect(page.getByText('There is a class “cup” already.')).toBeVisible();
  await expect(pick(page, 'pitchfork')).toBeFocused();
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+z');
  await expect.poll(() => rowNames(page)).toEqual(['cup', 'plate', 'spoon']);
});

test('colour, hotkey and supercategory are changed, and the digit chooses the class', async ({ page }) => {
  await pick(page, 'spoon').click();
  const form = details(page, 'spoon');
  await form.getByRole('button', { name: '#882255' }).click();
  await expect(row(page, 'spoon').locator('i')).toHaveCSS('background-color', 'rgb(136, 34, 85)');
  await form.getByLabel('Supercategory').fill('cutlery');
  await form.getByLabel('Supercategory').press('Tab');
  await expect(row(page, 'spoon')).toContainText('cutlery');
  await form.getByLabel('Hotkey').selectOption('1');
  await expect(row(page, 'spoon').locator('kbd')).toHaveText('1');
  await expect(row(page, 'cup').locator('kbd')).toHaveCount(0);

  await page.getByRole('button', { name: 'Label', exact: true }).click();
  const objects = page.getByRole('region', { name: 'Objects' });
  await objects.getByRole('button', { name: /^cup/ }).first().click();
  await page.keyboard.press('1');
  await expect(objects.getByRole('button', { name: /^spoon/ })).toBeVisible();
});

test('the order changes by dragging and by keys', async ({ page }) => {
  await row(page, 'spoon').dragTo(row(page, 'cup'), { targetPosition: { x: 60, y: 4 } });
  await expect.poll(() => rowNames(page)).toEqual(['spoon', 'cup', 'plate']);
  await pick(page, 'spoon').press('Alt+ArrowDown');
  await expect.poll(() => rowNames(page)).toEqual(['cup', 'spoon', 'plate']);
  await expect(pick(page, 'spoon')).toBeFocused();
  await page.keyboard.press('Control+z');
  await expect.poll(() => rowNames(page)).toEqual(['spoon', 'cup', 'plate']);
});

test('classes are merged, and deleted with another class for their masks; undo brings both back', async ({
  page,
}) => {
  await pick(page, 'cup').click();
  await details(page, 'cup').getByRole('button', { name: 'Merge into…' }).click();
  await details(page, 'cup').getByLabel('Class that they get').selectOption('plate');
  await details(page, 'cup').getByRole('button', { name: 'Merge', exact: true }).click();
  await expect(page.getByText('2 masks are “plate” now')).toBeVisible();
  await expect(row(page, 'plate')).toContainText('3');
  await expect.poll(() => rowNames(page)).toEqual(['plate', 'spoon']);

  await details(page, 'plate').getByRole('button', { name: 'Delete class' }).click();
  await expect(details(page, 'plate').getByText('3 masks have this class.')).toBeVisible();
  await details(page, 'plate').getByLabel('Class that they get').selectOption('spoon');
  await details(page, 'plate').getByRole('button', { name: 'Delete', exact: true }).click();
  await expect.poll(() => rowNames(page)).toEqual(['spoon']);
  await expect(row(page, 'spoon')).toContainText('3');
  await pick(page, 'spoon').focus();
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+z');
  await expect.poll(() => rowNames(page)).toEqual(['cup', 'plate', 'spoon']);
  await expect(row(page, 'cup')).toContainText('2');
});

test('attributes of a class are made and asked of its objects', async ({ page }) => {
  await pick(page, 'cup').click();
  const form = details(page, 'cup').getByRole('region', { name: 'Attributes' });
  await form.getByRole('button', { name: 'Add attribute' }).click();
  await form.getByRole('textbox', { name: 'Attribute' }).fill('state');
  await form.getByLabel('Kind').selectOption('Choice');
  await expect(form.getByText('offers nothing to choose')).toBeVisible();
  await expect(form.getByRole('button', { name: 'Save attributes' })).toBeDisabled();
  await form.getByLabel('Choices, one a line').fill('full\nempty');
  await form.getByLabel('Default').selectOption('empty');
  await form.getByRole('button', { name: 'Save attributes' }).click();
  await expect(form.getByRole('button', { name: 'Save attributes' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Label', exact: true }).click();
  const objects = page.getByRole('region', { name: 'Objects' });
  await objects.getByRole('button', { name: /^cup/ }).first().click();
  await objects.getByLabel('state').selectOption('full');
  await page.reload();
  await objects.getByRole('button', { name: /^cup/ }).first().click();
  await expect(objects.getByRole('region', { name: 'Attributes' })).toBeVisible();
});

test('a class name of 200 characters breaks nothing', async ({ page }) => {
  await page.setViewportSize({ width: 1024, height: 640 });
  await page.getByLabel('Name of the new class').fill(long);
  await page.keyboard.press('Enter');
  await expect(rows(page)).toHaveCount(4);
  const inside = async (): Promise<void> => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(wide).toBe(false);
    const outside = await page.evaluate(
      () =>
        [...document.querySelectorAll('button, input, select')].filter((element) => {
          const { left, right, width } = element.getBoundingClientRect();
          return width > 0 && (left < -1 || right > innerWidth + 1);
        }).length,
    );
    expect(outside).toBe(0);
  };
  await inside();
  await page.getByRole('button', { name: 'Label', exact: true }).click();
  const objects = page.getByRole('region', { name: 'Objects' });
  await objects.getByRole('button', { name: /^cup/ }).first().click();
  await page.keyboard.press('4');
  await expect(objects.getByRole('button', { name: new RegExp(`^${long}`) })).toBeVisible();
  await inside();
  await page.keyboard.press('c');
  await inside();
});
