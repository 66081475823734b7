import { expect, test } from './support/host';
import {
  type CocoFile,
  clickImage,
  drag,
  episodeStatus,
  exported,
  exportedMask,
  hasPhotos,
  imageReady,
  openImage,
  photoProject,
  scriptedAgent,
  segmenter,
  shownMask,
  useAgent,
  useSegmenter,
  withHook,
  zoomIn,
} from './workbench-support';

const motorcycle = '000000000086.jpg';
const train = '000000000071.jpg';

/** Coordinates 0..1000, as the window configures an endpoint by default. */
const turns = [
  {
    thought: 'The box is too large.',
    name: 'segment_box',
    arguments: { x1: 100, y1: 100, x2: 900, y2: 900 },
  },
  {
    thought: 'The middle of it belongs to the target.',
    name: 'add_point',
    arguments: { x: 480, y: 300, label: 'positive' },
  },
  { thought: 'Done.', name: 'finish', arguments: {} },
];

test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) {
      await use(undefined);
      return;
    }
    const { folder, remove } = await photoProject([motorcycle, train, '000000000165.jpg']);
    await use(folder);
    await remove();
  },
});

test.describe('with a segmenter and an agent', () => {
  test.skip(!hasPhotos || segmenter === null, 'needs the photographs and models of ../shared');

  test('a person corrects a proposed call on the picture, accepts, undoes, redoes and exports', async ({
    host,
    page,
  }) => {
    const agent = await scriptedAgent(turns);
    await withHook(page);
    await useSegmenter(page);
    await useAgent(page, agent.url);
    await openImage(page, new RegExp(motorcycle));

    await page.getByLabel('What to find in this image').fill('the rider');
    await page.keyboard.press('Enter');
    await episodeStatus(page, 'proposed');
    const ghost = page.getByRole('region', { name: 'not run yet' });
    await expect(ghost).toContainText('The box is too large.');

    // The box is 51..461 × 64..576 in the pixels of the photograph; its lower right corner is pulled.
    await drag(page, { x: 461, y: 576 }, { x: 340, y: 420 });
    await episodeStatus(page, 'waiting');
    const panel = page.getByRole('region', { name: 'Agent' });
    await expect(panel.getByText('Your box')).toBeVisible();
    await expect(panel.getByText('corrected by you', { exact: false })).toBeVisible();
    await expect(panel.getByText('kept as a branch', { exact: false })).toBeVisible();

    await page.keyboard.press('h');
    await episodeStatus(page, 'proposed');
    await expect(ghost).toContainText('The middle of it');
    await page.keyboard.press('Enter');
    await expect(ghost).toContainText('Done.');
    await ghost.getByRole('button', { name: 'Accept' }).click();
    await episodeStatus(page, 'ended');

    // Enter asks for the category once.
    await page.keyboard.press('Enter');
    const picker = page.getByRole('dialog', { name: 'Accept as' });
    await expect(picker).toBeVisible();
    await page.keyboard.type('rider');
    await page.keyboard.press('Enter');
    await episodeStatus(page, 'accepted');
    const objects = page.getByRole('region', { name: 'Objects' });
    await expect(objects.getByRole('button', { name: /^rider/ })).toBeVisible();
    await expect(page.getByText(/^Saved \d\d:\d\d:\d\d$/)).toBeVisible();
    await expect(page.getByText('1 of 3 reviewed')).toBeVisible();

    await page.keyboard.press('Control+z');
    await expect(objects.getByText('Nothing accepted yet')).toBeVisible();
    await expect(page.getByText('0 of 3 reviewed')).toBeVisible();
    await page.keyboard.press('Control+Shift+z');
    await expect(objects.getByRole('button', { name: /^rider/ })).toBeVisible();

    await zoomIn(page, { x: 230, y: 260 });
    const { visible, masked } = await shownMask(page);
    const coco = JSON.parse(await exported(host, page, /COCO/)) as CocoFile;
    expect(coco.annotations).toHaveLength(1);
    const [annotation] = coco.annotations;
    expect(annotation?.attributes).toMatchObject({ author: 'human', query: 'the rider' });
    expect(coco.categories.map(({ name }) => name)).toContain('rider');
    const expected = exportedMask(annotation!.segmentation, visible);
    expect(expected.size).toBeGreaterThan(0);
    expect([...masked].sort()).toEqual([...expected].sort());

    const lines = (await exported(host, page, /trajectories/)).trim().split('\n');
    const trajectory = lines
      .map((line) => JSON.parse(line))
      .find(({ header }) => header.query === 'the rider');
    const rejected = trajectory.nodes.find(
      ({ observation }: { observation: unknown }) => observation === null,
    );
    const own = trajectory.nodes.find(({ author }: { author: string }) => author === 'human');
    expect(rejected).toMatchObject({ author: 'agent', call: { name: 'segment_box' } });
    expect(own).toMatchObject({ author: 'human', call: { name: 'segment_box' }, parent: rejected.parent });
    expect(trajectory.verdicts).toContainEqual(
      expect.objectContaining({ node: rejected.id, verdict: 'corrected', replacement: own.id }),
    );
    expect(trajectory.outcome).toMatchObject({ status: 'accepted', category: 'rider' });
    await agent.close();
  });

  test('recorded turns are replayed step by step, and one that ran is corrected', async ({ page }) => {
    const agent = await scriptedAgent(turns);
    await withHook(page);
    await useSegmenter(page);
    await useAgent(page, agent.url);
    await openImage(page, new RegExp(motorcycle));
    await page.getByLabel('What to find in this image').fill('the rider');
    await page.keyboard.press('Escape');
    await page.keyboard.press('r');
    await episodeStatus(page, 'ended');
    await page.keyboard.press('Enter');
    await page.keyboard.type('rider');
    await page.keyboard.press('Enter');
    await episodeStatus(page, 'accepted');

    await page.getByRole('button', { name: 'Models and devices' }).click();
    await page.getByRole('button', { name: 'Remove' }).click();
    await expect(page.getByRole('button', { name: 'Remove' })).toBeHidden();
    await page.keyboard.press('Escape');
    await agent.close();
    await page.getByRole('button', { name: 'New query' }).click();
    const panel = page.getByRole('region', { name: 'Agent' });
    await expect(panel.getByText('No agent model is installed.')).toBeVisible();
    await panel.getByRole('radio', { name: 'Step' }).click();
    await panel.getByRole('button', { name: 'Replay recorded turns: the rider' }).click();
    await episodeStatus(page, 'proposed');
    await page.keyboard.press('ArrowRight');
    await expect(page.getByRole('region', { name: 'not run yet' })).toContainText('The middle of it');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('region', { name: 'not run yet' })).toContainText('Done.');

    // Back to the first turn: the canvas shows it as it was, and its box can be dragged.
    await panel.getByRole('button', { name: 'Show turn 1' }).click();
    await expect(page.getByText('Looking at turn 1.')).toBeVisible();
    await drag(page, { x: 461, y: 576 }, { x: 400, y: 500 });
    await expect(panel.getByText('Your box')).toBeVisible();
    await expect(panel.getByText('corrected by you', { exact: false })).toBeVisible();
    await expect(panel.getByText(/later turns? on this branch/)).toBeVisible();
  });

  test('with the keyboard alone', async ({ page }) => {
    const agent = await scriptedAgent(turns);
    await withHook(page);
    await useSegmenter(page);
    await useAgent(page, agent.url);
    await imageReady(page);
    const first = await page.evaluate(() => window.__maskwright?.imageId);

    await page.keyboard.press('/');
    await page.keyboard.type('the train');
    await page.keyboard.press('Enter');
    await episodeStatus(page, 'proposed');
    await page.keyboard.press('x');
    for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Alt+Shift+ArrowUp');
    await expect(page.getByText('Run it here')).toBeVisible();
    await page.keyboard.press('Enter');
    await episodeStatus(page, 'waiting');
    await page.keyboard.press('ArrowRight');
    await episodeStatus(page, 'proposed');
    await page.keyboard.press('Backspace');
    await episodeStatus(page, 'waiting');
    await page.keyboard.press('c');
    await page.keyboard.type('train');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('button', { name: 'Category for accepted masks: train' })).toBeVisible();
    await page.keyboard.press('Enter');
    await episodeStatus(page, 'accepted');
    await page.keyboard.press('Space');
    await expect.poll(() => page.evaluate(() => window.__maskwright?.imageId)).not.toBe(first);
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog', { name: 'Keys' })).toBeHidden();
    await agent.close();
  });
});

