import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type DatasetTarget, openDataset } from '@engine/datasets';
import { boxFromImage, defaultViewConfig, fromImage, fullView } from '@shared/geometry/view';
import { bitmapBox } from '@shared/mask/bitmap';
import { interiorMaximum } from '@shared/mask/distance';
import { decodeMask } from '@shared/mask/rle';
import { seededRandom } from '@shared/random';
import { expect, it } from 'vitest';
import { startCli } from '../support/cli';
import { type Frame, openEnvClient } from '../support/openenv-client';
import { coco20, hasSharedData } from '../support/shared-data';
import { misbehave } from './hostile-clients';

/**
 * `npm run bench:env`: so many sessions play episodes for so many minutes, beside clients that vanish, send rubbish,
 * stall, send too much or say nothing. Prints the table of docs/environment-server.md.
 */

const sessions = Number(process.env.MASKWRIGHT_LOAD_SESSIONS ?? 64);
const minutes = Number(process.env.MASKWRIGHT_LOAD_MINUTES ?? 10);
const hostileOfEachKind = 2;
/** What a policy takes to think, at most. Milliseconds. */
const thinkMs = 1000;

interface Call {
  name: string;
  arguments: Record<string, unknown>;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** As somebody would call who sees the target: a box, a click in its middle, the end. */
function simulatedCalls(target: DatasetTarget): Call[] {
  if (!target.groundTruth) return [{ name: 'report_no_target', arguments: {} }];
  const truth = decodeMask(target.groundTruth);
  const view = fullView(truth, defaultViewConfig('norm1000'));
  const box = bitmapBox(truth);
  const middle = interiorMaximum(truth);
  if (!box || !middle) return [{ name: 'finish', arguments: {} }];
  const { x, y } = fromImage(view, 'norm1000', middle);
  return [
    { name: 'segment_box', arguments: { ...boxFromImage(view, 'norm1000', box) } },
    { name: 'add_point', arguments: { x, y, label: 'positive' } },
    { name: 'finish', arguments: {} },
  ];
}

/** Any call, valid or not. */
function randomCalls(random: () => number): Call[] {
  const at = (): number => Math.floor(random() * 1100);
  const box = (): Record<string, number> => ({ x1: at(), y1: at(), x2: at(), y2: at() });
  const makers: (() => Call)[] = [
    () => ({ name: 'segment_box', arguments: box() }),
    () => ({
      name: 'add_point',
      arguments: { x: at(), y: at(), label: random() < 0.7 ? 'positive' : 'negative' },
    }),
    () => ({ name: 'zoom', arguments: box() }),
    () => ({ name: 'zoom_out', arguments: {} }),
    () => ({ name: 'revert', arguments: { turn: Math.floor(random() * 4) } }),
    () => ({ name: 'new_object', arguments: {} }),
    () => ({ name: 'nonsense', arguments: { a: 'b' } }),
  ];
  return Array.from({ length: 8 }, () => (makers[Math.floor(random() * makers.length)] ?? makers[0]!)());
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

it('holds its sessions under load', { timeout: (minutes + 5) * 60_000 }, async () => {
  if (!hasSharedData('load of the environment server')) return;
  const targets: DatasetTarget[] = [];
  const spec = { kind: 'refcoco', path: coco20.refs } as const;
  const dataset = await openDataset(spec, { instances: coco20.instances, images: coco20.images });
  for await (const target of dataset.targets()) targets.push(target);

  const server = startCli([
    'env',
    ...['--dataset', `refcoco:${coco20.refs}`, '--images', coco20.images, '--segmenter', 'embedded'],
    ...['--metrics', '--json', '--port', '0', '--sessions', String(sessions + 64)],
  ]);
  const { stdout, pid } = server.child;
  if (!stdout || pid === undefined) throw new Error('The server did not start.');
  const [line] = await once(createInterface(stdout), 'line');
  const { url } = JSON.parse(String(line)) as { url: string };

  const begun = Date.now();
  const until = begun + minutes * 60_000;
  const latencies: { at: number; ms: number }[] = [];
  const health: number[] = [];
  const errors: string[] = [];
  let episodes = 0;

  const play = async (seed: number): Promise<void> => {
    const random = seededRandom(seed);
    const env = await openEnvClient(url);
    const timed = async (frame: unknown): Promise<Frame> => {
      const start = performance.now();
      const answer = await env.ask(frame);
      latencies.push({ at: Date.now(), ms: performance.now() - start });
      if (answer.type === 'error') errors.push(JSON.stringify(answer.data));
      return answer;
    };
    while (Date.now() < until) {
      const index = Math.floor(random() * targets.length);
      const target = targets[index];
      if (!target) throw new Error('There is no target.');
      await timed({ type: 'reset', data: { index } });
      for (const call of seed % 2 === 0 ? simulatedCalls(target) : randomCalls(random)) {
        await pause(random() * thinkMs);
        const { data } = await timed({ type: 'step', data: call });
        if (data.done) break;
      }
      episodes++;
    }
    await env.close();
  };

  const rows: { minute: number; mb: number }[] = [];
  const watch = async (): Promise<void> => {
    for (let tick = 0; Date.now() < until; tick++) {
      if (process.platform === 'linux' && tick % 10 === 0)
        rows.push({ minute: (Date.now() - begun) / 60_000, mb: residentMb(pid) });
      const start = performance.now();
      const { ok } = await fetch(`${url}/health`, { headers: { Connection: 'close' } });
      health.push(performance.now() - start);
      if (!ok) errors.push('health');
      await pause(1000);
    }
  };

  const honest = Array.from({ length: sessions }, (_, seed) =>
    play(seed).catch((error: unknown) => errors.push(String(error))),
  );
  const [, counts] = await Promise.all([
    Promise.all(honest),
    misbehave(`${url.replace('http', 'ws')}/ws`, until, hostileOfEachKind),
    watch(),
  ]);
  server.child.kill('SIGTERM');
  const { code, stderr } = await server.result;

  const all = latencies.map(({ ms }) => ms);
  const median = quantile(all, 0.5);
  const ratio = (share: number): string => (quantile(all, share) / median).toFixed(1);
  const lines = [
    `${sessions} sessions, ${minutes} minutes: ${latencies.length} requests, ${episodes} episodes, ${errors.length} errors`,
    `hostile clients, times each: ${Object.entries(counts)
      .map(([name, n]) => `${name} ${n}`)
      .join(', ')}`,
    `latency over its median: p95 ${ratio(0.95)}, p99 ${ratio(0.99)}, max ${ratio(1)} (median ${median.toFixed(0)} ms here)`,
    `health over that median: p50 ${(quantile(health, 0.5) / median).toFixed(2)}, p99 ${(quantile(health, 0.99) / median).toFixed(2)}, max ${(quantile(health, 1) / median).toFixed(2)}`,
    '',
    '| minute | resident memory, MB | requests | median latency over all |',
    '|---|---|---|---|',
    ...Array.from({ length: Math.ceil(minutes) }, (_, minute) => {
      const mb = rows.filter((row) => Math.floor(row.minute) === minute).map((row) => row.mb);
      const within = latencies
        .filter(({ at }) => Math.floor((at - begun) / 60_000) === minute)
        .map(({ ms }) => ms);
      const mean = mb.reduce((a, b) => a + b, 0) / mb.length;
      return `| ${minute + 1} | ${mean.toFixed(0)} | ${within.length} | ${(quantile(within, 0.5) / median).toFixed(2)} |`;
    }),
  ];
  process.stdout.write(`\n${lines.join('\n')}\n\n`);
  expect(errors.slice(0, 5)).toEqual([]);
  expect(code).toBe(0);
  expect(stderr).not.toContain('INTERNAL');
});
