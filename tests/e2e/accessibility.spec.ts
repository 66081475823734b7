import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { en } from '../../src/renderer/text/en';
import { zhCn } from '../../src/renderer/text/zh-CN';
import { expect, test } from './support/host';

/** Axe finds nothing serious on any page or panel, in both themes and languages; everything is reached by keyboard. */

test.skip(({ kind }) => kind !== 'web', 'the same page in both hosts');

const languages = { en, 'zh-CN': zhCn };
const looks = (Object.keys(languages) as (keyof typeof languages)[]).flatMap((language) =>
  (['dark', 'light'] as const).map((theme) => ({ language, theme })),
);

async function look(page: Page, language: string, theme: string): Promise<void> {
  await page.evaluate(
    ([tongue, colours]) => {
      localStorage.setItem('maskwright.language', tongue!);
      localStorage.setItem('maskwright.preferences', JSON.stringify({ theme: colours, motion: 'reduced' }));
    },
    [language, theme],
  );
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('lang', language);
  await expect(page.locator('html')).toHaveAttribute('data-theme', theme);
}

/** What is wrong, in a form that says where. */
async function serious(page: Page, where: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, any }) => `${where}: ${id} ${target.join(' ')} ${any[0]?.message ?? ''}`),
    );
}

for (const { language, theme } of looks) {
  const text = languages[language];

  test(`axe finds nothing serious: ${language}, ${theme}`, async ({ page }) => {
    test.setTimeout(240_000);
    await look(page, language, theme);
    const found: string[] = [];
    const check = async (where: string): Promise<void> => {
      found.push(...(await serious(page, where)));
    };
    await expect(page.getByRole('application')).toBeVisible();
    await expect(page.getByRole('img').or(page.locator('.list img')).first()).toBeVisible();
    await check('label');

    for (const [panel, name] of [
      ['project', new RegExp(text.project.menu)],
      ['models', text.models.details],
    ] as const) {
      await page.getByRole('button', { name }).first().click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await check(panel);
      await page.keyboard.press('Escape');
    }
    for (const [key, name] of [
      ['?', text.keys.title],
      ['F1', text.help.title],
      ['ControlOrMeta+k', text.palette.title],
    ] as const) {
      await page.locator('#stage').focus();
      await page.keyboard.press(key);
      await expect(page.getByRole('dialog', { name })).toBeVisible();
      await check(name);
      await page.keyboard.press('Escape');
      await expect(page.getByRole('dialog', { name })).toBeHidden();
    }
    await page.locator('#stage').focus();
    await page.keyboard.press('c');
    await expect(page.getByRole('dialog')).toBeVisible();
    await check('categories');
    await page.keyboard.press('Escape');

    await page.getByRole('button', { name: text.tour.start }).click();
    await expect(page.getByRole('complementary', { name: text.tour.label })).toBeVisible();
    await check('tour');
    await page.getByRole('button', { name: text.tour.end }).click();

    const rail = page.getByRole('navigation', { name: text.pages.label });
    for (const title of Object.values(text.pages.titles)) {
      const button = rail.getByRole('button', { name: title, exact: true });
      if ((await button.count()) === 0) continue;
      await button.click();
      await expect(button).toHaveAttribute('aria-current', 'page');
      await page.waitForTimeout(400);
      await check(title);
    }
    const sections = page.getByRole('list', { name: text.settings.sectionsLabel });
    for (const title of Object.values(text.settings.sections)) {
      await sections.getByRole('button', { name: title, exact: true }).click();
      await expect(page.getByRole('heading', { level: 2, name: title })).toBeVisible();
      await page.waitForTimeout(200);
      await check(`settings, ${title}`);
    }
    expect(found).toEqual([]);
  });
}

test('F6 goes round the parts of the window and comes back to where the focus was', async ({ page }) => {
  await expect(page.getByRole('application')).toBeVisible();
  const region = (): Promise<string> =>
    page.evaluate(() => {
      const parts = [...document.querySelectorAll('[data-regions] > *')];
      // The innermost: some parts hold parts.
      const holding = parts.filter((part) => part.contains(document.activeElement)).at(-1);
      return String(holding ? parts.indexOf(holding) : -1);
    });
  // Parts are told apart by their place, so all have to be there.
  let parts = -1;
  const areAllThere = async (): Promise<boolean> => {
    const before = parts;
    parts = await page.locator('[data-regions] > *').count();
    return parts === before;
  };
  await expect.poll(areAllThere, { intervals: [1000] }).toBe(true);
  const start = page.locator('#query');
  await start.focus();
  const seen: string[] = [await region()];
  for (let press = 0; press < 20; press++) {
    await page.keyboard.press('F6');
    const here = await region();
    if (here === seen[0]) break;
    seen.push(here);
  }
  expect(seen.length).toBeGreaterThanOrEqual(6);
  expect(new Set(seen).size).toBe(seen.length);
  await expect(start).toBeFocused();
  await page.keyboard.press('Shift+F6');
  expect(await region()).toBe(seen.at(-1));
});

test('what has the focus is shown to have it, and Escape gives the focus back', async ({ page }) => {
  await expect(page.getByRole('application')).toBeVisible();
  for (let press = 0; press < 12; press++) {
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => {
      const { activeElement } = document;
      if (!activeElement || activeElement === document.body) return 'nothing';
      const { outlineStyle, outlineWidth } = getComputedStyle(activeElement);
      return outlineStyle === 'none' || outlineWidth === '0px' ? activeElement.outerHTML.slice(0, 120) : '';
    });
    expect(outline).toBe('');
  }
  const menu = page.getByRole('button', { name: /Project menu/ });
  await menu.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(menu).toBeFocused();
  await page.keyboard.press('ControlOrMeta+k');
  await expect(page.getByRole('dialog', { name: 'Command palette' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(menu).toBeFocused();
});

test('a toolbar is one stop of Tab, and arrows go through it', async ({ page }) => {
  await expect(page.getByRole('application')).toBeVisible();
  const rail = page.getByRole('navigation', { name: 'Pages' });
  const stops = rail.locator('button[tabindex="0"], button:not([tabindex])');
  await expect(stops).toHaveCount(1);
  await rail.getByRole('button', { name: 'Label', exact: true }).focus();
  await page.keyboard.press('End');
  await expect(rail.getByRole('button', { name: 'Settings', exact: true })).toBeFocused();
  await expect(stops).toHaveCount(1);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Settings' })).toBeVisible();
});
