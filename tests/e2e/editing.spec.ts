import type { Page } from '@playwright/test';
import type {} from '../../src/renderer/lib/test-hook-types';
import type { Size } from '../../src/shared/geometry/types';
import { isInStroke } from '../../src/shared/mask/brush';
import { decodePlaced, encodePlaced, type PlacedMask } from '../../src/shared/mask/placed';
import { decodeMask, mergeRles, type Rle, rleArea, rleIntersectionUnion } from '../../src/shared/mask/rle';
import { splitMask } from '../../src/shared/mask/split';
import { expect, test } from './support/host';
import {
  type CocoFile,
  clickImage,
  drag,
  episodeStatus,
  exported,
  exportedMask,
  hasPhotos,
  openImage,
  type Point,
  photoProject,
  segmenter,
  shownMask,
  toScreen,
  useSegmenter,
  withHook,
  zoomIn,
} from './workbench-support';

/** Masks changed by hand on real photographs: every tool and operation, its undo, and the pixels that come out. */

/** 640 × 426 and 427 × 640 pixels, in this order. */
const train = '000000000071.jpg';
const tall = '000000000072.jpg';

test.skip(!hasPhotos, 'needs the photographs of ../shared');

test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  project: async ({}, use) => {
    if (!hasPhotos) {
      await use(undefined);
      return;
    }
    const { folder, remove } = await photoProject([train, tall]);
    await use(folder);
    await remove();
  },
});

test.beforeEach(async ({ page }) => {
  await withHook(page);
  await openImage(page, new RegExp(train));
});

interface Shown {
  id: number;
  mask: Rle;
  area: number;
  author: string;
}

function annotations(page: Page): Promise<Shown[]> {
  return page.evaluate(() =>
    (window.__maskwright?.annotations ?? []).map(({ id, mask, area, author }) => ({
      id,
      mask,
      area,
      author,
    })),
  );
}

async function count(page: Page, wanted: number): Promise<void> {
  await expect.poll(async () => (await annotations(page)).length).toBe(wanted);
}

async function only(page: Page): Promise<Shown> {
  const [one, ...rest] = await annotations(page);
  expect(rest).toHaveLength(0);
  if (!one) throw new Error('no mask');
  return one;
}

/** Waits until the only mask is another one than before. */
async function changed(page: Page, before: Shown): Promise<Shown> {
  await expect.poll(async () => (await annotations(page))[0]?.mask.counts).not.toBe(before.mask.counts);
  return only(page);
}

async function undoTo(page: Page, before: Shown): Promise<void> {
  await page.keyboard.press('Control+z');
  await expect.poll(async () => (await annotations(page))[0]?.mask.counts).toBe(before.mask.counts);
}

/** Paints along places of the image, which are rounded to whole pixels of the screen; gives the places that were meant. */
async function stroke(
  page: Page,
  points: readonly Point[],
  button: 'left' | 'right' = 'left',
): Promise<Point[]> {
  const reached: Point[] = [];
  for (const [index, point] of points.entries()) {
    const screen = await toScreen(page, point);
    const at = { x: Math.round(screen.x), y: Math.round(screen.y) };
    const origin = await toScreen(page, { x: 0, y: 0 });
    const zoom = await page.evaluate(() => window.__maskwright?.zoom ?? 1);
    reached.push({ x: (at.x - origin.x) / zoom, y: (at.y - origin.y) / zoom });
    if (index === 0) {
      await page.mouse.move(at.x, at.y);
      await page.mouse.down({ button });
    } else await page.mouse.move(at.x, at.y, { steps: 1 });
  }
  await page.mouse.up({ button });
  return reached;
}

async function nameClass(page: Page, name: string): Promise<void> {
  await expect(page.getByRole('dialog', { name: 'Accept as' })).toBeVisible();
  await page.keyboard.type(name);
  await page.keyboard.press('Enter');
}

/** A new mask: a closed square of brush strokes with a hole in it. */
async function paintFrame(page: Page): Promise<Shown> {
  await page.keyboard.press('e');
  await stroke(page, [
    { x: 300, y: 180 },
    { x: 380, y: 180 },
    { x: 380, y: 240 },
    { x: 300, y: 240 },
    { x: 300, y: 180 },
  ]);
  await nameClass(page, 'window');
  await count(page, 1);
  return only(page);
}

