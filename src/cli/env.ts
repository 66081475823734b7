import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetTarget, openDataset, parseDatasetSpec, type Skipped } from '@engine/datasets';
import { ObservationRenderer } from '@engine/environment/observation-image';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { startEnvironmentHost } from '@engine/server/environment-host';
import { generateToken, isLoopback } from '@engine/server/security';
import { parseSegmenterSpec } from '@engine/setup/specs';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { defaultRewardWeights, parseRewardWeights, type RewardWeights } from '@shared/rewards/weights';
import { settleConventions } from '@shared/tools/conventions';
import { stopOnSignal } from './interrupt';
import { askedConventions, type ConventionOptions } from './options/conventions';
import { cacheDir, outDir, resourcesDir } from './paths';

interface EnvOptions extends ConventionOptions {
  dataset?: string;
  split?: string;
  images?: string;
  limit?: number;
  segmenter: string;
  turns: number;
  metrics?: boolean;
  rewards?: string;
  port: number;
  host: string;
  token?: string;
  sessions: number;
  idleMinutes: number;
  httpIdleMinutes: number;
  json?: boolean;
}

/** Longer than most policies think about a turn, and short enough that others can wait for it. */
const yieldsAfterMs = 60_000;

/** Serves the environment until Ctrl+C. Its address is the first line on standard output. */
export async function envCommand(options: EnvOptions): Promise<void> {
  const log = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const weights = options.rewards === undefined ? defaultRewardWeights : await readWeights(options.rewards);
  const conventions = settleConventions({}, askedConventions(options));
  const stop = stopOnSignal('Stopping.');
  try {
    const targets = await readTargets(options, log, stop.signal);
    const segmenter = await openSegmenter({
      ...parseSegmenterSpec(options.segmenter, resourcesDir),
      threadFile: join(outDir, 'segmenter-thread.js'),
      cacheDir: join(cacheDir(), 'embeddings'),
    });
    try {
      const host = await startEnvironmentHost({
        world: {
          targets,
          segmenter,
          conventions,
          turnBudget: options.turns,
          weights,
          renderer: new ObservationRenderer(),
          metrics: options.metrics ?? false,
        },
        host: options.host,
        port: options.port,
        token: options.token ?? (isLoopback(options.host) ? null : generateToken()),
        sessions: options.sessions,
        idle: {
          connectedMs: options.idleMinutes * 60_000,
          statelessMs: Math.min(options.idleMinutes, options.httpIdleMinutes) * 60_000,
          whenFullMs: yieldsAfterMs,
        },
        log,
      });
      const { turns, sessions } = options;
      const { coordinates, prompt, viewPixels } = conventions;
      const served = { items: targets.length, turns, coordinates, prompt, view_pixels: viewPixels, sessions };
      const facts = { url: host.url, port: host.port, ...served };
      process.stdout.write(`${options.json ? JSON.stringify(facts) : host.url}\n`);
      log(`${targets.length} items, at most ${sessions} sessions. Ctrl+C stops it.`);
      await aborted(stop.signal);
      await host.close();
    } finally {
      await segmenter.close();
    }
  } finally {
    stop.dispose();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function readTargets(
  options: EnvOptions,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<DatasetTarget[]> {
  if (options.dataset === undefined) return [];
  const { split, images, limit } = options;
  const dataset = await openDataset(parseDatasetSpec(options.dataset), { split, images, limit });
  const targets: DatasetTarget[] = [];
  const onSkip = ({ item, reason }: Skipped): void => log(`skipped ${item}: ${reason}`);
  for await (const target of dataset.targets({ onSkip, signal })) targets.push(target);
  if (targets.length > 0) return targets;
  throw new MaskwrightError('INVALID_REQUEST', `There is nothing to segment in ${options.dataset}.`, {
    hint: 'Are --images and --split the right ones?',
  });
}

async function readWeights(file: string): Promise<RewardWeights> {
  const text = await readFile(file, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MaskwrightError('FORMAT_UNREADABLE', `${file} is not JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return parseRewardWeights(value);
}