test('a polygon needs no model, and what is exported is what was shown', async ({ host, page }) => {
  test.skip(!hasPhotos, 'needs the photographs of ../shared');
  await withHook(page);
  await openImage(page, new RegExp(train));
  await page.keyboard.press('g');
  for (const corner of [
    { x: 300.3, y: 200.6 },
    { x: 341, y: 190 },
    { x: 352.5, y: 236 },
    { x: 330, y: 221 },
    { x: 305, y: 243 },
    { x: 290, y: 260 },
  ]) {
    await clickImage(page, corner);
  }
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Enter');
  await page.keyboard.type('carriage');
  await page.keyboard.press('Enter');
  const carriage = page.getByRole('region', { name: 'Objects' }).getByRole('button', { name: /^carriage/ });
  await expect(carriage).toBeVisible();
  // The mask and its new class are one step.
  await page.keyboard.press('Control+z');
  await expect(carriage).toBeHidden();
  await expect(page.getByRole('button', { name: 'Undo', exact: true })).toBeDisabled();
  await page.keyboard.press('Control+Shift+z');
  await expect(carriage).toBeVisible();
  await page.keyboard.press('v');
  await zoomIn(page, { x: 325, y: 218 });
  const { visible, masked } = await shownMask(page);
  const coco = JSON.parse(await exported(host, page, /COCO/)) as CocoFile;
  const [annotation] = coco.annotations;
  const expected = exportedMask(annotation!.segmentation, visible);
  expect(annotation?.attributes.author).toBe('human');
  // All of it is in sight, so every pixel is compared.
  expect(expected.size).toBe(annotation?.area);
  expect([...masked].sort()).toEqual([...expected].sort());

  await page.keyboard.press('Escape');
  await clickImage(page, { x: 320, y: 205 });
  await page.keyboard.press('Delete');
  await expect(page.getByText('Nothing accepted yet')).toBeVisible();
  await page.keyboard.press('Control+z');
  await expect(carriage).toBeVisible();
});

test('decisions are there again after the app was closed', async ({ host, page }) => {
  test.skip(!hasPhotos, 'needs the photographs of ../shared');
  await withHook(page);
  await openImage(page, new RegExp(train));
  await page.keyboard.press('d');
  await expect(page.getByText('1 of 3 reviewed')).toBeVisible();
  const again = await host.restart();
  await expect(again.getByText('1 of 3 reviewed')).toBeVisible();
});