const operation = (page: Page, name: string) =>
  page.getByRole('toolbar', { name: 'Change the selected mask' }).getByRole('button', { name, exact: true });

/** The pixels that the rule of the brush gives for a line. */
function ruled(points: readonly Point[], radius: number, size: Size): Set<string> {
  const found = new Set<string>();
  for (let i = 1; i < points.length; i++) {
    for (let y = 0; y < size.height; y++) {
      for (let x = 0; x < size.width; x++) {
        if (isInStroke(points[i - 1]!, points[i]!, radius, x + 0.5, y + 0.5)) found.add(`${x},${y}`);
      }
    }
  }
  return found;
}

function pixelsOf(mask: Rle): Set<string> {
  const { width, data } = decodeMask(mask);
  const found = new Set<string>();
  data.forEach((value, i) => {
    if (value === 1) found.add(`${i % width},${Math.floor(i / width)}`);
  });
  return found;
}

function differs(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  return [...[...a].filter((place) => !b.has(place)), ...[...b].filter((place) => !a.has(place))];
}

/** Image pixels on which the edit layer shows something now. */
async function livePixels(page: Page): Promise<Set<string>> {
  const places = await page.evaluate(() => {
    const hook = window.__maskwright;
    const canvas = document.querySelector<HTMLCanvasElement>('#stage canvas.edit-layer');
    const context = canvas?.getContext('2d');
    if (!hook || !canvas || !context) throw new Error('no edit layer');
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
    const place = canvas.getBoundingClientRect();
    const ratio = width / place.width;
    const origin = hook.toScreen({ x: 0, y: 0 });
    const found: string[] = [];
    for (let y = 0; ; y++) {
      const sy = Math.floor((origin.y + (y + 0.5) * hook.zoom - place.top) * ratio);
      if (sy >= height) break;
      for (let x = 0; sy >= 0; x++) {
        const sx = Math.floor((origin.x + (x + 0.5) * hook.zoom - place.left) * ratio);
        if (sx >= width) break;
        if (sx >= 0 && (data[(sy * width + sx) * 4 + 3] ?? 0) > 0) found.push(`${x},${y}`);
      }
    }
    return found;
  });
  return new Set(places);
}

test('what is painted is what is shown and what is exported', async ({ host, page }) => {
  await zoomIn(page, { x: 320, y: 200 });
  await page.keyboard.press('e');
  await expect(page.getByText('New mask')).toBeVisible();
  const line = await stroke(page, [
    { x: 300, y: 190 },
    { x: 330, y: 205 },
    { x: 318, y: 222 },
  ]);
  await nameClass(page, 'carriage');
  await count(page, 1);
  const first = await only(page);
  expect(first.author).toBe('human');
  // Size 24: every pixel whose centre is at most 12 from the line, and no other.
  expect(differs(pixelsOf(first.mask), ruled(line, 12, { width: 640, height: 426 }))).toEqual([]);

  // A second stroke changes the same mask; while it is painted the layer shows its very pixels.
  await expect(page.getByText('Editing: carriage')).toBeVisible();
  const at = await toScreen(page, { x: 345, y: 190 });
  await page.mouse.move(at.x, at.y);
  await page.mouse.down();
  const to = await toScreen(page, { x: 352, y: 215 });
  await page.mouse.move(to.x, to.y, { steps: 5 });
  await page.waitForTimeout(100);
  const live = await livePixels(page);
  await page.mouse.up();
  const second = await changed(page, first);
  expect(live.size).toBe(second.area);
  expect(differs(live, pixelsOf(second.mask))).toEqual([]);

  await page.keyboard.press('v');
  await page.keyboard.press('Escape');
  await page.mouse.move(to.x, 890);
  const { visible, masked } = await shownMask(page);
  const coco = JSON.parse(await exported(host, page, /COCO/)) as CocoFile;
  const [annotation] = coco.annotations;
  const expected = exportedMask(annotation!.segmentation, visible);
  expect(expected.size).toBe(second.area);
  expect(differs(masked, expected)).toEqual([]);
  expect(annotation!.segmentation.counts).toBe(second.mask.counts);
});

