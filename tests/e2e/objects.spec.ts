import type { Page } from '@playwright/test';
import { expect, test } from './support/host';
import { seedProject } from './support/seed';
import { clickImage, hasPhotos, imageReady, photoProject, toScreen, withHook } from './workbench-support';

const names = ['000000000071.jpg', '000000000086.jpg'];
const many = 1000;

test.skip(!hasPhotos, 'needs the photographs of ../shared');
test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) return use(undefined);
    const { folder, remove } = await photoProject(names);
    const box = (x: number, y: number, side = 80) => ({ x, y, width: side, height: side });
    await seedProject(
      {
        folder,
        names,
        classes: ['cup', 'plate', 'spoon'],
        masks: [
          { image: 0, category: 0, box: box(40, 40) },
          { image: 0, category: 1, box: box(80, 80) },
          { image: 0, category: 2, box: box(240, 40) },
          ...Array.from({ length: many }, (_, index) => ({
            image: 1,
            category: index % 3,
            box: box((index % 40) * 10, Math.floor(index / 40) * 10, 8),
          })),
        ],
      },
      (store) =>
        store.updateCategory(1, {
          attributes: [
            { name: 'occluded', kind: 'boolean', choices: [], default: null },
            { name: 'colour', kind: 'choice', choices: ['red', 'blue'], default: null },
            { name: 'handles', kind: 'number', choices: [], default: null },
          ],
        }),
    );
    await use(folder);
    await remove();
  },
});

const panel = (page: Page) => page.getByRole('region', { name: 'Objects' });
const rows = (page: Page) => panel(page).locator('.row');
const rowNames = (page: Page) => panel(page).locator('.row .pick .ellipsis').allTextContents();
const pick = (page: Page, name: string) => panel(page).getByRole('button', { name: new RegExp(`^${name}`) });

/** Colour of the canvas at a place of the image. */
async function colorAt(page: Page, place: { x: number; y: number }): Promise<number[]> {
  const { x, y } = await toScreen(page, place);
  return page.evaluate(
    ([left, top]) => {
      const canvas = document.querySelector<HTMLCanvasElement>('#stage canvas.lower-canvas');
      const box = canvas?.getBoundingClientRect();
      const context = canvas?.getContext('2d');
      if (!canvas || !box || !context) throw new Error('no canvas');
      const ratio = canvas.width / box.width;
      const { data } = context.getImageData(
        Math.round((left! - box.left) * ratio),
        Math.round((top! - box.top) * ratio),
        1,
        1,
      );
      return [...data];
    },
    [x, y],
  );
}

test.beforeEach(async ({ page }) => {
  await withHook(page);
  await imageReady(page);
  await expect(rows(page)).toHaveCount(3);
});

test('the eye hides a mask on the canvas and from clicks, Alt and the eye shows it alone, Show all brings all back', async ({
  page,
}) => {
  const inside = { x: 280, y: 80 };
  const masked = await colorAt(page, inside);
  await pick(page, 'spoon').hover();
  await panel(page).getByRole('button', { name: 'Hide spoon' }).click();
  await expect.poll(() => colorAt(page, inside)).not.toEqual(masked);
  await page.mouse.move(5, 5);
  await clickImage(page, inside);
  expect(await page.evaluate(() => window.__maskwright?.selectedId)).toBeNull();
  await panel(page).getByRole('button', { name: 'Show all' }).click();
  await expect.poll(() => colorAt(page, inside)).toEqual(masked);
  await clickImage(page, inside);
  await expect(pick(page, 'spoon')).toHaveAttribute('aria-pressed', 'true');

  await pick(page, 'cup').hover();
  await panel(page)
    .getByRole('button', { name: 'Hide cup' })
    .click({ modifiers: ['Alt'] });
  await expect(panel(page).getByRole('button', { name: /^Show (plate|spoon)$/ })).toHaveCount(2);
  await panel(page)
    .getByRole('button', { name: 'Hide cup' })
    .click({ modifiers: ['Alt'] });
  await expect(panel(page).getByRole('button', { name: /^Show (plate|spoon)$/ })).toHaveCount(0);
  // A way of looking is no step of undo, and is there again after a reload.
  await panel(page).getByRole('button', { name: 'Hide cup' }).click();
  await page.reload();
  await expect(panel(page).getByRole('button', { name: 'Show cup' })).toBeVisible();
});

