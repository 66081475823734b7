// The whole way of a model: grounding, synthesis, SFT, GRPO against the environment server, GGUF, the app's runtime.
// Usage: npm run train:agent -- [--size smoke|embedded] [--out DIR] [--python PYTHON] …; see training/README.md.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { ensureBuilt, ensureInstalled, inRoot } = createRequire(import.meta.url)('./lib/prepare.cjs');

/** `smoke` sees every step at work; `embedded` makes the agent of resources/models. */
const sizes = {
  smoke: {
    scenes: '64',
    'per-target': '1',
    net: 'pico',
    grounding: '0',
    'warm-up': '300',
    batch: '4',
    'sft-steps': '120',
    'sft-lr': '2e-3',
    episodes: '8',
    'grpo-steps': '20',
    'grpo-lr': '1e-4',
    eval: '8',
    prompts: '8',
  },
  embedded: {
    scenes: '4000',
    'per-target': '1',
    net: 'embedded',
    grounding: '14400',
    'warm-up': '0',
    batch: '16',
    'sft-steps': '1200',
    'sft-lr': '5e-4',
    episodes: '32',
    'grpo-steps': '300',
    'grpo-lr': '1e-4',
    eval: '200',
    prompts: '50',
  },
};
const text = { type: 'string' };
const { values: given } = parseArgs({
  options: {
    size: { ...text, default: 'smoke' },
    out: text,
    python: text,
    pictures: text,
    begin: text,
    ship: { type: 'boolean', default: false },
    threads: { ...text, default: '2' },
    turns: { ...text, default: '8' },
    ...Object.fromEntries(Object.keys(sizes.smoke).map((name) => [name, text])),
  },
});
if (!(given.size in sizes)) throw new Error(`--size is smoke or embedded, not ${given.size}`);
if (given.ship && given.size !== 'embedded') throw new Error('--ship is for --size embedded');
const o = { ...sizes[given.size], ...given };
/** Episodes of the same scene, which GRPO compares: grpo.py's --group. */
const GROUP = 4;
if (Number(o['grpo-steps']) > 0 && Number(o.episodes) % GROUP !== 0)
  throw new Error(`--episodes has to be a multiple of ${GROUP}, not ${o.episodes}`);
if (o.begin && Number(o.grounding) === 0)
  throw new Error('--begin needs --grounding: it is where training goes on');
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'maskwright');
const out = resolve(o.out ?? join(cache, `train-agent-${o.size}`));
const inOut = (...parts) => join(out, ...parts);
const training = (...parts) => inRoot('training', ...parts);
const times = {};

const say = (line) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

const scriptOf = (args) => args.find((arg) => arg.endsWith('.py')) ?? args[0];

/** Runs a command with its output on this one's; throws where it fails (exit codes of `fine` excepted). */
function run(command, args, { env = {}, fine = [] } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: inRoot(),
    stdio: ['ignore', process.stderr, process.stderr],
    env: { ...process.env, ...env },
  });
  if (error) throw error;
  if (status !== 0 && !fine.includes(status))
    throw new Error(`${command} ${scriptOf(args)} ended with ${status}`);
}

/** A step that is done once: its mark says so, and a run that was stopped goes on behind the last one. */
async function step(name, work) {
  const mark = inOut(`${name}.done`);
  if (existsSync(mark)) {
    times[name] = Number(readFileSync(mark, 'utf8'));
    say(`${name}: done before`);
    return;
  }
  say(`${name} …`);
  const start = Date.now();
  await work();
  times[name] = Math.round((Date.now() - start) / 1000);
  writeFileSync(mark, String(times[name]));
  say(`${name}: ${times[name]} s`);
}

/** Python with what training/trl needs: the one that is given, or an environment in the cache folder. */
function python() {
  if (o.python) return o.python;
  const requirements = training('trl', 'requirements.txt');
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(cache, `train-python-${hash}`);
  const own = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (!existsSync(join(folder, 'ready'))) {
    say(`Python environment in ${folder} (several GB, once)`);
    run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', folder]);
    run(own, ['-m', 'pip', 'install', '--quiet', '-r', requirements]);
    writeFileSync(join(folder, 'ready'), '');
  }
  return own;
}

const pythonEnv = {
  HF_HUB_OFFLINE: '1',
  TOKENIZERS_PARALLELISM: 'false',
  OMP_NUM_THREADS: o.threads,
  PYTHONWARNINGS: 'ignore',
  // Freed memory is kept: giving it back to the system and asking again costs more than some of the arithmetic.
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: '100000000000',
};

/** The environment server while `work` runs. */
async function withServer(options, work) {
  const args = [inRoot('out', 'main', 'cli.js'), 'env', '--json', '--metrics', '--port', '0', ...options];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((_, reject) => {
    server.once('exit', (code) => reject(new Error(`The environment server ended with ${code}`)));
    server.once('error', reject);
  });
  gone.catch(() => {});
  try {
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
    const { value } = await Promise.race([lines.next(), gone]);
    await work(JSON.parse(value).url);
  } finally {
    server.kill('SIGINT');
  }
}

