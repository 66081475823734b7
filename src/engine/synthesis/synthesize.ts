import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type { AnnotatorMix } from '@shared/synthesis/annotator-mix';
import {
  type Dropped,
  type EpisodeSummary,
  type FilterOptions,
  filterEpisodes,
  summaryOfEpisode,
} from '@shared/synthesis/filters';
import { type SynthesisReport, synthesisReport } from '@shared/synthesis/report';
import type { ThoughtSource } from '@shared/synthesis/thought-source';
import { visibleTurns } from '@shared/synthesis/visible';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
import PQueue from 'p-queue';
import { FailureGuard } from '../batch/failure-guard';
import type { ProgressLog } from '../batch/progress-log';
import { type DatasetTarget, openTargetImage, type Skipped } from '../datasets';
import { ObservationRenderer } from '../environment/observation-image';
import { writeTextFile, writeTextParts } from '../exporters';
import type { Policy } from '../policies/policy';
import { rewriteThought, rewritingPrompt } from './rewrite-thoughts';
import { withWrongHypothesis } from './simulated-policies';
import { ThoughtLog } from './thought-log';
import { ownThought, seedOf, withThoughts } from './write-thoughts';

/** So many episodes of each target, each with a key of its own. */
export function* episodesOf(targets: Iterable<DatasetTarget>, perTarget: number): Generator<DatasetTarget> {
  for (const target of targets) {
    for (let k = 1; k <= perTarget; k++) {
      yield perTarget === 1 ? target : { ...target, key: `${target.key}~${k}` };
    }
  }
}

export interface Teacher {
  policy: Policy;
  /** Tells its thoughts from those of another one. */
  name: string;
}

export interface ResultOptions {
  out: string;
  /** Null: the policy is no simulated annotator. */
  mix: AnnotatorMix | null;
  filters: FilterOptions;
  seed: number;
  /** Rewrites the thoughts of what is kept; null: thoughts are the policy's own, or from templates. */
  teacher: Teacher | null;
  concurrency: number;
  signal?: AbortSignal;
  onRewritten?(done: number, total: number): void;
  /** The teacher failed at an episode: it has thoughts from templates, until the next run asks again. */
  onRewriteFailed?(key: string, message: string): void;
}

export const trajectoriesFile = 'trajectories.jsonl';
export const droppedFile = 'dropped.jsonl';
export const reportFile = 'report.json';
const thoughtsFile = 'thoughts.jsonl';

/**
 * Filters the episodes of a log, gives those that are kept their thoughts, and writes trajectories.jsonl, dropped.jsonl
 * and report.json. Other thresholds only need this again.
 *
 * @throws MaskwrightError of the teacher's endpoint, CANCELLED; thoughts that were written are kept
 */
export async function writeSynthesis(
  items: readonly DatasetTarget[],
  log: ProgressLog,
  skipped: readonly Skipped[],
  options: ResultOptions,
): Promise<SynthesisReport> {
  const { out, filters, teacher, seed } = options;
  await mkdir(out, { recursive: true });
  const finish = (json: string): Trajectory => {
    const trajectory = parseTrajectory(JSON.parse(json));
    return options.mix ? withWrongHypothesis(trajectory, options.mix) : trajectory;
  };
  const ok = items.filter(({ key }) => log.done.get(key)?.ok);
  const made: EpisodeSummary[] = [];
  for await (const json of log.trajectories(ok.map(({ key }) => key))) {
    const key = ok[made.length]?.key ?? '';
    made.push(summaryOfEpisode(key, finish(json)));
  }
  const { kept, dropped: filtered } = filterEpisodes(made, filters);
  const failed = items.flatMap(({ key }): Dropped[] => {
    const result = log.done.get(key);
    return result && !result.ok
      ? [{ key, reason: 'failed', detail: `${result.code}: ${result.message}` }]
      : [];
  });
  const dropped = [...failed, ...filtered];
  const keptKeys = new Set(kept.map(({ key }) => key));
  const keptItems = items.filter(({ key }) => keptKeys.has(key));

  const thoughts = teacher ? await ThoughtLog.open(join(out, thoughtsFile), teacher.name) : null;
  if (teacher && thoughts)
    await rewriteAll(keptItems, log, finish, thoughts, { ...options, teacher: teacher.policy });

  const counts: Record<ThoughtSource, number> = { template: 0, own: 0, teacher: 0, fallback: 0 };
  async function* lines(): AsyncGenerator<string, void> {
    let index = 0;
    for await (const json of log.trajectories(keptItems.map(({ key }) => key))) {
      const trajectory = finish(json);
      const { naming } = keptItems[index++] ?? {};
      const done = withThoughts(trajectory, thoughts?.get(trajectory.header.id), seed, naming);
      for (const by of ['template', 'own', 'teacher', 'fallback'] as const) counts[by] += done.counts[by];
      yield `${JSON.stringify(done.trajectory)}\n`;
    }
  }
  await writeTextParts(join(out, trajectoriesFile), lines());
  await writeDropped(join(out, droppedFile), dropped, items, made);
  const byKey = new Map(items.map((item) => [item.key, item]));
  const report = synthesisReport({
    n: items.length,
    made,
    kept,
    dropped,
    skipped,
    filters,
    thoughts: counts,
    named: (key) => ({ image: byKey.get(key)?.fileName ?? '', query: byKey.get(key)?.query ?? '' }),
  });
  await writeTextFile(join(out, reportFile), `${JSON.stringify(report, null, 2)}\n`);
  return report;
}

