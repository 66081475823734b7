import { createHash } from 'node:crypto';
import type { Locator, Page } from '@playwright/test';
import sharp from 'sharp';
import { formatTurn } from '../../src/shared/tools/prompt-text';
import { parseTrajectory } from '../../src/shared/trajectory/migrations';
import type { Trajectory } from '../../src/shared/trajectory/schema';
import { acceptedPath, verdictOf } from '../../src/shared/trajectory/tree';
import { type FakeAnswer, type FakeOpenAi, fakeOpenAi, streamOf } from '../support/fake-openai';
import { expect, type Host, test } from './support/host';
import {
  type CocoFile,
  clickImage,
  drag,
  episodeStatus,
  exported,
  exportedMask,
  hasPhotos,
  openImage,
  photoProject,
  segmenter,
  shownMask,
  toScreen,
  useAgent,
  useSegmenter,
  withHook,
  zoomIn,
} from './workbench-support';

/** Looking through the agent's turns, and changing any of them, on a photograph with a real segmenter. */

const motorcycle = '000000000086.jpg';
const query = 'the rider';

test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) {
      await use(undefined);
      return;
    }
    const { folder, remove } = await photoProject([motorcycle, '000000000071.jpg']);
    await use(folder);
    await remove();
  },
});
test.skip(!hasPhotos || segmenter === null, 'needs the photographs and models of ../shared');

type Call = { name: string; arguments: Record<string, unknown> };
const box = (x1: number, y1: number, x2: number, y2: number): Call => ({
  name: 'segment_box',
  arguments: { x1, y1, x2, y2 },
});
const point = (x: number, y: number, label = 'positive'): Call => ({
  name: 'add_point',
  arguments: { x, y, label },
});
const finish: Call = { name: 'finish', arguments: {} };

function says(thought: string, call: Call): FakeAnswer {
  return { kind: 'message', message: { content: formatTurn(thought, call) } };
}

/** The coordinates are 0..1000 of a photograph of 512 × 640 pixels or so. */
const script = [
  says('The rider is in the upper half.', box(100, 100, 900, 900)),
  says('The middle of it belongs to the target.', point(480, 300)),
  says('The wheel does not.', point(500, 800, 'negative')),
  says('Done.', finish),
];

async function begin(page: Page, answers: FakeAnswer[]): Promise<FakeOpenAi> {
  const agent = await fakeOpenAi();
  agent.answers.push(...answers);
  await withHook(page);
  await useSegmenter(page);
  await useAgent(page, agent.url);
  await openImage(page, new RegExp(motorcycle));
  await page.getByLabel('What to find in this image').fill(query);
  await page.keyboard.press('Escape');
  return agent;
}

/** Lets the agent work by itself to its end. */
async function ran(page: Page, answers: FakeAnswer[] = script): Promise<FakeOpenAi> {
  const agent = await begin(page, answers);
  await page.keyboard.press('r');
  await episodeStatus(page, 'ended');
  return agent;
}

const panelOf = (page: Page): Locator => page.getByRole('region', { name: 'Agent', exact: true });
const card = (page: Page, node: string): Locator => panelOf(page).locator(`li[data-node="${node}"]`);
const slider = (page: Page): Locator => page.getByRole('slider', { name: 'Turn on the canvas' });

async function look(page: Page, node: string): Promise<void> {
  await card(page, node)
    .getByRole('button', { name: /^Show turn/ })
    .click({ position: { x: 8, y: 8 } });
  await expect(card(page, node).getByRole('button', { name: /^Show turn/ })).toHaveAttribute(
    'aria-current',
    'step',
  );
}

async function act(page: Page, node: string, name: string): Promise<void> {
  await look(page, node);
  await card(page, node).getByRole('button', { name, exact: true }).click();
}

async function recorded(host: Host, page: Page): Promise<Trajectory> {
  const lines = (await exported(host, page, /trajectories/)).trim().split('\n');
  const found = lines
    .map((line) => parseTrajectory(JSON.parse(line)))
    .find(({ header }) => header.query === query);
  if (!found) throw new Error('the episode was not recorded');
  return found;
}

function maskOf(trajectory: Trajectory, id: string): { size: [number, number]; counts: string } {
  const mask = trajectory.nodes.find((node) => node.id === id)?.observation?.objects[0]?.mask;
  if (!mask) throw new Error(`${id} has no mask`);
  return mask;
}

async function expectShown(page: Page, trajectory: Trajectory, id: string): Promise<void> {
  const { visible, masked } = await shownMask(page);
  const expected = exportedMask(maskOf(trajectory, id), visible);
  expect(expected.size).toBeGreaterThan(0);
  expect([...masked].sort()).toEqual([...expected].sort());
}

