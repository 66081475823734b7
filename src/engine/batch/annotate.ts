import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { Scores } from '@shared/evaluation/sample';
import type { ViewConfig } from '@shared/geometry/view';
import { decodeMask, type Rle, rleArea } from '@shared/mask/rle';
import { hashText } from '@shared/random';
import { type AgentConventions, viewConfigOf } from '@shared/tools/conventions';
import type { Trajectory } from '@shared/trajectory/schema';
import { headerOf, runEpisode } from '../agent/episode';
import { type DatasetTarget, groundTruthOf, openTargetImage } from '../datasets';
import { Environment } from '../environment/environment';
import { type GroundTruth, overlap } from '../environment/ground-truth';
import { ObservationRenderer } from '../environment/observation-image';
import type { Policy } from '../policies/policy';
import type { ImageSource, Segmenter } from '../segmenters/segmenter';
import { FailureGuard } from './failure-guard';
import type { ItemResult, ProgressLog } from './progress-log';

export interface BatchOptions {
  segmenter: Segmenter;
  /** Makes the policy of an item; it is closed after the item's episode. `imageHash`: sha256 of the image's file, hex. */
  policyFor(item: DatasetTarget, groundTruth: GroundTruth | null, seed: number, imageHash: string): Policy;
  conventions: AgentConventions;
  turnBudget: number;
  concurrency: number;
  seed: number;
  signal?: AbortSignal;
  onItem?(result: ItemResult): void;
  /** Measures an episode against its target; recorded with the result. */
  scoresOf?(item: DatasetTarget, trajectory: Trajectory): Scores | null;
}

/**
 * Runs an episode for each item that the log does not hold yet, several at a time. Items are taken as they are needed,
 * so that a long data set can be streamed. An item that fails is recorded with its reason and the rest goes on; an error
 * that ends the run stops all of them.
 *
 * @throws MaskwrightError CANCELLED when the signal aborts, what {@link FailureGuard} gives up with; finished items are
 *   in the log
 */
export async function annotateBatch(
  items: Iterable<DatasetTarget> | AsyncIterable<DatasetTarget>,
  log: ProgressLog,
  options: BatchOptions,
): Promise<void> {
  await annotateBatches(items, [{ log, turnBudget: options.turnBudget }], options);
}

/** Episodes of a turn budget, and the log that holds them. */
export interface BatchRun {
  log: ProgressLog;
  turnBudget: number;
}

/**
 * As {@link annotateBatch}, with an episode of each item for every one of several turn budgets. The items are read once,
 * and the episodes of an item follow each other, so that its image is encoded once.
 */
export async function annotateBatches(
  items: Iterable<DatasetTarget> | AsyncIterable<DatasetTarget>,
  runs: readonly BatchRun[],
  options: Omit<BatchOptions, 'turnBudget'>,
): Promise<void> {
  const renderer = new ObservationRenderer();
  const waiting = notDone(items, runs);
  const guard = new FailureGuard();
  const failure = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failure.signal]) : failure.signal;
  const work = async (): Promise<void> => {
    // All workers draw from one generator, which serves them one after the other.
    for (let next = await waiting.next(); !next.done; next = await waiting.next()) {
      const { item, log, turnBudget } = next.value;
      if (signal.aborted) throw new MaskwrightError('CANCELLED', 'The run was stopped.');
      const result = await annotateItem(item, renderer, { ...options, turnBudget, signal });
      if (result.ok) guard.succeeded();
      else guard.failed(result);
      log.add(result);
      options.onItem?.(result);
    }
  };
  const errors: unknown[] = [];
  const worker = (): Promise<void> =>
    work().catch((error: unknown) => {
      errors.push(error);
      failure.abort();
    });
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency) }, worker));
  await waiting.return();
  // Those after the first are its echo in the other workers.
  if (errors.length > 0) throw errors[0];
}

async function* notDone(
  items: Iterable<DatasetTarget> | AsyncIterable<DatasetTarget>,
  runs: readonly BatchRun[],
): AsyncGenerator<BatchRun & { item: DatasetTarget }, void> {
  for await (const item of items) {
    for (const run of runs) if (!run.log.done.has(item.key)) yield { ...run, item };
  }
}

