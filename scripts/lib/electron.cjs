/** Finds an Electron binary, or fetches it within a bounded time. */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { inRoot } = require('./prepare.cjs');

const binaries = { win32: 'electron.exe', darwin: 'Electron.app/Contents/MacOS/Electron' };
/** The first Electron with everything that the app uses; older ones run it in tests only. */
const FIRST_COMPLETE = 25;
const REACH_MS = 6_000;
const FETCH_MS = 180_000;

function electronIn(dist) {
  const file = path.join(dist, binaries[process.platform] ?? 'electron');
  if (!fs.existsSync(file)) return null;
  const versionFile = path.join(dist, 'version');
  const version = fs.existsSync(versionFile)
    ? fs.readFileSync(versionFile, 'utf8').trim().replace(/^v/, '')
    : '';
  return { dist, file, version };
}

/** The folder that ELECTRON_OVERRIDE_DIST_PATH names, else the one of the package. */
function findElectron() {
  const chosen = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (chosen) return electronIn(path.resolve(chosen));
  // Written last: without it a fetch was cut off.
  if (!fs.existsSync(inRoot('node_modules', 'electron', 'path.txt'))) return null;
  return electronIn(inRoot('node_modules', 'electron', 'dist'));
}

/** Electron 42 and later come without their binary. Null when it cannot be had now. */
async function fetchElectron(say) {
  if (process.env.ELECTRON_OVERRIDE_DIST_PATH) return null;
  const mirror =
    process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror ?? 'https://github.com';
  const isProxied = Boolean(process.env.HTTPS_PROXY ?? process.env.https_proxy);
  if (!isProxied) {
    const answer = await fetch(mirror, { method: 'HEAD', signal: AbortSignal.timeout(REACH_MS) }).catch(
      () => null,
    );
    if (answer === null) return null;
  }
  say('Fetching Electron (about 110 MB, once) …');
  spawnSync(process.execPath, [inRoot('node_modules', 'electron', 'install.js')], {
    cwd: inRoot(),
    stdio: 'ignore',
    timeout: FETCH_MS,
    killSignal: 'SIGKILL',
  });
  return findElectron();
}

/** Arguments before the app's folder. */
function electronArguments({ version }) {
  const found = [];
  if (process.platform === 'linux' && process.getuid() === 0) found.push('--no-sandbox');
  if (version !== '' && Number.parseInt(version, 10) < FIRST_COMPLETE)
    found.push('-r', inRoot('tests', 'electron', 'compat.cjs'));
  return found;
}

module.exports = { electronArguments, electronIn, fetchElectron, findElectron };
