import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  test as base,
  type ElectronApplication,
  _electron as electron,
  type Page,
} from '@playwright/test';
import { appDir, chromiumExecutable, findElectron, sandboxArguments } from './runtime';

/**
 * The app under test, in either host. Specs use `page` and what is here, so that one spec runs in both:
 *
 *     import { expect, test } from './support/host';
 *     test.use({ project: '/folder/of/images' });   // without it the sample project is open
 */
export interface Host {
  readonly kind: HostOptions['kind'];
  /** The window's page; another one after `restart`. */
  readonly page: Page;
  /** The user's settings, samples and recent projects of this test. */
  readonly dataDir: string;
  /** Address of the page's origin. */
  readonly origin: string;
  /** To look into Electron's main process; null in the web host. */
  readonly electron: ElectronApplication | null;
  /** Ends the engine's process without a word. In Electron the app starts it again, on the web this does. */
  killEngine(): Promise<void>;
  /** Closes the app as a person does and opens it again with the same data. */
  restart(): Promise<Page>;
  /** Electron: starts the app once more with a project, as a person who clicked twice; resolves when that one ended. */
  launchAgain(project: string): Promise<void>;
  /** What the host wrote to its log. */
  log(): Promise<string>;
}

export interface HostOptions {
  kind: 'electron' | 'web';
  /** Project file or folder that is opened at start; the sample without one. */
  project: string | undefined;
}

interface Running {
  host: Host;
  stop(): Promise<void>;
}

/** Lets specs say `test.use({ project: async ({}, use) => … })` with a folder of their own. */
export const test = base.extend<HostOptions & { host: Host }, { chromium: () => Promise<Browser> }>({
  // One browser for all specs of a worker, each in a context of its own; none where none is asked for.
  chromium: [
    async ({ playwright }, use) => {
      let browser: Promise<Browser> | undefined;
      await use(() => {
        browser ??= playwright.chromium.launch({
          executablePath: chromiumExecutable,
          args: [...sandboxArguments],
        });
        return browser;
      });
      await (await browser)?.close();
    },
    { scope: 'worker' },
  ],
  kind: ['web', { option: true }],
  project: [undefined, { option: true }],
  host: async ({ kind, project, chromium }, use, testInfo) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'maskwright-e2e-'));
    if (kind === 'electron' && findElectron() === null) {
      testInfo.skip(true, 'no Electron binary on this machine');
    }
    const { host, stop } =
      kind === 'electron'
        ? await startElectron(dataDir, project)
        : await startWeb(dataDir, project, await chromium());
    try {
      await use(host);
    } finally {
      if (testInfo.status !== testInfo.expectedStatus) {
        const shot = await host.page.screenshot().catch(() => null);
        if (shot !== null) await testInfo.attach('page', { body: shot, contentType: 'image/png' });
        await testInfo.attach('log', { body: await host.log(), contentType: 'text/plain' });
      }
      await stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
    }
  },
  page: async ({ host }, use) => use(host.page),
});
export { expect } from '@playwright/test';

/** The parent's environment, without what makes Electron a plain Node, with the contract checked on both sides. */
function environment(): Record<string, string> {
  const found: Record<string, string> = { MASKWRIGHT_CHECK_OUTPUTS: '1' };
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && name !== 'ELECTRON_RUN_AS_NODE' && name !== 'NODE_OPTIONS')
      found[name] = value;
  }
  return found;
}

/** Longer than any start that goes well. */
const SHOWN_MS = 25_000;