function runAsync(command, args, env) {
  return new Promise((done, reject) => {
    const child = spawn(command, args, {
      cwd: inRoot(),
      stdio: ['ignore', process.stderr, process.stderr],
      env: { ...process.env, ...env },
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? done() : reject(new Error(`${scriptOf(args)} ended with ${code}`)),
    );
  });
}

const jsonLines = (file) => readFileSync(file, 'utf8').trim().split('\n').map(JSON.parse);

/** Means of the first and the last tenth of a series, ten entries at least. */
function ends(file, name) {
  const found = jsonLines(file).flatMap((entry) => (name in entry ? [Number(entry[name])] : []));
  const count = Math.min(found.length, Math.max(10, Math.floor(found.length / 10)));
  const mean = (part) => Number((part.reduce((a, b) => a + b, 0) / part.length).toFixed(4));
  return { steps: found.length, first: mean(found.slice(0, count)), last: mean(found.slice(-count)) };
}

/** What training began with: the hash of --begin's file, or nothing. A folder goes on with what it began with. */
const origin = o.begin ? createHash('sha256').update(readFileSync(o.begin)).digest('hex') : '';
const originFile = inOut('origin.txt');
const begun = existsSync(originFile) ? readFileSync(originFile, 'utf8') : '';
if (begun !== origin && (begun !== '' || existsSync(inOut('grounding'))))
  throw new Error(`${out} was begun with other weights: give --begin the same file, or another --out`);

mkdirSync(out, { recursive: true });
writeFileSync(originFile, origin);
ensureInstalled(say);
ensureBuilt(say);
const py = python();
/** Processes of SFT and GRPO: one for each core that is given, or for each graphics card. */
const processes = () => {
  const count = 'import torch; print(torch.cuda.device_count())';
  const cards = Number(spawnSync(py, ['-c', count], { encoding: 'utf8' }).stdout);
  return String(cards || o.threads);
};
const runPython = (script, ...args) => run(py, [training(...script.split('/')), ...args], { env: pythonEnv });
/** Some items were skipped or failed, which the command lists; the rest is there. */
const ITEMS_FAILED = 1;
const maskwright = (...args) =>
  run(process.execPath, [inRoot('out', 'main', 'cli.js'), ...args], { fine: [ITEMS_FAILED] });
/** Small views and a prompt without the tools' descriptions: the agent's file says so to whoever runs it. */
const conventions = ['--coordinates', 'pixel', '--prompt', 'brief', '--view-pixels', String(168 * 168)];
const dataset = ['--dataset', 'reasonscenes', '--turns', o.turns];
const played = [...dataset, ...conventions];
const mix = {
  pointStart: 0,
  lateStop: 0,
  earlyStop: 0,
  targetIou: [0.75, 0.85],
  zoom: 1,
  patience: 1,
};
const rows = inOut('rows', 'sft.jsonl');
const reinforces = Number(o['grpo-steps']) > 0;
/** The stages that leave a model, the last one's is the agent. */
const stages = reinforces ? ['sft', 'grpo'] : ['sft'];
const agent = stages.at(-1);

const grounds = Number(o.grounding) > 0;
if (o.begin) {
  await step('begin', () =>
    runPython('convert/from_gguf.py', resolve(o.begin), inOut('begin'), '--size', o.net),
  );
}
if (grounds) {
  await step('grounding', () =>
    runPython(
      'agent/train_grounding.py',
      ...['--out', inOut('grounding'), '--size', o.net, '--seconds', o.grounding, '--threads', o.threads],
      // What has been trained before sees already.
      ...['--vision-seconds', String(o.begin ? 0 : Number(o.grounding) * 0.25)],
      ...(o.begin ? ['--begin', inOut('begin', 'start.pt')] : []),
      ...['--calls-from', String(Number(o.grounding) * 0.85)],
    ),
  );
}
await step('synthesize', () =>
  maskwright(
    ...['synthesize', ...played, '--split', 'train', '--limit', o.scenes, '--per-target', o['per-target']],
    // A small network places boxes better than clicks, learns to take back a wrong one, and not to try for long.
    ...['--mix', JSON.stringify(mix)],
    ...['--max-length-share', '1', '--max-tools-share', '1', '--out', inOut('trajectories')],
  ),
);
await step('export', () =>
  maskwright(
    ...['export-training', 'sft', '--engine', 'trl', '--overwrite'],
    ...['--trajectories', inOut('trajectories', 'trajectories.jsonl'), '--dataset', 'reasonscenes'],
    ...['--out', inOut('rows')],
  ),
);
await step('checkpoint', () =>
  runPython(
    'agent/checkpoint.py',
    ...['--rows', rows, '--size', o.net, '--warm-up', o['warm-up'], '--threads', o.threads],
    ...['--out', inOut('start')],
    ...(grounds ? ['--grounding', inOut('grounding', 'grounding.pt')] : []),
  ),
);
await step('sft', () =>
  run(
    py,
    [
      // Processes of one thread: two see half as many rows again as one with two threads.
      ...['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', processes()],
      training('trl', 'sft.py'),
      ...['--model', inOut('start'), '--rows', rows, '--out', inOut('sft'), '--steps', o['sft-steps']],
      ...['--batch', o.batch, '--lr', o['sft-lr'], '--threads', '1'],
    ],
    { env: { ...pythonEnv, OMP_NUM_THREADS: '1' } },
  ),
);
const reinforce = (url) => {
  // As many as divide the episodes of a step among them.
  let count = Number(processes());
  while (Number(o.episodes) % count !== 0) count--;
  return runAsync(
    py,
    [
      ...['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', String(count)],
      training('trl', 'grpo.py'),
      ...['--model', inOut('sft', 'final'), '--server', url, '--items', o.scenes, '--out', inOut('grpo')],
      ...['--steps', o['grpo-steps'], '--batch', o.episodes, '--group', String(GROUP)],
      // Closer than 1 to greedy answers, which the agent gives.
      ...['--lr', o['grpo-lr'], '--temperature', '0.8', '--threads', '1'],
    ],
    { ...pythonEnv, OMP_NUM_THREADS: '1' },
  );
};
if (reinforces) {
  const rewards = ['--rewards', training('agent', 'rewards.json'), '--sessions', o.episodes];
  await step('grpo', () =>
    withServer([...played, '--split', 'train', '--limit', o.scenes, ...rewards], reinforce),
  );
}
await step('convert', () => {
  const convert = (from, to, type) =>
    runPython('convert/to_gguf.py', inOut(from, 'final'), inOut(...to), '--type', type, ...conventions);
  for (const stage of stages) convert(stage, ['models', stage], 'f16');
  convert(agent, ['parity', 'model'], 'f32');
});
await step('parity', () => {
  runPython(
    'convert/greedy.py',
    ...[inOut(agent, 'final'), rows, inOut('parity', 'greedy.json'), '--prompts', o.prompts],
  );
  const vitest = inRoot('node_modules', 'vitest', 'vitest.mjs');
  run(process.execPath, [vitest, 'run', '--project', 'integration', 'checkpoint-parity'], {
    env: { MASKWRIGHT_PARITY: inOut('parity') },
  });
});
await step('eval', () => {
  // The conventions are those of the model's file.
  for (const name of stages)
    maskwright(
      ...['eval', ...dataset, '--split', 'val', '--limit', o.eval, '--segmenter', 'embedded'],
      ...['--policy', `llama:${inOut('models', `${name}.gguf`)},${inOut('models', `${name}-mmproj.gguf`)}`],
      ...['--out', inOut(`eval-${name}`)],
    );
});

const curve = (from, picture, title, ...series) =>
  runPython(
    'trl/curves.py',
    ...[inOut(from, 'log.jsonl'), inOut(picture), '--title', title],
    ...series.flatMap((name) => ['--series', name]),
  );
curve('sft', 'loss.png', `SFT, ${o.net}`, 'loss', 'mean_token_accuracy');
if (reinforces) {
  const title = `GRPO, ${o.net}, ${o.episodes} episodes a step`;
  curve('grpo', 'reward.png', title, 'reward', 'episode/iou', 'episode/calls');
}
/** Puts the agent into resources/models; what it can do is written by hand, after agent-report measured it. */
function ship() {
  const folder = inRoot('resources', 'models');
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  const { files } = manifest.models.find(({ kind }) => kind === 'agent');
  for (const entry of files) {
    const bytes = readFileSync(inOut('models', entry.file.replace('embedded-vlm', agent)));
    writeFileSync(join(folder, entry.file), bytes);
    entry.bytes = bytes.length;
    entry.sha256 = createHash('sha256').update(bytes).digest('hex');
  }
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  say('resources/models/manifest.json: trainedOn, quality and limits are to be written anew');
}
if (o.ship) ship();
if (o.pictures) {
  mkdirSync(o.pictures, { recursive: true });
  const curves = reinforces ? ['loss.png', 'reward.png'] : ['loss.png'];
  for (const name of curves) copyFileSync(inOut(name), join(o.pictures, name));
}
const read = (...path) => JSON.parse(readFileSync(inOut(...path), 'utf8'));
const { compared: _each, ...parity } = read('parity', 'parity.json');
const evaluated = (name) => {
  const { n, failed, protocols } = read(`eval-${name}`, 'report.json');
  return { n, failed, gIoU: protocols.lisa.gIoU };
};
const summary = {
  options: o,
  seconds: times,
  sft: {
    loss: ends(inOut('sft', 'log.jsonl'), 'loss'),
    accuracy: ends(inOut('sft', 'log.jsonl'), 'mean_token_accuracy'),
  },
  grpo: reinforces && {
    reward: ends(inOut('grpo', 'log.jsonl'), 'reward'),
    iou: ends(inOut('grpo', 'log.jsonl'), 'episode/iou'),
    calls: ends(inOut('grpo', 'log.jsonl'), 'episode/calls'),
  },
  parity,
  evaluation: Object.fromEntries(stages.map((name) => [name, evaluated(name)])),
};
writeFileSync(inOut('summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
process.stdout.write(`${JSON.stringify(summary, null, 2)}\n${out}\n`);
