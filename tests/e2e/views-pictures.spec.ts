import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import sharp from 'sharp';
import { en } from '../../src/renderer/text/en';
import { zhCn } from '../../src/renderer/text/zh-CN';
import { coco20 } from '../support/shared-data';
import { expect, test } from './support/host';
import {
  clickImage,
  episodeStatus,
  hasPhotos,
  imageReady,
  openImage,
  type Point,
  scriptedAgent,
  toScreen,
  useAgent,
  withHook,
} from './workbench-support';

/**
 * Pictures of every view in both themes for docs/views.md, on the sample's photographs (their licences and sources:
 * resources/samples/first-steps/ATTRIBUTION.csv). Run with MASKWRIGHT_SCREENSHOTS=1.
 */

const folder = resolve(__dirname, '..', '..', 'docs', 'screenshots');
const large = { width: 1280, height: 800 };
const small = { width: 1024, height: 640 };

test.skip(process.env.MASKWRIGHT_SCREENSHOTS === undefined, 'only on demand');
test.skip(({ kind }) => kind !== 'web', 'one host is enough');
test.skip(!hasPhotos, 'needs the annotations of ../shared');
test.setTimeout(600_000);

/** COCO's numbers of the sample's photographs, in the order of the list. */
const numbers: Record<string, number> = {
  'bus.jpg': 471,
  'cake.jpg': 92,
  'dirt-bike.jpg': 529,
  'flowers.jpg': 30,
  'giraffes.jpg': 72,
  'motorcycle.jpg': 86,
  'scissors.jpg': 165,
  'teddy-bear.jpg': 491,
};

/** A photograph that the sample does not have. */
const absent = 71;

let scratch = '';
test.beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  scratch = await mkdtemp(join(tmpdir(), 'maskwright-views-'));
});
test.afterAll(() => rm(scratch, { recursive: true, force: true }));

/** The window without the offer of a tour. */
async function open(page: Page, size = large): Promise<void> {
  await page.setViewportSize(size);
  await page.evaluate(() => localStorage.setItem('maskwright.tour', 'seen'));
  await page.reload();
  await withHook(page);
  await imageReady(page);
  await thumbnails(page);
}

/** Pictures of lists that are in sight have come. */
async function thumbnails(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    [...document.querySelectorAll('img')].every((image) => image.complete || image.loading === 'lazy'),
  );
}

const themeChoice = (page: Page): Locator => {
  const name = en.project.theme;
  return page.getByRole('group', { name }).or(page.getByRole('radiogroup', { name }));
};

/** Both themes of what the window shows; `rest`: where the cursor is meanwhile, its place otherwise. */
async function shoot(page: Page, name: string, rest: Point | 'here' = { x: 4, y: 4 }): Promise<void> {
  for (const theme of ['dark', 'light'] as const) {
    // Where the theme is chosen, the choice has to agree with what the picture shows.
    const choice = themeChoice(page).getByText(en.project.themes[theme], { exact: true });
    if (rest !== 'here') {
      if (await choice.isVisible()) await choice.click();
      await page.mouse.move(rest.x, rest.y);
    }
    await page.evaluate((wanted) => {
      document.documentElement.dataset.theme = wanted;
    }, theme);
    await thumbnails(page);
    // Transitions and the canvas.
    await page.waitForTimeout(700);
    const shot = await page.screenshot();
    // Full colour at half the bytes of a palette, whose dithering photographs do not take well.
    await sharp(shot)
      .webp({ quality: 85, smartSubsample: true })
      .toFile(join(folder, `${name}-${theme}.webp`));
  }
}

const go = (page: Page, title: string, text = en): Promise<void> =>
  page
    .getByRole('navigation', { name: text.pages.label })
    .getByRole('button', { name: title, exact: true })
    .click();
const agentPanel = (page: Page): Locator => page.getByRole('region', { name: 'Agent', exact: true });

async function chooseClass(page: Page, name: string): Promise<void> {
  const picker = page.getByRole('dialog').getByRole('combobox');
  await expect(picker).toBeVisible();
  await picker.fill(name);
  await page.keyboard.press('Enter');
  await expect(picker).toBeHidden();
}

async function stepMode(page: Page, image: RegExp): Promise<void> {
  await openImage(page, image);
  await agentPanel(page).getByRole('radio', { name: 'Step' }).click();
  await agentPanel(page)
    .getByRole('button', { name: /Replay recorded turns/ })
    .first()
    .click();
  await episodeStatus(page, 'proposed');
}

async function toTheEnd(page: Page): Promise<void> {
  await expect
    .poll(
      async () => {
        const status = await page.evaluate(() => window.__maskwright?.status);
        if (status === 'proposed') await page.keyboard.press('Enter');
        return status;
      },
      { timeout: 60_000, intervals: [1000] },
    )
    .toBe('ended');
}

