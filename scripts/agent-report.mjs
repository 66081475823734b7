// The table of claims of docs/embedded-models.md, measured: evaluations of the models that train-agent.mjs made.
// Usage: npm run agent-report -- --models DIR [--limit N] [--split test] [--out DIR]; resumes where it was stopped.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { ensureBuilt, ensureInstalled, inRoot } = createRequire(import.meta.url)('./lib/prepare.cjs');

const text = { type: 'string' };
const { values: o } = parseArgs({
  options: {
    models: text,
    out: {
      ...text,
      default: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'maskwright', 'agent-report'),
    },
    split: { ...text, default: 'test' },
    limit: { ...text, default: '300' },
  },
});
if (!o.models) throw new Error('--models: the folder with sft.gguf and, where there is one, grpo.gguf');
const inOut = (...parts) => join(resolve(o.out), ...parts);
const ITEMS_FAILED = 1;

function maskwright(args, output = 'inherit') {
  const { status, stdout, error } = spawnSync(process.execPath, [inRoot('out', 'main', 'cli.js'), ...args], {
    stdio: ['ignore', output, 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  if (status !== 0 && status !== ITEMS_FAILED) throw new Error(`${args[0]} ended with ${status}`);
  return stdout;
}

/** Evaluates into OUT/NAME. */
function evaluate(name, model, ...more) {
  const files = ['.gguf', '-mmproj.gguf'].map((end) => join(resolve(o.models), `${model}${end}`));
  maskwright([
    ...['eval', '--dataset', 'reasonscenes', '--split', o.split, '--limit', o.limit, '--turns', '8'],
    ...['--policy', `llama:${files.join(',')}`, '--segmenter', 'embedded', '--out', inOut(name), ...more],
  ]);
  return JSON.parse(readFileSync(inOut(name, 'report.json'), 'utf8'));
}

const METRIC = 'protocols.lisa.gIoU';
const three = (value) => value?.toFixed(3) ?? '–';
const interval = ({ value, low, high }) => `${three(value)} (${three(low)} to ${three(high)})`;

/** One line of the table: B against A by pairs. */
function claim(said, a, b) {
  const compared = JSON.parse(maskwright(['compare', inOut(...a), inOut(...b), '--json'], 'pipe'));
  const difference = compared.differences[METRIC];
  const holds = difference.low > 0 ? 'yes' : difference.high < 0 ? 'no, the other way' : 'not shown';
  const values = [compared.values_a[METRIC], compared.values_b[METRIC]].map(interval);
  return `| ${said} | ${values.join(' | ')} | ${interval(difference)} | ${holds} |`;
}

ensureInstalled((line) => process.stderr.write(`${line}\n`));
ensureBuilt((line) => process.stderr.write(`${line}\n`));
/** The agent after its last stage. */
const agent = existsSync(join(resolve(o.models), 'grpo.gguf')) ? 'grpo' : 'sft';
const report = evaluate(agent, agent, '--sweep', '1,2,4');
if (agent === 'grpo') evaluate('sft', 'sft');
evaluate('blind', agent, '--blind');
evaluate('no-zoom', agent, '--without', 'zoom,zoom_out');

const lines = [
  `${report.n} targets of ReasonScenes ${o.split}, ${report.failed} failed; gIoU (LISA's) with 95 % intervals.`,
  '',
  '| claim | without | with | difference by pairs | holds |',
  '|---|---|---|---|---|',
  claim('several turns above one', [agent, 'turns-1'], [agent]),
  ...(agent === 'grpo' ? [claim('SFT and RL above SFT', ['sft'], ['grpo'])] : []),
  claim('with the pictures of its calls above without', ['blind'], [agent]),
  claim('with zoom above without', ['no-zoom'], [agent]),
  '',
  '| turns | gIoU | cIoU | first call alone |',
  '|---|---|---|---|',
  ...report.budgets.map(
    ({ budget, protocols, one_shot: first }) =>
      `| ${budget} | ${interval(protocols.lisa.gIoU)} | ${interval(protocols.lisa.cIoU)} | ${interval(first.lisa.gIoU)} |`,
  ),
  '',
  '| queries | targets | gIoU |',
  '|---|---|---|',
  ...report.groups.map(({ group, n, protocols }) => `| ${group} | ${n} | ${interval(protocols.lisa.gIoU)} |`),
];
writeFileSync(inOut('claims.md'), `${lines.join('\n')}\n`);
process.stdout.write(`${lines.join('\n')}\n`);
