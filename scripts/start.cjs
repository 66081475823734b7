/**
 * `npm start`: the desktop app; where Electron is not to be had or there is no display, the same app in a browser.
 *
 *   npm start -- [--web] [--port N] [--project PATH]
 */
const { spawn } = require('node:child_process');
const { createServer } = require('node:net');
const { parseArgs } = require('node:util');
const { electronArguments, fetchElectron, findElectron } = require('./lib/electron.cjs');
const { ensureBuilt, ensureInstalled, inRoot, Problem, root } = require('./lib/prepare.cjs');

const say = (line) => process.stdout.write(`${line}\n`);
const DEFAULT_PORT = 7070;
/** An app that ends this soon with an error did not start. */
const EARLY_MS = 10_000;

function isPortFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

const hasDisplay = () =>
  process.platform !== 'linux' || Boolean(process.env.DISPLAY) || Boolean(process.env.WAYLAND_DISPLAY);

function openBrowser(url) {
  const [command, ...before] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '']
        : ['xdg-open'];
  const child = spawn(command, [...before, url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

/** Exit code of the child; Ctrl+C is its own to handle and is no failure. */
function ended(child) {
  let stopped = false;
  const stop = (signal) => {
    stopped = true;
    // A terminal tells the whole group; a supervisor only this process.
    child.kill(signal);
  };
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGTERM', () => stop('SIGTERM'));
  return new Promise((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(stopped ? 0 : (code ?? 1)));
  });
}

async function startWeb({ port, project }) {
  const chosen = port ?? ((await isPortFree(DEFAULT_PORT)) ? DEFAULT_PORT : 0);
  const child = spawn(
    process.execPath,
    [
      inRoot('out', 'main', 'cli.js'),
      'serve',
      `--port=${chosen}`,
      ...(project ? [`--project=${project}`] : []),
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let opened = false;
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    const url = /Maskwright is at (\S+)/.exec(String(chunk))?.[1];
    if (url === undefined || opened) return;
    opened = true;
    if (hasDisplay()) openBrowser(url);
  });
  return ended(child);
}

async function startElectron(electron, { project }) {
  const before = electronArguments(electron);
  if (before.includes('--no-sandbox')) say("Running as root: Electron's sandbox is off (--no-sandbox).");
  const begun = Date.now();
  const environment = { ...process.env };
  delete environment.ELECTRON_RUN_AS_NODE;
  const child = spawn(electron.file, [...before, root, ...(project ? [`--project=${project}`] : [])], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: environment,
  });
  const code = await ended(child);
  return { code, started: code === 0 || Date.now() - begun > EARLY_MS };
}

async function main() {
  const { values } = parseArgs({
    options: {
      web: { type: 'boolean' },
      port: { type: 'string' },
      project: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    say('npm start -- [--web] [--port N] [--project FILE_OR_FOLDER]');
    return 0;
  }
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new Problem(`"${values.port}" is not a port.`);
  ensureInstalled(say);
  ensureBuilt(say);
  const request = { port, project: values.project };
  if (values.web || port !== undefined) return startWeb(request);
  if (!hasDisplay()) {
    say('There is no display for the desktop app: starting it for a browser instead.');
    return startWeb(request);
  }
  const electron = findElectron() ?? (await fetchElectron(say));
  if (electron === null) {
    say(
      "Electron's binary is not installed and cannot be fetched here: starting the app for a browser instead.",
    );
    return startWeb(request);
  }
  const { code, started } = await startElectron(electron, request);
  if (started) return code;
  say(
    'Electron did not start on this machine (system libraries or its sandbox): starting the app for a browser instead.',
  );
  return startWeb(request);
}

main().then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(
      `npm start: ${error instanceof Problem || error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? error.message : String(error)}\n`,
    );
    process.exit(1);
  },
);