/** COCO's own masks of the sample's photographs, imported by the page. */
async function importMasks(page: Page): Promise<void> {
  const file = join(scratch, 'instances.json');
  if (!existsSync(file)) {
    const all = JSON.parse(await readFile(coco20.instances, 'utf8'));
    const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
    await writeFile(
      file,
      JSON.stringify({
        ...all,
        images: all.images.flatMap((image: { id: number; file_name: string }) => {
          const number = Number.parseInt(image.file_name, 10);
          const name = names.get(number);
          // One that is not there, for the report.
          return name ? [{ ...image, file_name: name }] : number === absent ? [image] : [];
        }),
        annotations: all.annotations.filter(
          ({ image_id }: { image_id: number }) => names.has(image_id) || image_id === absent,
        ),
      }),
    );
  }
  await go(page, en.pages.titles.import);
  await page.getByLabel('JSON file').fill(file);
  await page.getByRole('button', { name: 'Import', exact: true }).last().click();
  await expect(page.getByRole('heading', { name: /annotations on \d+ images/ })).toBeVisible();
}

/** The notice of what an import left out stays until somebody closes it. */
const closeNotice = (page: Page): Promise<void> =>
  page.getByRole('button', { name: en.app.dismiss }).first().click();

test('labelling: a ghost, the result, the accepted mask', async ({ page }) => {
  await open(page);
  await stepMode(page, /scissors/);
  await page.keyboard.press('Enter');
  await expect(agentPanel(page).getByRole('button', { name: 'Show turn 1' })).toBeVisible();
  await episodeStatus(page, 'proposed');
  await shoot(page, 'step');
  await page.setViewportSize(small);
  await shoot(page, 'step-small');
  await page.setViewportSize(large);
  await toTheEnd(page);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Accept as' })).toBeVisible();
  await page.keyboard.type('scissors');
  await shoot(page, 'class-picker');
  await page.keyboard.press('Enter');
  await episodeStatus(page, 'accepted');
  await expect(page.getByText(/^Saved/)).toBeVisible();
  await page.waitForTimeout(6000);
  await shoot(page, 'accepted');
});

test('turns: looking back, branches, comparing, explaining', async ({ page }) => {
  await open(page);
  const at = (x: number, y: number, label = 'positive') => ({
    name: 'add_point',
    arguments: { x, y, label },
  });
  const agent = await scriptedAgent([
    {
      thought: 'The rider and his motorcycle fill the middle of the picture; a box around the rider first.',
      name: 'segment_box',
      arguments: { x1: 190, y1: 60, x2: 820, y2: 900 },
    },
    { thought: 'The jacket belongs to the rider.', ...at(480, 300) },
    { thought: 'The front wheel does not.', ...at(420, 830, 'negative') },
    { thought: 'The mask covers the rider.', name: 'finish', arguments: {} },
  ]);
  await useAgent(page, agent.url);
  await openImage(page, /motorcycle/);
  await page.getByLabel('What to find in this image').fill('the rider');
  await page.keyboard.press('Escape');
  await page.keyboard.press('r');
  await episodeStatus(page, 'ended');
  const card = (node: string): Locator => agentPanel(page).locator(`li[data-node="${node}"]`);
  const look = (node: string): Promise<void> =>
    card(node)
      .getByRole('button', { name: /^Show turn/ })
      .click({ position: { x: 8, y: 8 } });
  await look('n2');
  await page.keyboard.press('p');
  await clickImage(page, { x: 250, y: 250 });
  await expect(agentPanel(page).getByText('Your point')).toBeVisible();
  await page.keyboard.press('v');
  await shoot(page, 'branches');
  await look('n2');
  await shoot(page, 'looking-back');
  await card('n2').getByRole('button', { name: en.timeline.editNumbers, exact: true }).click();
  await shoot(page, 'numbers');
  await page.getByRole('button', { name: 'Cancel' }).first().click();
  await card('n2').getByRole('button', { name: en.timeline.compare, exact: true }).click();
  await expect(page.getByRole('button', { name: en.timeline.closeCompare })).toBeVisible();
  await shoot(page, 'compare');
  await page.getByRole('button', { name: en.timeline.closeCompare }).click();
  await card('n2').getByRole('button', { name: en.timeline.explain, exact: true }).click();
  await expect(page.getByRole('button', { name: en.timeline.close, exact: true })).toBeVisible();
  await page.waitForTimeout(1500);
  await shoot(page, 'explain');
  await agent.close();
});

