/**
 * `npm test`: everything, from a fresh clone on. `npm test -- lint unit` runs only the steps named.
 * What this machine cannot run is skipped and listed; any failure makes it end with 1.
 */
const { spawn } = require('node:child_process');
const { ensureBuilt, ensureInstalled, inRoot, Problem, root } = require('./lib/prepare.cjs');
const { prepareEndToEnd, prepareReferences } = require('./lib/test-machine.cjs');

const say = (line) => process.stdout.write(`${line}\n`);
const MINUTE = 60_000;
const bin = (...parts) => inRoot('node_modules', ...parts);

/** name, minutes, a Node script and its parameters */
const checks = [
  ['lint', 3, bin('@biomejs', 'biome', 'bin', 'biome'), 'check', '.'],
  ['types', 5, bin('typescript', 'bin', 'tsc'), '-p', 'tsconfig.node.json'],
  [
    'svelte',
    5,
    bin('svelte-check', 'bin', 'svelte-check'),
    '--tsconfig',
    'tsconfig.web.json',
    '--fail-on-warnings',
  ],
  [
    'layers',
    3,
    bin('dependency-cruiser', 'bin', 'dependency-cruise.mjs'),
    'src',
    '--config',
    '.dependency-cruiser.cjs',
  ],
  ['unit', 10, bin('vitest', 'vitest.mjs'), 'run', '--project', 'unit'],
  ['integration', 30, bin('vitest', 'vitest.mjs'), 'run', '--project', 'integration'],
];
const endToEnd = ['web', 'electron'];
const stepNames = ['install', 'build', ...checks.map(([name]) => name), ...endToEnd];

const KEPT_CHARACTERS = 6000;

/** Exit code of a command, 124 when it took too long; and the end of what it printed. */
function run(command, parameters, env, minutes) {
  return new Promise((settle) => {
    const colour = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
    const child = spawn(command, parameters, {
      cwd: root,
      stdio: ['inherit', 'pipe', 'pipe'],
      env: { ...process.env, ...colour, ...env },
      // A group of its own, so that all of it can be ended.
      detached: process.platform !== 'win32',
    });
    let printed = '';
    const resolve = (code) => settle({ code, printed });
    for (const stream of ['stdout', 'stderr'])
      child[stream].on('data', (chunk) => {
        process[stream].write(chunk);
        printed = (printed + chunk).slice(-KEPT_CHARACTERS);
      });
    const end = () => {
      try {
        if (process.platform === 'win32') child.kill();
        else process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Ended already.
      }
    };
    const timer = setTimeout(() => {
      say(`took longer than ${minutes} minutes`);
      end();
      resolve(124);
    }, minutes * MINUTE);
    const interrupt = () => {
      end();
      process.exit(130);
    };
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    child.once('error', (error) => {
      say(String(error));
      resolve(127);
    });
    // What it left behind would keep its output open.
    child.once('exit', end);
    child.once('close', (code) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      resolve(code ?? 1);
    });
  });
}

async function main() {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !stepNames.includes(name));
  if (unknown.length > 0)
    throw new Problem(`no step ${unknown.join(', ')}; there are ${stepNames.join(', ')}`);
  const isAsked = (name) => asked.length === 0 || asked.includes(name);

  const results = [];
  const step = async (name, work) => {
    say(`\n── ${name} ──`);
    const begun = Date.now();
    const { result, printed = '' } = await work();
    results.push({ name, result, printed, seconds: (Date.now() - begun) / 1000 });
    return result === 'passed';
  };
  const outcome = ({ code, printed }) =>
    code === 0 ? { result: 'passed' } : { result: `FAILED (${code})`, printed };
  const attempt = (work) => async () => {
    try {
      work(say);
      return { result: 'passed' };
    } catch (error) {
      const printed = error instanceof Problem ? error.message : String(error);
      say(printed);
      return { result: 'FAILED', printed };
    }
  };

  if (await step('install', attempt(ensureInstalled))) {
    const built = await step('build', attempt(ensureBuilt));
    const env = prepareReferences(say);
    for (const [name, minutes, script, ...parameters] of checks) {
      if (isAsked(name))
        await step(name, async () =>
          outcome(await run(process.execPath, [script, ...parameters], env, minutes)),
        );
    }
    if (endToEnd.some(isAsked)) {
      const machine = prepareEndToEnd(say);
      for (const name of endToEnd) {
        if (!isAsked(name)) continue;
        await step(name, async () => {
          if (!built) return { result: 'FAILED (no build)' };
          const reason = machine[name];
          if (reason !== null) return { result: `SKIPPED: ${reason}` };
          const parameters = [bin('@playwright', 'test', 'cli.js'), 'test', '--project', name];
          const [command, ...before] =
            name === 'electron' ? [...machine.wrap, process.execPath] : [process.execPath];
          return outcome(await run(command, [...before, ...parameters], { ...env, ...machine.env }, 25));
        });
      }
    }
  }

  const failed = results.filter(({ result }) => result.startsWith('FAILED'));
  // Again at the end, where it is found: hundreds of lines of later steps may lie between.
  for (const { name, printed } of failed) say(`\n── ${name} failed; the end of its output ──\n${printed}`);
  const width = Math.max(...results.map(({ name }) => name.length));
  say('\nSummary');
  for (const { name, result, seconds } of results)
    say(`  ${name.padEnd(width)}  ${seconds.toFixed(1).padStart(7)} s  ${result}`);
  return failed.length > 0 ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(
      `npm test: ${error instanceof Problem ? error.message : String(error?.stack ?? error)}\n`,
    );
    process.exit(1);
  },
);
