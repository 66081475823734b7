import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from './support/host';
import { appDir } from './support/runtime';

test('the page has no Node and a short list of services', async ({ host, page }) => {
  const found = await page.evaluate(() => ({
    globals: ['require', 'process', 'module', 'Buffer', '__dirname', 'electron'].filter(
      (name) => name in globalThis,
    ),
    services: Object.keys(window.maskwright ?? {}).sort(),
  }));
  expect(found.globals).toEqual([]);
  expect(found.services).toEqual(
    host.kind === 'web'
      ? []
      : ['connect', 'onMenu', 'pickDataset', 'pickFolder', 'pickProject', 'platform', 'saveFile'],
  );
});

test('the policy of the page holds: no inline script, no eval, no other origin', async ({ page }) => {
  const found = await page.evaluate(async () => {
    const refused: string[] = [];
    document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'globalThis.injected = true';
    document.body.append(script);
    const fetched = await fetch('https://example.invalid/').then(
      () => 'ran',
      () => 'refused',
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    // After a turn of the event loop: what Playwright runs itself may evaluate.
    let evaluated = 'ran';
    try {
      // biome-ignore lint/security/noGlobalEval: that it is refused is what is tested
      globalThis.eval('1');
    } catch (error) {
      evaluated = error instanceof Error ? error.name : 'threw';
    }
    return { refused, evaluated, fetched, injected: 'injected' in globalThis };
  });
  expect(found.injected).toBe(false);
  expect(found.evaluated).toBe('EvalError');
  expect(found.fetched).toBe('refused');
  expect(found.refused).toContain('connect-src');
  expect(found.refused.some((directive) => directive.startsWith('script-src'))).toBe(true);
});

test('no file outside the page is served', async ({ host, page }) => {
  const paths = [
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2f..%2fpackage.json',
    '/..%5c..%5cpackage.json',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/%2fetc%2fpasswd',
    '/image/..%2f..%2fpackage.json',
    '/image/no-such-image',
    '/%00',
  ];
  const statuses = await page.evaluate(
    async ({ origin, paths }) =>
      Promise.all(
        paths.map((path) =>
          fetch(origin + path).then(
            ({ status }) => status,
            () => 0,
          ),
        ),
      ),
    { origin: host.origin, paths },
  );
  for (const [index, status] of statuses.entries()) expect([0, 400, 404], paths[index]).toContain(status);
});

test('Electron: the window is sandboxed and stays on its page', async ({ host, page }) => {
  test.skip(host.electron === null, 'concerns Electron only');
  const app = host.electron;
  if (app === null) return;
  const preferences = await app.evaluate(({ BrowserWindow }) => {
    // Not in Electron's types.
    const contents: object = BrowserWindow.getAllWindows()[0]?.webContents ?? {};
    const read: unknown = Reflect.get(contents, 'getLastWebPreferences');
    const preferences: unknown = typeof read === 'function' ? Reflect.apply(read, contents, []) : null;
    return preferences;
  });
  expect(preferences).toMatchObject({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
  });

  const opened = await app.evaluate(({ shell }) => {
    const seen: string[] = [];
    shell.openExternal = async (url) => {
      seen.push(url);
    };
    Object.assign(globalThis, { seenExternal: seen });
    return seen;
  });
  expect(opened).toEqual([]);
  const windows = await page.evaluate(() =>
    [
      'https://example.invalid/a',
      'http://example.invalid/',
      'file:///etc/passwd',
      'javascript:1',
      'app://maskwright/',
    ].map((url) => window.open(url) === null),
  );
  expect(windows).toEqual([true, true, true, true, true]);
  await expect
    .poll(() => app.evaluate(() => Reflect.get(globalThis, 'seenExternal')))
    .toEqual(['https://example.invalid/a']);
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);

  await page.evaluate(() => {
    window.location.href = 'https://example.invalid/';
  });
  await page.waitForTimeout(300);
  expect(page.url()).toBe('app://maskwright/');
  expect(await page.evaluate(() => Notification.requestPermission())).toBe('denied');
  const camera = page.evaluate(() =>
    navigator.mediaDevices.getUserMedia({ video: true }).then(
      () => 'given',
      () => 'refused',
    ),
  );
  expect(await camera).toBe('refused');
});

test('Electron: another page cannot use the services', async ({ host }) => {
  test.skip(host.electron === null, 'concerns Electron only');
  const answer = await host.electron?.evaluate(
    async ({ BrowserWindow }, preload) => {
      const other = new BrowserWindow({ show: false, webPreferences: { preload, sandbox: true } });
      await other.loadURL('data:text/html,<title>other</title>');
      const said: unknown = await other.webContents.executeJavaScript(
        `window.maskwright.pickFolder().then(() => 'answered', (error) => String(error))`,
      );
      other.destroy();
      return String(said);
    },
    join(appDir, 'out', 'preload', 'index.js'),
  );
  expect(answer).toContain('Refused');
});

test('Electron: dialogs and saving go through main', async ({ host, page }) => {
  test.skip(host.electron === null, 'concerns Electron only');
  const file = join(host.dataDir, 'saved.json');
  await host.electron?.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = async () => ({ canceled: false, filePath });
    dialog.showOpenDialog = async () => ({ canceled: false, filePaths: ['/chosen'] });
  }, file);
  expect(await page.evaluate(() => window.maskwright?.pickFolder())).toBe('/chosen');
  expect(await page.evaluate(() => window.maskwright?.saveFile('a/../saved.json', '{"a":1}'))).toBe(true);
  const { readFile } = await import('node:fs/promises');
  expect(await readFile(file, 'utf8')).toBe('{"a":1}');
  const bad = page.evaluate(() =>
    window.maskwright?.saveFile('', 'x').then(
      () => 'saved',
      () => 'refused',
    ),
  );
  expect(await bad).toBe('refused');
});

/** What an HTTP client with the given headers gets. */
function statusOf(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('web: other names and origins are refused', async ({ host }) => {
  test.skip(host.kind !== 'web', 'concerns the web host only');
  const url = `${host.origin}/`;
  expect(await statusOf(url, {})).toBe(200);
  expect(await statusOf(url, { Host: 'evil.example' })).toBe(403);
  expect(await statusOf(url, { Origin: 'https://evil.example' })).toBe(403);
});

test('web: beyond loopback only with the token that was printed', async ({ host }) => {
  test.skip(host.kind !== 'web', 'concerns the web host only');
  const child: ChildProcess = spawn(
    process.execPath,
    [
      join(appDir, 'out', 'main', 'cli.js'),
      'serve',
      '--host=0.0.0.0',
      '--port=0',
      `--data=${test.info().outputPath('data')}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const url = await new Promise<string>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        const found = /Maskwright is at (\S+)/.exec(chunk.toString())?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    const { origin, searchParams } = new URL(url);
    expect(searchParams.get('token')?.length ?? 0).toBeGreaterThan(20);
    expect(await statusOf(`${origin}/`, {})).toBe(401);
    const page = await host.page.context().newPage();
    await page.goto(url);
    await expect(page).toHaveURL(`${origin}/`);
    await expect(page.locator('#app')).not.toBeEmpty();
    expect(await page.evaluate(() => document.cookie)).toBe('');
    await page.close();
  } finally {
    child.kill();
  }
});