test('editing: brush, polygon, operations; the live preview', async ({ page }) => {
  await open(page);
  await importMasks(page);
  await closeNotice(page);
  await go(page, en.pages.titles.label);
  await openImage(page, /teddy-bear/);
  await expect
    .poll(() => page.evaluate(() => window.__maskwright?.annotations.length ?? 0))
    .toBeGreaterThan(0);
  await page.waitForTimeout(6000);
  await page.keyboard.press('v');
  await clickImage(page, { x: 300, y: 260 });
  await page.keyboard.press('e');
  const place = await toScreen(page, { x: 330, y: 200 });
  await page.mouse.move(place.x - 10, place.y);
  await page.mouse.move(place.x, place.y);
  await shoot(page, 'brush', 'here');
  await page.keyboard.press('g');
  await page.waitForTimeout(300);
  await shoot(page, 'polygon');
  await page.keyboard.press('v');
  await page
    .getByRole('toolbar', { name: 'Change the selected mask' })
    .getByRole('button', { name: 'Grow', exact: true })
    .click();
  await page.waitForTimeout(500);
  await shoot(page, 'operation');
  await page.keyboard.press('Escape');
  await openImage(page, /dirt-bike/);
  await page.keyboard.press('p');
  await expect(page.getByRole('group', { name: 'Segmenter at work' }).getByRole('status')).toHaveText(
    'Ready',
    { timeout: 60_000 },
  );
  const hover = await toScreen(page, { x: 205, y: 120 });
  await page.mouse.move(hover.x - 3, hover.y);
  await page.mouse.move(hover.x, hover.y);
  await page.waitForTimeout(2500);
  await shoot(page, 'live', 'here');
});

test('runs, review queue, settings of many', async ({ page }) => {
  await open(page);
  await page.keyboard.press('q');
  await page.waitForTimeout(500);
  await page.keyboard.press('Escape');
  await go(page, en.pages.titles.runs);
  await expect(page.getByText('No run yet')).toBeVisible();
  const agent = await scriptedAgent(
    [
      { thought: 'A box.', name: 'segment_box', arguments: { x1: 250, y1: 200, x2: 760, y2: 800 } },
      { thought: 'Done.', name: 'finish', arguments: {} },
    ],
    900,
  );
  await useAgent(page, agent.url);
  await page.getByLabel('Query', { exact: true }).fill('the largest thing');
  await page.getByText('All', { exact: true }).first().click();
  await expect(page.getByRole('region', { name: 'What it would do' })).toContainText(
    /(\d+) queries on \1 images/,
  );
  await shoot(page, 'runs-form');
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByText(/[2-6] of \d+/).first()).toBeVisible({ timeout: 60_000 });
  const running = page.getByRole('article').first();
  await running.getByRole('button', { name: 'Pause' }).click();
  await expect(running).toContainText('Paused');
  await shoot(page, 'runs-paused');
  await running.getByRole('button', { name: 'Resume' }).click();
  await expect(running).toContainText('Done', { timeout: 60_000 });
  await shoot(page, 'runs-done');
  await running.getByRole('button', { name: 'Review' }).click();
  await expect(page.getByRole('complementary', { name: 'Review queue' })).toContainText(/results wait/);
  await episodeStatus(page, 'ended');
  await page.waitForTimeout(1500);
  await shoot(page, 'queue');
  await page.keyboard.press('Shift+A');
  await expect(page.getByRole('region', { name: 'Accept from a score on' })).toBeVisible();
  await page.getByRole('slider', { name: 'Lowest score' }).fill('0.5');
  await page.waitForTimeout(500);
  await shoot(page, 'accept-many');
  await page.keyboard.press('Escape');
  await agent.close();
});

test('formats, objects, classes, filters, statistics', async ({ page }) => {
  await open(page);
  await go(page, en.pages.titles.import);
  await shoot(page, 'import');
  await importMasks(page);
  await shoot(page, 'import-report');
  await page.setViewportSize(small);
  await shoot(page, 'import-report-small');
  await closeNotice(page);
  await page.setViewportSize(large);
  await go(page, en.pages.titles.export);
  await page.getByRole('radio', { name: /^YOLO-seg/ }).click();
  await expect(page.getByText(/\d+ of \d+ masks change/)).toBeVisible();
  await page.waitForTimeout(800);
  await shoot(page, 'export');
  await go(page, en.pages.titles.classes);
  await page
    .getByRole('listbox')
    .or(page.getByRole('list', { name: en.classes.list }))
    .getByText('person')
    .first()
    .click();
  await shoot(page, 'classes');
  await go(page, en.pages.titles.label);
  await openImage(page, /bus/);
  await page.waitForTimeout(6000);
  await shoot(page, 'objects');
  await page.getByRole('button', { name: en.images.filter, exact: true }).click();
  await shoot(page, 'image-filters');
  await page.keyboard.press('Escape');
});