async function pixelSum(png: Buffer): Promise<string> {
  const pixels = await sharp(png).ensureAlpha().raw().toBuffer();
  return createHash('sha256').update(pixels).digest('hex');
}

async function acceptAs(page: Page, name: string): Promise<void> {
  await expect(page.getByRole('dialog', { name: 'Accept as' })).toBeVisible();
  await page.keyboard.type(name);
  await page.keyboard.press('Enter');
  await episodeStatus(page, 'accepted');
}

test('scrubs and plays: the canvas shows each turn as it was, and nothing is recorded', async ({
  host,
  page,
}) => {
  const agent = await ran(page);
  const before = await recorded(host, page);
  await slider(page).focus();
  await expect(slider(page)).toHaveValue('4');
  for (const value of ['3', '2', '1']) {
    await page.keyboard.press('ArrowLeft');
    await expect(slider(page)).toHaveValue(value);
  }
  await expect(page.getByText('Looking at turn 1.')).toBeVisible();
  await slider(page).blur();
  await zoomIn(page, { x: 230, y: 260 });
  await page.keyboard.press('b');
  await expectShown(page, before, 'n1');
  await page.getByRole('button', { name: 'Next turn' }).click();
  await expect(slider(page)).toHaveValue('2');
  await page.mouse.move(200, 300);
  await expectShown(page, before, 'n2');

  // Played to the end, and paused on the way.
  await page.getByLabel('Turns per second').selectOption('0.5');
  await page.getByRole('button', { name: 'Play the turns' }).click();
  await expect(slider(page)).toHaveValue('3');
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.waitForTimeout(2500);
  await expect(slider(page)).toHaveValue('3');
  await page.getByLabel('Turns per second').selectOption('4');
  await page.getByRole('button', { name: 'Play the turns' }).click();
  await expect(slider(page)).toHaveValue('4');
  await expect(page.getByRole('button', { name: 'Play the turns' })).toBeVisible();
  await episodeStatus(page, 'ended');
  expect(await recorded(host, page)).toEqual(before);
  await agent.close();
});

test('accepts up to a turn: its masks, whatever came later', async ({ host, page }) => {
  const agent = await ran(page);
  await look(page, 'n2');
  await page.getByRole('button', { name: 'Accept turn 2' }).click();
  await acceptAs(page, 'rider');
  const trajectory = await recorded(host, page);
  expect(trajectory.outcome).toMatchObject({ status: 'accepted', node: 'n2' });
  const coco = JSON.parse(await exported(host, page, /COCO/)) as CocoFile;
  expect(coco.annotations[0]?.segmentation).toEqual(maskOf(trajectory, 'n2'));
  await page.keyboard.press('Control+z');
  await episodeStatus(page, 'waiting');
  await agent.close();
});

test('corrects any turn on the canvas, by its sign and by its numbers, and switches between branches', async ({
  host,
  page,
}) => {
  const agent = await ran(page);
  // The box of turn 1 is dragged while three more turns lie behind it.
  await look(page, 'n1');
  const { width, height } = (await recorded(host, page)).header.image;
  await drag(page, { x: 0.9 * width, y: 0.9 * height }, { x: 0.7 * width, y: 0.6 * height });
  await expect(card(page, 'n5')).toBeVisible();
  await expect(card(page, 'n1')).toContainText('corrected by you');
  await expect(card(page, 'n1')).toContainText('3 later turns on this branch');

  // Back on the agent's branch with one click; its last turns, and the sign of one.
  await card(page, 'n1').getByRole('button', { name: 'Switch to this branch' }).click();
  await episodeStatus(page, 'ended');
  await act(page, 'n3', 'Change the sign of the point');
  await expect(card(page, 'n6')).toContainText('+');
  await expect(card(page, 'n3')).toContainText('corrected by you');

  // Numbers: wrong ones are named and cannot be run; image pixels are written in the agent's coordinates.
  await act(page, 'n2', 'Edit the numbers');
  const form = page.getByRole('region', { name: 'Turn 2 by numbers' });
  await form.getByRole('radio', { name: 'agent’s 0…1000' }).click();
  await expect(form.getByLabel('x', { exact: true })).toHaveValue('480');
  await form.getByLabel('y', { exact: true }).fill('1001');
  await expect(form.getByRole('alert')).toHaveText('y has to be 0 to 1000.');
  await expect(form.getByRole('button', { name: 'Run it here' })).toBeDisabled();
  await form.getByLabel('y', { exact: true }).fill('1.5');
  await expect(form.getByRole('alert')).toHaveText('y has to be a whole number here.');
  await form.getByRole('radio', { name: 'image pixels' }).click();
  await form.getByLabel('x', { exact: true }).fill(String(width / 2));
  await form.getByLabel('y', { exact: true }).fill(String(height / 4));
  await expect(form).toContainText('add_point 500 250 +');
  await form.getByLabel('y', { exact: true }).press('Enter');
  await expect(form).toBeHidden();
  await expect(card(page, 'n7')).toContainText('add_point 500 250 +');

  const trajectory = await recorded(host, page);
  expect(trajectory.nodes.find(({ id }) => id === 'n7')).toMatchObject({
    author: 'human',
    parent: 'n1',
    call: { name: 'add_point', arguments: { x: 500, y: 250, label: 'positive' } },
  });
  expect(verdictOf(trajectory, 'n2')).toMatchObject({ verdict: 'corrected', replacement: 'n7' });
  expect(verdictOf(trajectory, 'n5')?.verdict).toBe('accepted');
  await agent.close();
});