test('a first stroke and its new class are one step of undo', async ({ page }) => {
  const undo = page.getByRole('button', { name: 'Undo', exact: true });
  const drawn = await paintFrame(page);
  await page.keyboard.press('Control+z');
  await count(page, 0);
  // Nothing is left to take back: the class went with the stroke.
  await expect(undo).toBeDisabled();
  await page.keyboard.press('Control+Shift+z');
  await count(page, 1);
  expect((await only(page)).mask).toEqual(drawn.mask);
  await expect(
    page.getByRole('region', { name: 'Objects' }).getByRole('button', { name: /^window/ }),
  ).toBeVisible();
});

test('the eraser takes away, Alt turns brush and eraser round, and a stroke is one step back', async ({
  page,
}) => {
  const frame = await paintFrame(page);
  await page.keyboard.press('Shift+E');
  await stroke(page, [
    { x: 290, y: 210 },
    { x: 310, y: 210 },
  ]);
  const erased = await changed(page, frame);
  expect(erased.area).toBeLessThan(frame.area);
  expect(rleIntersectionUnion(erased.mask, frame.mask).union).toBe(frame.area);

  await page.keyboard.down('Alt');
  await stroke(page, [
    { x: 330, y: 210 },
    { x: 350, y: 210 },
  ]);
  await page.keyboard.up('Alt');
  const painted = await changed(page, erased);
  expect(painted.area).toBeGreaterThan(erased.area);
  expect(rleIntersectionUnion(painted.mask, erased.mask).intersection).toBe(erased.area);

  await undoTo(page, erased);
  await undoTo(page, frame);
  await page.keyboard.press('Control+Shift+z');
  await expect.poll(async () => (await only(page)).mask.counts).toBe(erased.mask.counts);

  // Wholly erased, the mask is deleted, and that is one step too.
  await page.getByRole('slider', { name: 'Size' }).fill('200');
  await stroke(page, [
    { x: 280, y: 200 },
    { x: 400, y: 220 },
  ]);
  await count(page, 0);
  await page.keyboard.press('Control+z');
  await count(page, 1);
  expect((await only(page)).mask.counts).toBe(erased.mask.counts);
});

test('brackets and Alt with the wheel change the size, and the ring shows it', async ({ page }) => {
  await page.keyboard.press('e');
  const at = await toScreen(page, { x: 320, y: 200 });
  await page.mouse.move(at.x, at.y);
  const ring = page.locator('#stage .brush-ring');
  const size = async (): Promise<number> => (await ring.boundingBox())?.width ?? 0;
  const zoom = await page.evaluate(() => window.__maskwright?.zoom ?? 1);
  expect(await size()).toBeCloseTo(24 * zoom, 0);
  await page.keyboard.press(']');
  await expect(page.getByText('28 px')).toBeVisible();
  expect(await size()).toBeCloseTo(28 * zoom, 0);
  await page.keyboard.press('[');
  await page.keyboard.down('Alt');
  await page.mouse.wheel(0, -120);
  await page.keyboard.up('Alt');
  await expect(page.getByText('28 px')).toBeVisible();
  expect(await page.evaluate(() => window.__maskwright?.zoom)).toBe(zoom);
});

