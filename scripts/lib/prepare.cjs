/** Installed and built, before anything runs: plain Node, no dependency, so that it works in a fresh clone. */
const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.resolve(__dirname, '..', '..');
const inRoot = (...parts) => path.join(root, ...parts);
const OLDEST_NODE = [20, 19];

/** A failure to be told in one line. */
class Problem extends Error {}

function mtimeOf(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Problem(
    `Maskwright needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}.`,
  );
}

/** Only one process installs or builds at a time; the others wait for it. */
function withLock(run) {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const lock = path.join(os.tmpdir(), `maskwright-setup-${name}.lock`);
  const until = Date.now() + 10 * 60_000;
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new Problem(`No lock file can be made: ${error.message}`);
    }
    if (isAbandoned(lock) || Date.now() > until) fs.rmSync(lock, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    return run();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

function isAbandoned(lock) {
  try {
    process.kill(Number(fs.readFileSync(lock, 'utf8')), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

const stampFile = () => inRoot('node_modules', '.maskwright-lock-hash');

function lockHash() {
  return createHash('sha256')
    .update(fs.readFileSync(inRoot('package-lock.json')))
    .digest('hex');
}

function isInstalled() {
  const installed = mtimeOf(inRoot('node_modules', '.package-lock.json'));
  if (installed === 0) return false;
  if (installed >= mtimeOf(inRoot('package-lock.json'))) return true;
  const stamp = stampFile();
  return fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === lockHash();
}

/** npm as it was started, or the one on the PATH. */
function runNpm(parameters, output) {
  const stdio = ['ignore', output, output];
  const cli = process.env.npm_execpath;
  if (cli !== undefined && /npm-cli\.c?js$/.test(cli))
    return spawnSync(process.execPath, [cli, ...parameters], { cwd: root, stdio });
  return spawnSync('npm', parameters, { cwd: root, stdio, shell: process.platform === 'win32' });
}

/** Where what a tool prints goes: nowhere to be mixed up with the output of the command itself. */
const STDERR = 2;

/** `npm ci` when node_modules is missing or older than the lock file. */
function ensureInstalled(say) {
  requireNode();
  if (isInstalled()) return;
  if (fs.lstatSync(inRoot('node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    // npm ci empties the folder first, through the link.
    throw new Problem(
      'node_modules is a link to packages of another version. Remove the link, or install there.',
    );
  }
  withLock(() => {
    if (isInstalled()) return;
    say('Installing the packages (npm ci, once; a few minutes) …');
    const { status } = runNpm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], STDERR);
    if (status !== 0)
      throw new Problem('npm ci failed: see above. Check the network or the registry that npm uses.');
    fs.writeFileSync(stampFile(), lockHash());
  });
}

const outputs = ['main/index.js', 'main/engine.js', 'main/cli.js', 'preload/index.js', 'renderer/index.html'];
const inputs = ['src', 'electron.vite.config.ts', 'package.json', 'package-lock.json', 'tsconfig.base.json'];

function newestOf(file) {
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return /\.test\.ts$/.test(file) ? 0 : stats.mtimeMs;
  // The folder's own time tells of files that were removed.
  return fs
    .readdirSync(file)
    .reduce((newest, name) => Math.max(newest, newestOf(path.join(file, name))), stats.mtimeMs);
}

function isBuilt() {
  const oldest = Math.min(...outputs.map((file) => mtimeOf(inRoot('out', file))));
  return oldest > 0 && oldest >= Math.max(...inputs.map((input) => newestOf(inRoot(input))));
}

/** The build when out/ is older than the sources. Its output is shown when it fails. */
function ensureBuilt(say) {
  if (isBuilt()) return;
  withLock(() => {
    if (isBuilt()) return;
    say('Building …');
    const vite = inRoot('node_modules', 'electron-vite', 'bin', 'electron-vite.js');
    const built = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
      cwd: root,
      encoding: 'utf8',
    });
    if (built.status === 0) return;
    process.stderr.write(`${built.stdout ?? ''}${built.stderr ?? ''}`);
    throw new Problem('The build failed: see above.');
  });
}

module.exports = { Problem, ensureBuilt, ensureInstalled, inRoot, root };
