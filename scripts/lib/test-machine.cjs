/** What the end-to-end tests need from the machine: a Chromium, an Electron, a display, reference programs. */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { electronIn, findElectron } = require('./electron.cjs');
const { inRoot } = require('./prepare.cjs');

const FETCH_MS = 5 * 60_000;

function has(command) {
  return (
    spawnSync(process.platform === 'win32' ? 'where' : 'which', [command], { stdio: 'ignore' }).status === 0
  );
}

const chromiums = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const systemChromium = () =>
  [process.env.MASKWRIGHT_CHROMIUM, ...chromiums].some((file) => file && fs.existsSync(file));

function playwrightChromium() {
  const script = 'process.stdout.write(require("@playwright/test").chromium.executablePath())';
  const { stdout } = spawnSync(process.execPath, ['-e', script], { cwd: inRoot(), encoding: 'utf8' });
  return stdout !== '' && fs.existsSync(stdout);
}

const hasChromium = () => systemChromium() || playwrightChromium();
const needsVirtualDisplay = () =>
  process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY;
const hasDisplay = () => !needsVirtualDisplay() || has('xvfb-run');

/** Electron's shared libraries that this machine lacks. */
function missingLibraries(electron) {
  if (process.platform !== 'linux' || electron === null || !has('ldd')) return [];
  const { stdout } = spawnSync('ldd', [electron.file], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter((line) => line.includes('not found'));
}

/** Debian's packages, each alone so that one that this release names otherwise does not stop the others. */
function installPackages(names, say) {
  if (process.platform !== 'linux' || process.getuid() !== 0 || !has('apt-get')) return;
  say(`Installing ${names.join(', ')} with apt-get …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...parameters) =>
    spawnSync('apt-get', ['-q', '-y', ...parameters], { env, stdio: 'ignore', timeout: FETCH_MS });
  apt('update');
  for (const name of names) apt('install', '--no-install-recommends', name);
}

/** The installed Electron, the one that was named, or the test one beside the checkout. Null where there is none. */
function findTestElectron(say) {
  const found = findElectron();
  if (found !== null || process.env.ELECTRON_OVERRIDE_DIST_PATH) return found;
  const script = inRoot('..', 'shared', 'tools', 'electron-for-tests');
  if (process.platform !== 'linux' || !fs.existsSync(script)) return null;
  const { status, stdout, stderr } = spawnSync('bash', [script], { encoding: 'utf8', timeout: FETCH_MS });
  if (status === 0) return electronIn(stdout.trim());
  say(`The Electron for tests could not be made ready: ${(stderr ?? '').trim().split('\n').pop()}`);
  return null;
}

/**
 * Makes ready what can be made ready, and says why the rest is to be skipped.
 *
 * @returns {{ web: string | null, electron: string | null, env: Record<string, string>, wrap: string[] }} reasons to skip,
 * the environment and the command in front of Playwright
 */
function prepareEndToEnd(say) {
  const electron = findTestElectron(say);
  const wanted = [];
  if (!hasChromium()) wanted.push('chromium');
  if (needsVirtualDisplay() && !has('xvfb-run')) wanted.push('xvfb', 'xauth');
  if (missingLibraries(electron).length > 0)
    wanted.push('libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1', 'libatk-bridge2.0-0', 'libdrm2');
  if (wanted.length > 0) installPackages(wanted, say);
  if (!hasChromium()) {
    say("Fetching Playwright's Chromium …");
    const cli = inRoot('node_modules', '@playwright', 'test', 'cli.js');
    spawnSync(process.execPath, [cli, 'install', 'chromium'], { stdio: 'ignore', timeout: FETCH_MS });
  }
  const lacking = missingLibraries(electron);
  const electronReason =
    electron === null
      ? 'no Electron binary'
      : lacking.length > 0
        ? `Electron lacks ${lacking.map((line) => line.trim().split(' ')[0]).join(', ')}`
        : hasDisplay()
          ? null
          : 'no display and no xvfb-run';
  return {
    web: hasChromium() ? null : 'no Chromium, and none could be installed',
    electron: electronReason,
    env: electron === null ? {} : { ELECTRON_OVERRIDE_DIST_PATH: electron.dist },
    wrap: needsVirtualDisplay() ? ['xvfb-run', '-a', '-s', '-screen 0 1600x1000x24'] : [],
  };
}

/** Puts the programs that results are compared with on the PATH, where MASKWRIGHT_TEST_REFERENCES=1 asks for them. */
function prepareReferences(say) {
  if (process.env.MASKWRIGHT_TEST_REFERENCES !== '1' || !has('python3')) return {};
  const modules = 'import pycocotools, numpy, cv2';
  if (spawnSync('python3', ['-c', modules], { stdio: 'ignore' }).status === 0) return {};
  const venv = path.join(os.homedir(), '.cache', 'maskwright-test-references');
  const bin = path.join(venv, 'bin');
  const python = path.join(bin, 'python3');
  const isReady = () => spawnSync(python, ['-c', modules], { stdio: 'ignore' }).status === 0;
  if (!isReady()) {
    say('Installing pycocotools, numpy and opencv-python-headless for comparisons …');
    spawnSync('python3', ['-m', 'venv', venv], { stdio: 'ignore' });
    const packages = ['pycocotools', 'numpy', 'opencv-python-headless'];
    spawnSync(python, ['-m', 'pip', 'install', '--quiet', ...packages], {
      stdio: 'ignore',
      timeout: FETCH_MS,
    });
  }
  if (isReady()) return { PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  say('The reference programs could not be installed: comparisons with them are skipped.');
  return {};
}

module.exports = { prepareEndToEnd, prepareReferences };