test('operations show what they would do, are made by Enter and taken back by one undo', async ({ page }) => {
  const frame = await paintFrame(page);
  await page.keyboard.press('v');

  await operation(page, 'Fill holes').click();
  await expect(page.getByText(/\d → \d/)).toBeVisible();
  expect((await only(page)).mask.counts).toBe(frame.mask.counts);
  await page.keyboard.press('Escape');
  await expect(operation(page, 'Fill holes')).toBeVisible();
  await operation(page, 'Fill holes').click();
  await page.keyboard.press('Enter');
  const filled = await changed(page, frame);
  expect(filled.area).toBeGreaterThan(frame.area);
  await undoTo(page, frame);

  for (const [name, larger] of [
    ['Grow', true],
    ['Shrink', false],
  ] as const) {
    await operation(page, name).click();
    await page.getByRole('slider', { name: 'Pixels' }).fill('4');
    await page.keyboard.press('Enter');
    const after = await changed(page, frame);
    expect(after.area > frame.area).toBe(larger);
    await undoTo(page, frame);
  }

  await operation(page, 'Smooth').click();
  await page.getByRole('slider', { name: 'Radius' }).fill('12');
  await page.getByRole('button', { name: /^Apply/ }).click();
  await changed(page, frame);
  await undoTo(page, frame);

  // A second part, far from the first.
  await page.keyboard.press('e');
  await stroke(page, [
    { x: 200, y: 200 },
    { x: 220, y: 200 },
  ]);
  const two = await changed(page, frame);
  await page.keyboard.press('v');
  await operation(page, 'Keep the largest part').click();
  await page.keyboard.press('Enter');
  const largest = await changed(page, two);
  expect(largest.mask.counts).toBe(frame.mask.counts);
  await undoTo(page, two);

  await operation(page, 'Split into parts').click();
  await expect(page.getByText('2 masks')).toBeVisible();
  await page.keyboard.press('Enter');
  await count(page, 2);
  const parts = await annotations(page);
  expect(
    mergeRles(
      parts.map(({ mask }) => mask),
      'union',
    ).counts,
  ).toBe(two.mask.counts);
  expect(parts.reduce((sum, { area }) => sum + area, 0)).toBe(two.area);

  // And back together.
  await clickImage(page, { x: 210, y: 200 });
  await page.keyboard.down('Shift');
  await clickImage(page, { x: 340, y: 180 });
  await page.keyboard.up('Shift');
  await operation(page, 'Join selected masks').click();
  await page.keyboard.press('Enter');
  await count(page, 1);
  expect((await only(page)).mask.counts).toBe(two.mask.counts);
  await page.keyboard.press('Control+z');
  await count(page, 2);
  await undoTo(page, two);
});

test('other masks are subtracted, and a line cuts without losing a pixel', async ({ page }) => {
  const frame = await paintFrame(page);
  await page.getByRole('button', { name: 'Paint a new mask' }).click();
  await expect(page.getByText('New mask')).toBeVisible();
  await stroke(page, [
    { x: 290, y: 180 },
    { x: 340, y: 180 },
  ]);
  await count(page, 2);
  const line = (await annotations(page)).find(({ id }) => id !== frame.id);
  await page.keyboard.press('v');
  await operation(page, 'Subtract other masks').click();
  await page.keyboard.press('Enter');
  await expect
    .poll(async () => (await annotations(page)).find(({ id }) => id === line?.id)?.area)
    .toBeLessThan(line?.area ?? 0);
  const left = (await annotations(page)).find(({ id }) => id === line?.id);
  expect(rleIntersectionUnion(left!.mask, frame.mask).intersection).toBe(0);
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+z');
  await count(page, 1);

  await clickImage(page, { x: 340, y: 180 });
  await page.keyboard.press('k');
  await drag(page, { x: 340, y: 160 }, { x: 342, y: 262 });
  await count(page, 2);
  const halves = await annotations(page);
  expect(
    mergeRles(
      halves.map(({ mask }) => mask),
      'union',
    ).counts,
  ).toBe(frame.mask.counts);
  expect(halves.reduce((sum, { area }) => sum + area, 0)).toBe(frame.area);
  for (const { mask } of halves) expect(mask.counts).not.toBe(frame.mask.counts);
  await undoTo(page, frame);
});

const corners = (page: Page): Promise<Point[]> =>
  page.evaluate(() => [...(window.__maskwright?.corners ?? [])]);