async function startElectron(dataDir: string, project: string | undefined): Promise<Running> {
  const runtime = findElectron();
  if (runtime === null) throw new Error('no Electron');
  const argumentsFor = (opened: string | undefined): string[] => [
    ...runtime.arguments,
    appDir,
    `--data-dir=${dataDir}`,
    ...(opened === undefined ? [] : [`--project=${opened}`]),
  ];
  const open = async (): Promise<{ app: ElectronApplication; page: Page }> => {
    const app = await electron.launch({
      executablePath: runtime.executablePath,
      args: argumentsFor(project),
      env: environment(),
      timeout: SHOWN_MS,
    });
    try {
      const page = await app.firstWindow({ timeout: SHOWN_MS });
      await page.waitForLoadState('domcontentloaded', { timeout: SHOWN_MS });
      return { app, page };
    } catch (error) {
      app.process().kill('SIGKILL');
      throw new Error(`Electron did not show its page: ${String(error)}\n${await log()}`);
    }
  };
  /** Seen once in some hundred starts, on a busy machine, cause not found: no page in time. Said, and tried once more. */
  const launch = (): Promise<{ app: ElectronApplication; page: Page }> =>
    open().catch((error: unknown) => {
      console.warn(`Started once more. ${String(error)}`);
      return open();
    });
  const log = (): Promise<string> =>
    readFile(join(dataDir, 'logs', 'maskwright.log'), 'utf8').catch(() => '');
  let current = await launch();
  const host: Host = {
    kind: 'electron',
    dataDir,
    origin: 'app://maskwright',
    get page() {
      return current.page;
    },
    get electron() {
      return current.app;
    },
    async killEngine() {
      const pid = await current.app.evaluate(
        ({ app }) => app.getAppMetrics().find((process) => process.name === 'Maskwright engine')?.pid,
      );
      if (pid === undefined) throw new Error('the engine does not run');
      process.kill(pid, 'SIGKILL');
    },
    async restart() {
      await current.app.close();
      current = await launch();
      return current.page;
    },
    async launchAgain(opened) {
      await ended(
        spawn(runtime.executablePath, argumentsFor(opened), { env: environment(), stdio: 'ignore' }),
      );
    },
    log,
  };
  return { host, stop: () => current.app.close() };
}

interface Server {
  process: ChildProcess;
  url: string;
}

const START_MS = 60_000;

/** Starts `maskwright serve` and waits for the address that it prints. */
function startServer(
  dataDir: string,
  project: string | undefined,
  port: string,
  lines: string[],
): Promise<Server> {
  const child = spawn(
    process.execPath,
    [
      join(appDir, 'out', 'main', 'cli.js'),
      'serve',
      `--port=${port}`,
      `--data=${dataDir}`,
      ...(project === undefined ? ['--sample'] : [`--project=${project}`]),
    ],
    { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the web host did not start\n${lines.join('')}`)),
      START_MS,
    );
    child.once('exit', (code) =>
      reject(new Error(`the web host ended with code ${code}\n${lines.join('')}`)),
    );
    child.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      const url = /Maskwright is at (\S+)/.exec(printed)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve({ process: child, url });
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function startWeb(dataDir: string, project: string | undefined, browser: Browser): Promise<Running> {
  const lines: string[] = [];
  let server = await startServer(dataDir, project, '0', lines);
  const origin = new URL(server.url).origin;
  const { port } = new URL(server.url);
  const context: BrowserContext = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  let page = await context.newPage();
  await page.goto(server.url);
  const startAgain = async (): Promise<void> => {
    await ended(server.process);
    server = await startServer(dataDir, project, port, lines);
  };
  const host: Host = {
    kind: 'web',
    dataDir,
    origin,
    electron: null,
    get page() {
      return page;
    },
    async killEngine() {
      server.process.kill('SIGKILL');
      await startAgain();
    },
    async restart() {
      await page.close();
      server.process.kill('SIGTERM');
      await startAgain();
      page = await context.newPage();
      await page.goto(server.url);
      return page;
    },
    launchAgain: () => Promise.reject(new Error('concerns Electron only')),
    log: async () => lines.join(''),
  };
  return {
    host,
    async stop() {
      await context.close();
      server.process.kill('SIGTERM');
      await ended(server.process);
    },
  };
}