async function writeDropped(
  file: string,
  dropped: readonly Dropped[],
  items: readonly DatasetTarget[],
  made: readonly EpisodeSummary[],
): Promise<void> {
  const byKey = new Map(items.map((item) => [item.key, item]));
  const episodes = new Map(made.map((episode) => [episode.key, episode]));
  const lines = dropped.map(({ key, reason, detail }) => {
    const item = byKey.get(key);
    const episode = episodes.get(key);
    return `${JSON.stringify({
      key,
      image: item?.fileName ?? '',
      query: item?.query ?? '',
      reason,
      detail,
      calls: episode?.calls ?? [],
      ious: episode?.ious ?? [],
    })}\n`;
  });
  await writeTextFile(file, lines.join(''));
}

/** Asks the teacher for each thought of each trajectory that it has not written yet. */
async function rewriteAll(
  items: readonly DatasetTarget[],
  log: ProgressLog,
  finish: (json: string) => Trajectory,
  thoughts: ThoughtLog,
  options: Omit<ResultOptions, 'teacher'> & { teacher: Policy },
): Promise<void> {
  const { teacher, signal, concurrency } = options;
  const renderer = new ObservationRenderer();
  const queue = new PQueue({ concurrency });
  const failure = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
  let done = 0;
  const rewrite = async (item: DatasetTarget, trajectory: Trajectory): Promise<void> => {
    const image = await openTargetImage(item);
    const seed = seedOf(trajectory, options.seed);
    const written: Parameters<ThoughtLog['add']>[1] = [];
    for (const { node, visible } of visibleTurns(trajectory)) {
      const messages = await rewritingPrompt(visible, image, renderer, trajectory.header.overlay);
      const { thought } = await rewriteThought(teacher, visible, messages, {
        signal: stop,
        seed: seed >>> 1,
      });
      written.push(
        thought === null
          ? { node, thought: ownThought(visible, seed, item.naming), by: 'fallback' }
          : { node, thought, by: 'teacher' },
      );
    }
    thoughts.add(trajectory.header.id, written);
  };
  const guard = new FailureGuard();
  const errors: unknown[] = [];
  let index = 0;
  for await (const json of log.trajectories(items.map(({ key }) => key))) {
    const item = items[index++];
    if (!item || stop.aborted) break;
    const trajectory = finish(json);
    if (!thoughts.get(trajectory.header.id)) {
      // Not more at a time than are worked on: each holds its masks.
      await queue.onSizeLessThan(concurrency);
      void queue.add(() =>
        rewrite(item, trajectory)
          .then(
            () => guard.succeeded(),
            (error: unknown) => {
              if (stop.aborted) return;
              const known = error instanceof MaskwrightError;
              const failed = {
                code: known ? error.code : 'INTERNAL',
                message: messageOf(error),
                hint: known ? error.hint : '',
              };
              options.onRewriteFailed?.(item.key, failed.message);
              guard.failed(failed);
            },
          )
          .then(
            () => options.onRewritten?.(++done, items.length),
            (error: unknown) => {
              errors.push(error);
              failure.abort();
            },
          ),
      );
    } else options.onRewritten?.(++done, items.length);
  }
  await queue.onIdle();
  if (errors.length > 0) throw errors[0];
  if (signal?.aborted) throw new MaskwrightError('CANCELLED', 'The run was stopped.');
}