test('corners of a mask are dragged, added and removed; holes are cut and parts added', async ({ page }) => {
  await page.keyboard.press('g');
  for (const corner of [
    { x: 280, y: 160 },
    { x: 400, y: 160 },
    { x: 400, y: 260 },
    { x: 280, y: 260 },
  ]) {
    await clickImage(page, corner);
  }
  await page.keyboard.press('Enter');
  await nameClass(page, 'wall');
  await count(page, 1);
  const drawn = await only(page);
  await page.keyboard.press('v');
  const middle = await toScreen(page, { x: 340, y: 210 });
  await page.mouse.dblclick(middle.x, middle.y);
  await expect.poll(async () => (await corners(page)).length).toBe(4);
  await expect(page.getByText('4 corners · IoU 1.000')).toBeVisible();

  await drag(page, { x: 400, y: 260 }, { x: 440, y: 290 });
  const pulled = await changed(page, drawn);
  expect(pulled.area).toBeGreaterThan(drawn.area);
  await undoTo(page, drawn);
  await expect.poll(async () => (await corners(page)).length).toBe(4);

  // A side is pulled out: a corner more. Alt-click takes it away again.
  await drag(page, { x: 340, y: 160 }, { x: 340, y: 130 });
  const roof = await changed(page, drawn);
  expect(await corners(page)).toHaveLength(5);
  expect(roof.area).toBeGreaterThan(drawn.area);
  const tip = (await corners(page)).find(({ y }) => y < 145);
  await page.keyboard.down('Alt');
  await clickImage(page, tip ?? { x: 0, y: 0 });
  await page.keyboard.up('Alt');
  await expect.poll(async () => (await only(page)).mask.counts).toBe(drawn.mask.counts);

  // A corner that is selected goes with Delete.
  await clickImage(page, { x: 280, y: 160 });
  await page.keyboard.press('Delete');
  const triangle = await changed(page, drawn);
  expect(Math.abs(triangle.area - drawn.area / 2)).toBeLessThan(150);
  await undoTo(page, drawn);

  await page.getByRole('radio', { name: 'Cut a hole' }).click();
  for (const corner of [
    { x: 320, y: 190 },
    { x: 360, y: 190 },
    { x: 340, y: 230 },
  ]) {
    await clickImage(page, corner);
  }
  await page.keyboard.press('Enter');
  const holed = await changed(page, drawn);
  expect(Math.abs(drawn.area - holed.area - 800)).toBeLessThan(60);
  await page.getByRole('radio', { name: 'Add a part' }).click();
  for (const corner of [
    { x: 180, y: 190 },
    { x: 220, y: 190 },
    { x: 220, y: 230 },
    { x: 180, y: 230 },
  ]) {
    await clickImage(page, corner);
  }
  await page.keyboard.press('Enter');
  const parted = await changed(page, holed);
  expect(splitMask(decodePlaced(parted.mask) as PlacedMask)).toHaveLength(2);

  // Two parts become one where their sides are joined.
  const facing = await corners(page);
  const near = (x: number, y: number): Point =>
    facing.reduce((best, one) =>
      Math.hypot(one.x - x, one.y - y) < Math.hypot(best.x - x, best.y - y) ? one : best,
    );
  await clickImage(page, near(220, 190));
  await page.keyboard.down('Shift');
  await clickImage(page, near(280, 260));
  await page.keyboard.up('Shift');
  const joined = await changed(page, parted);
  expect(splitMask(decodePlaced(joined.mask) as PlacedMask)).toHaveLength(1);
  await undoTo(page, parted);
  await undoTo(page, holed);
  await undoTo(page, drawn);
});

test('masks are copied to the next image and clipped to it', async ({ page }) => {
  const frame = await paintFrame(page);
  await page.getByRole('button', { name: 'Paint a new mask' }).click();
  await stroke(page, [
    { x: 400, y: 300 },
    { x: 460, y: 300 },
  ]);
  await count(page, 2);
  await page.keyboard.press('v');
  await page.keyboard.press('Escape');
  const before = await annotations(page);
  await page.keyboard.press('Control+d');
  await expect(page.getByText('2 masks copied to this image.')).toBeVisible();
  await expect(page.getByText(/1 mask clipped/)).toBeVisible();
  await expect(page.getByRole('option', { name: new RegExp(tall) })).toHaveAttribute('aria-selected', 'true');
  await count(page, 2);
  const copies = await annotations(page);
  for (const { mask, area } of copies) {
    expect(mask.size).toEqual([640, 427]);
    expect(rleArea(mask)).toBe(area);
  }
  const whole = decodePlaced(frame.mask) as PlacedMask;
  expect(copies.map(({ mask }) => mask.counts)).toContain(
    encodePlaced(whole, { width: 427, height: 640 }).counts,
  );
  expect(copies.reduce((sum, { area }) => sum + area, 0)).toBeLessThan(
    before.reduce((sum, { area }) => sum + area, 0),
  );
  await page.keyboard.press('Control+z');
  await count(page, 0);
});