test('inserts and deletes calls; the later ones run again, and what could not is said', async ({
  host,
  page,
}) => {
  const agent = await ran(page);
  await act(page, 'n2', 'Insert a call before');
  await expect(page.getByText('Looking at turn 1.')).toBeVisible();
  const insert = page.getByRole('region', { name: 'Before turn 2' });
  await insert.getByLabel('Call').selectOption('add_point');
  await clickImage(page, { x: 200, y: 200 });
  await expect(page.getByText('Call inserted.')).toBeVisible();
  await expect(page.getByText('2 later calls ran again.', { exact: false })).toContainText(
    'finish: left out, the end is for you or the agent to decide anew.',
  );
  await episodeStatus(page, 'waiting');
  const inserted = await recorded(host, page);
  expect(
    acceptedPath(inserted).map(({ id, call, repeats, author }) => [id, call?.name, repeats, author]),
  ).toEqual([
    ['n1', 'segment_box', undefined, 'agent'],
    ['n5', 'add_point', undefined, 'human'],
    ['n6', 'add_point', 'n2', 'human'],
    ['n7', 'add_point', 'n3', 'human'],
  ]);
  await expect(card(page, 'n6')).toContainText('Run again by you, from turn 2');

  // The canvas shows what the new path gives.
  await page.keyboard.press('v');
  await zoomIn(page, { x: 230, y: 260 });
  await page.keyboard.press('b');
  await expectShown(page, inserted, 'n7');

  await act(page, 'n5', 'Delete this turn');
  await expect(page.getByText('Turn taken out; it stays as a branch.')).toBeVisible();
  await expect(card(page, 'n9')).toBeVisible();
  const removed = await recorded(host, page);
  expect(acceptedPath(removed).map(({ id }) => id)).toEqual(['n1', 'n8', 'n9']);
  expect(maskOf(removed, 'n9')).toEqual(maskOf(removed, 'n3'));

  // One gesture, one undo.
  await page.keyboard.press('Control+z');
  await expect(card(page, 'n7').getByRole('button', { name: /^Show turn/ })).toHaveAttribute(
    'aria-current',
    'step',
  );
  await page.keyboard.press('Control+z');
  await episodeStatus(page, 'ended');

  // The agent goes on from what the person made.
  await page.keyboard.press('Control+Shift+z');
  await episodeStatus(page, 'waiting');
  agent.answers.splice(0, agent.answers.length, says('Now it fits.', finish));
  await page.keyboard.press('h');
  await episodeStatus(page, 'ended');
  expect(acceptedPath(await recorded(host, page)).at(-1)).toMatchObject({
    author: 'agent',
    thought: 'Now it fits.',
    parent: 'n7',
  });
  await agent.close();
});

test('takes the pen and hands back at an earlier turn', async ({ host, page }) => {
  const agent = await ran(page);
  await act(page, 'n1', 'Take the pen from here');
  await episodeStatus(page, 'waiting');
  await page.keyboard.press('p');
  await clickImage(page, { x: 240, y: 250 });
  await expect(card(page, 'n5')).toContainText('Your point');
  agent.answers.splice(0, agent.answers.length, says('Yours is better.', finish));
  await page.keyboard.press('h');
  await episodeStatus(page, 'ended');
  expect(acceptedPath(await recorded(host, page)).map(({ id }) => id)).toEqual(['n1', 'n5', 'n6']);

  // Handing back at a turn: the agent goes on from there.
  agent.answers.splice(0, agent.answers.length, says('Again from the box.', finish));
  await act(page, 'n1', 'Let the agent go on from here');
  await expect(card(page, 'n7')).toContainText('Again from the box.');
  await agent.close();
});