test('a locked mask is not picked on the canvas and not deleted', async ({ page }) => {
  const inside = { x: 280, y: 80 };
  await clickImage(page, inside);
  await expect(pick(page, 'spoon')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('Alt+l');
  await expect(panel(page).getByRole('button', { name: 'Unlock spoon' })).toBeVisible();
  await page.keyboard.press('Delete');
  await expect(page.getByText('1 locked mask stays')).toBeVisible();
  await expect(rows(page)).toHaveCount(3);
  await page.keyboard.press('Escape');
  await clickImage(page, inside);
  expect(await page.evaluate(() => window.__maskwright?.selectedId)).toBeNull();
  await panel(page).getByRole('button', { name: 'Unlock spoon' }).click();
  await expect(panel(page).getByRole('button', { name: 'Lock spoon' })).toBeVisible();
  await page.locator('#stage').focus();
  await clickImage(page, inside);
  await page.keyboard.press('Delete');
  await expect(rows(page)).toHaveCount(2);
  await page.keyboard.press('Control+z');
  await expect(rows(page)).toHaveCount(3);
});

test('the order changes by keys and by dragging, the mask on top is the one that is picked, and undo puts it back', async ({
  page,
}) => {
  const overlap = { x: 100, y: 100 };
  expect(await rowNames(page)).toEqual(['spoon', 'plate', 'cup']);
  await clickImage(page, overlap);
  await expect(pick(page, 'plate')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('Control+[');
  await expect.poll(() => rowNames(page)).toEqual(['spoon', 'cup', 'plate']);
  await page.keyboard.press('Escape');
  await clickImage(page, overlap);
  await expect(pick(page, 'cup')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('Control+z');
  await expect.poll(() => rowNames(page)).toEqual(['spoon', 'plate', 'cup']);
  await pick(page, 'cup').dragTo(pick(page, 'spoon'), { targetPosition: { x: 40, y: 3 } });
  await expect.poll(() => rowNames(page)).toEqual(['cup', 'spoon', 'plate']);
  await page.reload();
  await expect.poll(() => rowNames(page)).toEqual(['cup', 'spoon', 'plate']);
});

test('several objects chosen with Shift and Ctrl change class, hide and go away together, each as one step', async ({
  page,
}) => {
  await pick(page, 'spoon').click();
  await pick(page, 'cup').click({ modifiers: ['Shift'] });
  await expect(panel(page).getByText('3 objects chosen')).toBeVisible();
  await pick(page, 'plate').click({ modifiers: ['Control'] });
  await expect(panel(page).getByText('2 objects chosen')).toBeVisible();
  await page.keyboard.press('2');
  await expect.poll(() => rowNames(page)).toEqual(['plate', 'plate', 'plate']);
  await page.keyboard.press('Control+z');
  await expect.poll(() => rowNames(page)).toEqual(['spoon', 'plate', 'cup']);

  await panel(page).getByRole('toolbar').getByRole('button', { name: 'Hide or show' }).click();
  await expect(panel(page).getByRole('button', { name: /^Show (cup|spoon)$/ })).toHaveCount(2);
  await panel(page).getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => rowNames(page)).toEqual(['plate']);
  await page.locator('#stage').focus();
  await page.keyboard.press('Control+z');
  await expect.poll(() => rowNames(page)).toEqual(['spoon', 'plate', 'cup']);
});

test('the attributes of the chosen object are asked as its class says, kept and undone', async ({ page }) => {
  await pick(page, 'cup').click();
  const form = panel(page).getByRole('region', { name: 'Attributes' });
  await form.getByLabel('colour').selectOption('blue');
  await form.getByLabel('occluded').selectOption('Yes');
  await form.getByLabel('handles').fill('two');
  await form.getByLabel('handles').press('Tab');
  await expect(page.getByText('A number is wanted.')).toBeVisible();
  await form.getByLabel('handles').fill('2');
  await form.getByLabel('handles').press('Tab');
  await page.reload();
  await pick(page, 'cup').click();
  await expect(form.getByLabel('handles')).toHaveValue('2');
  await expect(form.getByLabel('colour')).toHaveValue('blue');
  await expect(form.getByLabel('occluded')).toHaveValue('true');
  await page.locator('#stage').focus();
  await page.keyboard.press('Control+z');
  await expect(form.getByLabel('handles')).toHaveValue('');
  await expect(form.getByLabel('colour')).toHaveValue('blue');
});

test('colours go by object when asked', async ({ page }) => {
  const swatches = () =>
    rows(page)
      .locator('i')
      .evaluateAll((all) => all.map((one) => getComputedStyle(one).backgroundColor));
  const byClass = await swatches();
  await panel(page).getByRole('button', { name: 'A colour for each object' }).click();
  await expect.poll(swatches).not.toEqual(byClass);
  expect(new Set(await swatches()).size).toBe(3);
  await panel(page).getByRole('button', { name: 'A colour for each object' }).click();
  await expect.poll(swatches).toEqual(byClass);
});

test('a thousand objects are listed with few elements, and the one picked on the canvas comes into sight', async ({
  page,
}) => {
  await page.getByRole('option', { name: new RegExp(names[1]!) }).click();
  await imageReady(page);
  await expect(panel(page).getByText('1,000', { exact: true })).toBeVisible();
  expect(await rows(page).count()).toBeLessThan(40);
  await clickImage(page, { x: 4, y: 4 });
  const selected = panel(page).locator('.row.selected');
  await expect(selected).toBeInViewport();
  await expect(selected).toHaveAttribute('aria-posinset', '1000');
  expect(await rows(page).count()).toBeLessThan(40);
});