test('edits can be taken back after a restart', async ({ host, page }) => {
  const frame = await paintFrame(page);
  await page.keyboard.press('v');
  await operation(page, 'Grow').click();
  await page.keyboard.press('Enter');
  await changed(page, frame);
  const again = await host.restart();
  await withHook(again);
  await openImage(again, new RegExp(train));
  await count(again, 1);
  await undoTo(again, frame);
  await again.keyboard.press('Control+z');
  await count(again, 0);
});

test('the agent’s mask is accepted by the first stroke, and the record says what it became', async ({
  host,
  page,
}) => {
  test.skip(segmenter === null, 'needs the models of ../shared');
  await useSegmenter(page);
  await page.keyboard.press('b');
  await drag(page, { x: 200, y: 120 }, { x: 420, y: 300 });
  await episodeStatus(page, 'waiting');
  await page.keyboard.press('e');
  await expect(page.getByText(/your first stroke accepts it/)).toBeVisible();
  await stroke(page, [
    { x: 180, y: 320 },
    { x: 230, y: 330 },
  ]);
  await nameClass(page, 'train');
  await episodeStatus(page, 'accepted');
  await expect.poll(async () => (await annotations(page)).length).toBe(1);
  await expect.poll(async () => decodeMask((await only(page)).mask).data[320 * 640 + 180]).toBe(1);
  const edited = await only(page);
  expect(edited.author).toBe('human');
  const record = async () => {
    const lines = (await exported(host, page, /trajectories/)).trim().split('\n');
    return lines.map((line) => JSON.parse(line)).at(-1);
  };
  expect((await record()).outcome).toMatchObject({
    status: 'accepted',
    category: 'train',
    masks: [edited.mask],
  });

  // The stroke, then the acceptance.
  await page.keyboard.press('Control+z');
  await changed(page, edited);
  await page.keyboard.press('Control+z');
  await count(page, 0);
  await episodeStatus(page, 'waiting');
  // The class was made by accepting, so it went too: the next mask asks for one again.
  await page.getByRole('button', { name: 'Accept', exact: true }).click();
  await expect(page.getByRole('dialog', { name: 'Accept as' })).toContainText('No category yet');
});

test('a stroke over the agent’s mask is kept when accepting goes on to the next image', async ({ page }) => {
  test.skip(segmenter === null, 'needs the models of ../shared');
  await page.evaluate(() =>
    localStorage.setItem('maskwright.preferences', JSON.stringify({ afterAccept: 'next' })),
  );
  await page.reload();
  await openImage(page, new RegExp(train));
  await useSegmenter(page);
  await page.keyboard.press('b');
  await drag(page, { x: 200, y: 120 }, { x: 420, y: 300 });
  await episodeStatus(page, 'waiting');
  await page.keyboard.press('e');
  await expect(page.getByText(/your first stroke accepts it/)).toBeVisible();
  await stroke(page, [
    { x: 180, y: 320 },
    { x: 230, y: 330 },
  ]);
  await nameClass(page, 'train');
  await count(page, 1);
  await expect.poll(async () => decodeMask((await only(page)).mask).data[320 * 640 + 180]).toBe(1);
  await expect(page.getByRole('option', { name: new RegExp(train) })).toHaveAttribute(
    'aria-selected',
    'true',
  );
});

test('strokes that are not stored yet survive a change of the image', async ({ page }) => {
  const frame = await paintFrame(page);
  const added = [
    [
      { x: 150, y: 150 },
      { x: 170, y: 150 },
    ],
    [
      { x: 150, y: 300 },
      { x: 170, y: 300 },
    ],
  ];
  for (const line of added) await stroke(page, line);
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('option', { name: new RegExp(tall) })).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowUp');
  await expect(page.getByRole('option', { name: new RegExp(train) })).toHaveAttribute(
    'aria-selected',
    'true',
  );
  const last = await changed(page, frame);
  await expect.poll(async () => decodeMask((await only(page)).mask).data[300 * 640 + 160]).toBe(1);
  expect(decodeMask(last.mask).data[150 * 640 + 160]).toBe(1);
});