test('statistics and agreement', async ({ page }) => {
  await open(page);
  await page.keyboard.press('q');
  const queue = page.getByRole('complementary', { name: 'Review queue' });
  await expect(queue.getByRole('option', { selected: true })).toHaveCount(1);
  await episodeStatus(page, 'ended');
  await page.keyboard.press('a');
  await chooseClass(page, 'thing');
  for (let more = 0; more < 3; more++) {
    await page.waitForTimeout(800);
    await episodeStatus(page, 'ended');
    await page.keyboard.press(more === 1 ? 'n' : 'a');
  }
  await page.waitForTimeout(1000);
  await go(page, en.pages.titles.statistics);
  await expect(page.getByText(en.statistics.calls.title)).toBeVisible();
  await page.waitForTimeout(1000);
  await shoot(page, 'statistics');
  await importMasks(page);
  await closeNotice(page);
  await go(page, en.pages.titles.statistics);
  const section = page.getByRole('region', { name: en.statistics.agreement.title });
  await section.getByLabel(en.statistics.agreement.file).fill(join(scratch, 'instances.json'));
  await section.getByRole('button', { name: en.statistics.agreement.compare, exact: true }).click();
  await section.getByRole('listitem').first().waitFor();
  await section.getByRole('listitem').getByRole('button').first().click();
  await section.scrollIntoViewIfNeeded();
  await section.evaluate((element) => element.scrollIntoView({ block: 'start' }));
  await page.waitForTimeout(1000);
  await shoot(page, 'agreement');
});

test('settings, keys, palette, help, tour, empty states', async ({ page }) => {
  await open(page);
  await page.locator('#stage').focus();
  await page.keyboard.press('ControlOrMeta+k');
  await page.keyboard.type('mask');
  await shoot(page, 'palette');
  await page.keyboard.press('Escape');
  await page.locator('#stage').focus();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: en.keys.title })).toBeVisible();
  await shoot(page, 'keys');
  await page.keyboard.press('Escape');
  await page.locator('#stage').focus();
  await page.keyboard.press('F1');
  await expect(page.getByRole('dialog', { name: en.help.title })).toBeVisible();
  await shoot(page, 'help');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: en.models.details }).first().click();
  await shoot(page, 'models');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /Project menu/ }).click();
  await shoot(page, 'project-menu');
  await page.keyboard.press('Escape');
  await go(page, en.pages.titles.settings);
  for (const key of ['appearance', 'segmenter', 'keys'] as const) {
    const title = en.settings.sections[key];
    await page
      .getByRole('list', { name: en.settings.sectionsLabel })
      .getByRole('button', { name: title, exact: true })
      .click();
    await expect(page.getByRole('heading', { level: 2, name: title })).toBeVisible();
    await page.waitForTimeout(300);
    await shoot(page, `settings-${key}`);
  }
});

test('the tour, and Chinese', async ({ page }) => {
  await page.setViewportSize(large);
  await withHook(page);
  await imageReady(page);
  await page.getByRole('button', { name: en.tour.start }).click();
  await expect(page.getByRole('complementary', { name: en.tour.label })).toBeVisible();
  await shoot(page, 'tour');
  await page.evaluate(() => {
    localStorage.setItem('maskwright.language', 'zh-CN');
    localStorage.setItem('maskwright.tour', 'seen');
    location.hash = 'test';
  });
  await page.reload();
  await page.waitForFunction(() => window.__maskwright?.imageReady === true);
  await openImage(page, /scissors/);
  await page
    .getByRole('button', { name: new RegExp(zhCn.agent.replay) })
    .first()
    .click();
  await episodeStatus(page, 'proposed');
  await shoot(page, 'chinese');
  await page.setViewportSize(small);
  await shoot(page, 'chinese-small');
  await go(page, zhCn.pages.titles.export, zhCn);
  await page.waitForTimeout(800);
  await shoot(page, 'chinese-export');
});

test.describe('without images', () => {
  test.use({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
    project: async ({}, use) => {
      const empty = await mkdtemp(join(tmpdir(), 'maskwright-empty-'));
      await copyFile(
        resolve(__dirname, '..', '..', 'resources', 'samples', 'first-steps', 'images', 'cake.jpg'),
        join(empty, 'cake.jpg'),
      );
      await use(empty);
      await rm(empty, { recursive: true, force: true, maxRetries: 3 });
    },
  });

  test('empty states', async ({ page }) => {
    await open(page);
    await shoot(page, 'empty-image');
    await page.keyboard.press('q');
    await expect(page.getByText('Nothing waits for review')).toBeVisible();
    await shoot(page, 'empty-queue');
    await page.keyboard.press('q');
    await go(page, en.pages.titles.statistics);
    await page.waitForTimeout(600);
    await shoot(page, 'empty-statistics');
  });
});