async function annotateItem(
  item: DatasetTarget,
  renderer: ObservationRenderer,
  options: BatchOptions,
): Promise<ItemResult> {
  try {
    return await runItem(item, renderer, options);
  } catch (error) {
    // What was in the way of an item of a stopped run says nothing about the item.
    if (isCancelled(error) || options.signal?.aborted) {
      throw new MaskwrightError('CANCELLED', 'The run was stopped.', { cause: error });
    }
    const known = error instanceof MaskwrightError;
    return {
      ok: false,
      key: item.key,
      code: known ? error.code : 'INTERNAL',
      message: messageOf(error),
      hint: known ? error.hint : '',
      truthArea: item.noTarget ? 0 : item.groundTruth && rleArea(item.groundTruth),
    };
  }
}

async function runItem(
  item: DatasetTarget,
  renderer: ObservationRenderer,
  options: BatchOptions,
): Promise<ItemResult> {
  const image = await openTargetImage(item);
  const truth = groundTruthOf(item, image);
  const seed = (hashText(item.key) ^ options.seed) >>> 0;
  const policy = options.policyFor(item, truth, seed, image.hash);
  try {
    const trajectory = await annotateImage(image, {
      id: trajectoryId(item, options),
      imageName: item.fileName,
      query: item.query,
      policy,
      segmenter: options.segmenter,
      conventions: options.conventions,
      turnBudget: options.turnBudget,
      truth,
      seed,
      renderer,
      signal: options.signal,
    });
    return {
      ok: true,
      key: item.key,
      trajectory,
      imageWidth: image.width,
      imageHeight: image.height,
      overlap: truth && overlap(trajectory.outcome.masks.map(decodeMask), truth),
      overlapFirst: truth && overlap(masksAfterFirstSegmentation(trajectory).map(decodeMask), truth),
      scores: options.scoresOf?.(item, trajectory) ?? undefined,
    };
  } finally {
    await policy.close();
  }
}

/** One episode without a person, from a batch of them. */
export interface ItemEpisode {
  /** Id of the trajectory. */
  id: string;
  imageName: string;
  query: string;
  policy: Policy;
  segmenter: Segmenter;
  conventions: AgentConventions;
  /** Where it is not what the conventions give: the limits that a recording was made with. */
  viewConfig?: ViewConfig;
  turnBudget: number;
  /** For logs and for the simulated annotator; stays in the environment. */
  truth: GroundTruth | null;
  seed: number;
  renderer: ObservationRenderer;
  signal?: AbortSignal;
}

export async function annotateImage(image: ImageSource, episode: ItemEpisode): Promise<Trajectory> {
  const { id, imageName, query, policy, conventions, seed, truth, signal } = episode;
  const environment = new Environment({
    image,
    segmenter: episode.segmenter,
    coordinates: conventions.coordinates,
    viewConfig: episode.viewConfig ?? viewConfigOf(conventions),
    turnBudget: episode.turnBudget,
    groundTruth: truth,
  });
  const details = { id, imageName, query, policy: policy.identity, seed };
  const header = headerOf(environment, { ...conventions, ...details });
  const { trajectory } = await runEpisode(environment, policy, header, episode.renderer, { signal });
  return trajectory;
}

/** The same for the same item and seed, so that a repeated run gives the same file. */
function trajectoryId(item: DatasetTarget, options: BatchOptions): string {
  const hex = (text: string): string => hashText(text).toString(16).padStart(8, '0');
  return `t-${hex(item.key)}${hex(`${options.seed} ${item.query} ${item.key}`)}`;
}

/** What a single segmentation call would have submitted: one-shot, without looking. */
export function masksAfterFirstSegmentation(trajectory: Trajectory): Rle[] {
  const first = trajectory.nodes.find(
    (node) => node.invalid === null && (node.call?.name === 'segment_box' || node.call?.name === 'add_point'),
  );
  return (first?.observation?.objects ?? []).flatMap(({ mask }) => mask ?? []);
}