test('a drawing at an earlier turn forks there, as one step of undo', async ({ page }) => {
  const agent = await ran(page);
  await look(page, 'n1');
  await page.keyboard.press('p');
  await clickImage(page, { x: 240, y: 250 });
  await expect(card(page, 'n5')).toContainText('Your point');
  await expect(card(page, 'n2')).toContainText('corrected by you');
  await page.keyboard.press('Control+z');
  await episodeStatus(page, 'ended');
  await agent.close();
});

test('notes why a call was rejected, and the agent is told', async ({ host, page }) => {
  const agent = await begin(page, script);
  await page.keyboard.press('ArrowRight');
  await episodeStatus(page, 'proposed');
  await page.keyboard.press('Backspace');
  await episodeStatus(page, 'waiting');
  const why = card(page, 'n1').getByRole('group', { name: 'Why was it rejected?' });
  await why.getByRole('button', { name: 'too large' }).click();
  await expect(card(page, 'n1')).toContainText('too large');
  await page.keyboard.press('ArrowRight');
  await episodeStatus(page, 'proposed');
  expect(JSON.stringify(agent.requests.at(-1)?.body)).toContain('Rejected by the person (too large)');
  await page.keyboard.press('Backspace');
  await card(page, 'n2').getByRole('textbox', { name: 'Another reason' }).fill('the left one');
  await page.keyboard.press('Enter');
  await expect(card(page, 'n2')).toContainText('the left one');
  await card(page, 'n2').getByRole('button', { name: 'Take the reason back' }).click();
  await expect(card(page, 'n2').getByRole('button', { name: 'Why?' })).toBeVisible();
  // Nothing ran so far, so there is no mask to accept; a box makes one.
  await page.keyboard.press('b');
  await drag(page, { x: 100, y: 100 }, { x: 330, y: 420 });
  await expect(card(page, 'n3')).toContainText('Your box');
  const trajectory = await recorded(host, page);
  expect(verdictOf(trajectory, 'n1')).toMatchObject({ verdict: 'rejected', reason: 'too large' });
  expect(verdictOf(trajectory, 'n2')).toMatchObject({ verdict: 'rejected', reason: null });
  await agent.close();
});

test('explains a turn with exactly what the endpoint was given', async ({ page }) => {
  const agent = await ran(page);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await act(page, 'n2', 'Explain: what the model was given');
  const explain = page.getByRole('region', { name: 'Turn 2: what the model was given' }).first();
  await expect(explain).toContainText('What the model was given, in this order.');
  await expect(explain.locator('img')).toHaveCount(2);
  const asked = agent.requests[1]?.body.messages as {
    content: string | { type: string; text?: string; image_url?: { url: string } }[];
  }[];
  const sent = asked.flatMap(({ content }) =>
    typeof content === 'string' ? [{ type: 'text', text: content }] : content,
  );
  const pictures = await explain.locator('img').evaluateAll((images) =>
    Promise.all(
      images.map(async (image) => {
        const picture = image as HTMLImageElement;
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
        const context = canvas.getContext('2d');
        context?.drawImage(picture, 0, 0);
        const pixels =
          context?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray();
        const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', pixels));
        return Array.from(sum, (byte) => byte.toString(16).padStart(2, '0')).join('');
      }),
    ),
  );
  const given = await Promise.all(
    sent.flatMap((part) => {
      const base64 = 'image_url' in part ? part.image_url?.url.split(',')[1] : undefined;
      return base64 ? [pixelSum(Buffer.from(base64, 'base64'))] : [];
    }),
  );
  expect(given).toHaveLength(2);
  expect(pictures).toEqual(given);
  const shown = ((await explain.textContent()) ?? '').replace(/\s+/g, ' ');
  for (const part of sent) {
    for (const line of (part.text ?? '').split('\n')) {
      const words = line
        .replace(/<\/?tool_response>/g, '')
        .replace(/\s+/g, ' ')
        .trim();
      // The caption that native calls need beside a picture, because only users may send one.
      if (words !== '' && words !== 'The view after this call.') expect(shown).toContain(words);
    }
  }
  await expect(explain).toContainText('122 prompt tokens (121 from the cache), 20 written');
  await expect(explain).toContainText('The middle of it belongs to the target.');
  await explain.getByRole('button', { name: 'Copy the text' }).click();
  await expect(page.getByText('Copied.')).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain('[system]');
  expect(copied).toContain(`Query: ${query}`);
  await page.keyboard.press('Escape');
  await expect(explain).toBeHidden();
  await agent.close();
});

