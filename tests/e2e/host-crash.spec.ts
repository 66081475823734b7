import { test as base, expect } from './support/host';
import { pictureFolder } from './support/pictures';

const test = base.extend({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants the pattern
  project: async ({}, use) => {
    const pictures = await pictureFolder(['apple.png', 'bread.png', 'cheese.png']);
    await use(pictures.folder);
    await pictures.remove();
  },
});

const search = { name: 'Search images by name' };

test('the engine is killed under the window: it comes back with the project, and calls work', async ({
  host,
  page,
}) => {
  const images = page.getByRole('option');
  await expect(images).toHaveCount(3);
  await host.killEngine();
  await expect(page.getByText('Reconnecting')).toHaveCount(0);
  await page.getByRole('searchbox', search).fill('bread');
  await expect(images).toHaveCount(1);
  await page.getByRole('searchbox', search).fill('');
  await expect(images).toHaveCount(3);
  // Pictures are read by another way than calls: over app:// and /image.
  const source = await images.first().locator('img').getAttribute('src');
  expect(source).toMatch(/image\/.+\?variant=thumbnail$/);
  const { status, type } = await page.evaluate(async (address) => {
    const answer = await fetch(address);
    return { status: answer.status, type: answer.headers.get('content-type') };
  }, source ?? '');
  expect(status).toBe(200);
  expect(type).toMatch(/^image\//);
});

test('closed and opened again: the project is open where it was left', async ({ host, page }) => {
  await expect(page.getByRole('option')).toHaveCount(3);
  const again = await host.restart();
  await expect(again.getByRole('option')).toHaveCount(3);
});

test('the page is loaded again, at once and later: the same project, and calls work', async ({
  host,
  page,
}) => {
  const images = page.getByRole('option');
  for (const wait of [0, 0, 200, 1_000]) {
    await page.waitForTimeout(wait);
    await page.reload();
    await expect(images).toHaveCount(3);
  }
  expect(await host.log()).not.toContain('crashed');
});

test('Electron: an engine that keeps crashing is left alone until the person asks', async ({
  host,
  page,
}) => {
  test.skip(host.electron === null, 'concerns Electron only');
  test.setTimeout(120_000);
  await expect(page.getByRole('option')).toHaveCount(3);
  await host.electron?.evaluate(({ dialog }) => {
    Object.assign(globalThis, { asked: 0 });
    Reflect.set(dialog, 'showMessageBox', () => {
      Object.assign(globalThis, { asked: 1 });
      return new Promise((resolve) =>
        Object.assign(globalThis, { tryAgain: () => resolve({ response: 0, checkboxChecked: false }) }),
      );
    });
  });
  for (let crash = 0; crash < 6; crash++) {
    await expect(async () => host.killEngine()).toPass({ timeout: 20_000 });
    await page.waitForTimeout(300);
  }
  await expect.poll(() => host.electron?.evaluate(() => Reflect.get(globalThis, 'asked'))).toBe(1);
  await expect(page.getByRole('status').filter({ hasText: 'The engine has stopped' })).toBeVisible();
  await host.electron?.evaluate(() => {
    const again: unknown = Reflect.get(globalThis, 'tryAgain');
    if (typeof again === 'function') again();
  });
  await page.getByRole('searchbox', search).fill('cheese');
  await expect(page.getByRole('option')).toHaveCount(1);
});

test('Electron: a page that crashes is loaded again', async ({ host, page }) => {
  test.skip(host.electron === null, 'concerns Electron only');
  await expect(page.getByRole('option')).toHaveCount(3);
  const app = host.electron;
  await app?.evaluate(
    ({ BrowserWindow }) =>
      new Promise<void>((resolve) => {
        const contents = BrowserWindow.getAllWindows()[0]?.webContents;
        contents?.once('did-finish-load', () => resolve());
        contents?.forcefullyCrashRenderer();
      }),
  );
  await expect
    .poll(() =>
      app?.evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript(
          `document.querySelectorAll('[role=option]').length`,
        ),
      ),
    )
    .toBe(3);
});

test('Electron: a second launch hands its project to the first window', async ({ host, page }) => {
  test.skip(host.electron === null, 'concerns Electron only');
  await expect(page.getByRole('option')).toHaveCount(3);
  const other = await pictureFolder(['one.png', 'two.png']);
  try {
    await host.launchAgain(other.folder);
    await expect(page.getByRole('option')).toHaveCount(2);
    expect(await host.electron?.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(
      1,
    );
  } finally {
    await other.remove();
  }
});