test('compares two turns: overlay, IoU and what the agent saw', async ({ host, page }) => {
  const agent = await ran(page);
  await act(page, 'n3', 'Compare with another turn');
  const compare = page.getByRole('region', { name: 'Compare two turns' });
  await compare.getByLabel('Turn A', { exact: true }).selectOption('n1');
  await expect(compare.locator('img')).toHaveCount(2);
  const trajectory = await recorded(host, page);
  await page.keyboard.press('v');
  await zoomIn(page, { x: 230, y: 260 });
  const { visible, masked } = await shownMask(page);
  const a = exportedMask(maskOf(trajectory, 'n1'), visible);
  const b = exportedMask(maskOf(trajectory, 'n3'), visible);
  expect([...masked].sort()).toEqual([...new Set([...a, ...b])].sort());
  const text = await compare.textContent();
  expect(text).toMatch(/IoU of A and B (1\.0|\.\d\d)/);
  // The same turn on both sides agrees wholly.
  await compare.getByLabel('Turn B', { exact: true }).selectOption('n1');
  await expect(compare).toContainText('IoU of A and B 1.0');
  await page.keyboard.press('Escape');
  await expect(compare).toBeHidden();
  await agent.close();
});

test('shows the thought while it is written, and stops at once though the model does not answer', async ({
  host,
  page,
}) => {
  const whole = streamOf(
    { content: formatTurn('A slow and careful thought.', box(100, 100, 900, 900)) },
    'stop',
  );
  const agent = await begin(page, [{ kind: 'events', events: whole.slice(0, 9), thenHang: true }]);
  await page.keyboard.press('ArrowRight');
  await episodeStatus(page, 'thinking');
  const thinking = page.getByRole('region', { name: 'The agent thinks' });
  await expect(thinking).toContainText('A slow and careful');
  await expect(thinking).not.toContainText('<think');
  await page.keyboard.press('s');
  await episodeStatus(page, 'waiting');
  await expect(thinking).toBeHidden();

  // The person draws while the agent thinks again: the drawing is kept, the agent is broken off.
  await page.keyboard.press('ArrowRight');
  await episodeStatus(page, 'thinking');
  await page.keyboard.press('b');
  await drag(page, { x: 100, y: 100 }, { x: 330, y: 420 });
  await episodeStatus(page, 'waiting');
  await expect(card(page, 'n1')).toContainText('Your box');

  // A drawing that is under way when the agent is stopped is not lost either.
  await page.keyboard.press('ArrowRight');
  await episodeStatus(page, 'thinking');
  const [from, to] = [await toScreen(page, { x: 150, y: 150 }), await toScreen(page, { x: 300, y: 300 })];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.keyboard.press('s');
  await episodeStatus(page, 'waiting');
  await page.mouse.up();
  await expect(card(page, 'n2')).toContainText('Your box');
  const trajectory = await recorded(host, page);
  expect(trajectory.nodes.map(({ author }) => author)).toEqual(['human', 'human']);
  await agent.close();
});

test('an agent that is set up later goes on with the open episode, also after the engine was lost', async ({
  host,
  page,
}) => {
  await withHook(page);
  await useSegmenter(page);
  await openImage(page, new RegExp(motorcycle));
  await page.getByLabel('What to find in this image').fill(query);
  await page.keyboard.press('Escape');
  await page.keyboard.press('b');
  await drag(page, { x: 100, y: 100 }, { x: 330, y: 420 });
  await expect(card(page, 'n1')).toContainText('Your box');
  const agent = await fakeOpenAi();
  agent.answers.push(says('I go on from your box.', point(480, 300)));
  await useAgent(page, agent.url);
  await page.keyboard.press('h');
  await episodeStatus(page, 'proposed');
  await page.getByRole('region', { name: 'not run yet' }).getByRole('button', { name: 'Accept' }).click();
  await expect(card(page, 'n2')).toContainText('I go on from your box.');

  await host.killEngine();
  await expect(page.getByText('The engine is restarting', { exact: false })).toBeHidden({ timeout: 30_000 });
  await expect(card(page, 'n2')).toContainText('I go on from your box.');
  await page.keyboard.press('s');
  await look(page, 'n2');
  await page.keyboard.press('p');
  await clickImage(page, { x: 240, y: 250 });
  await expect(panelOf(page).getByText('Your point')).toBeVisible({ timeout: 30_000 });
  await agent.close();
});
