import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { RunPlan } from '@shared/contract/methods';
import { hashText } from '@shared/random';
import { defaultConventions } from '@shared/tools/conventions';
import { annotateImage } from '../batch/annotate';
import { FailureGuard } from '../batch/failure-guard';
import { ObservationRenderer } from '../environment/observation-image';
import { openImage } from '../images/image-file';
import type { Policy } from '../policies/policy';
import { replayPolicy } from '../policies/replay';
import { sharedPolicy } from '../policies/shared-policy';
import { simulatedAnnotator } from '../policies/simulated-annotator';
import type { ProjectStore } from '../project';
import type { RunWork } from '../project/runs';
import { recordedSegmenter } from '../segmenters/recorded';
import type { Segmenter } from '../segmenters/segmenter';
import { truthOf } from './plan';

/** Items that are asked for at once. */
const pageSize = 100;

export interface RunContext {
  project: ProjectStore;
  runId: string;
  plan: RunPlan;
  segmenter: Segmenter;
  /** The agent that is set up; null for policies that need none. */
  agent: Policy | null;
  signal: AbortSignal;
  /** Called after each item, with the number of failed ones in this sitting. */
  onItem(failed: number): void;
}

/**
 * Does the waiting items of a run, several at a time. Each result is on disk, and in the review queue, before its item
 * counts as done; an item that fails is stored with its reason.
 *
 * @throws MaskwrightError CANCELLED when the signal aborts; what fails every item alike, which are then waiting again
 */
export async function doRun(context: RunContext): Promise<{ failed: number }> {
  const { project, runId, plan } = context;
  const renderer = new ObservationRenderer();
  const guard = new FailureGuard();
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  /** Failures since the last success: with a common cause they are no one item's. */
  let lately: number[] = [];
  let failed = 0;
  let after = 0;
  let page: RunWork[] = [];
  const next = (): RunWork | undefined => {
    if (page.length === 0) page = project.waitingItems(runId, after, pageSize);
    const item = page.shift();
    if (item) after = item.place;
    return item;
  };
  const work = async (): Promise<void> => {
    for (let item = next(); item; item = next()) {
      if (signal.aborted) throw stopped();
      try {
        await doItem(item, { ...context, signal }, renderer);
        guard.succeeded();
        lately = [];
      } catch (error) {
        // What was in the way of an item of a stopped run says nothing about the item.
        if (isCancelled(error) || signal.aborted) throw stopped(error);
        const known = error instanceof MaskwrightError;
        const failure = {
          code: known ? error.code : 'INTERNAL',
          message: messageOf(error),
          hint: known ? error.hint : '',
        };
        project.failRunItem(runId, item.place, failure.message, failure.hint);
        lately.push(item.place);
        failed++;
        guard.failed(failure);
      }
      context.onItem(failed);
    }
  };
  const errors: unknown[] = [];
  const worker = (): Promise<void> =>
    work().catch((error: unknown) => {
      errors.push(error);
      stop.abort();
    });
  await Promise.all(Array.from({ length: plan.concurrency }, worker));
  const [error] = errors;
  if (error === undefined) return { failed };
  // Those after the first are its echo in the other workers.
  if (!isCancelled(error)) project.retryRunItems(runId, lately);
  throw error;
}

async function doItem(item: RunWork, context: RunContext, renderer: ObservationRenderer): Promise<void> {
  const { project, runId, plan, signal } = context;
  const image = await openImage(project.imagePath(item.imageId));
  const { name, width, height } = project.imageById(item.imageId);
  if (image.width !== width || image.height !== height) {
    throw new MaskwrightError('CONFLICT', `${name} has another size than when it was added.`, {
      hint: 'Put the original file back.',
    });
  }
  // By what the image is and not by its id, so that the same run gives the same results in another project.
  const seed = (hashText(`${image.hash} ${item.query}`) ^ plan.seed) >>> 1;
  const recorded = item.recording === null ? null : project.trajectory(item.recording);
  const truth = plan.policy === 'simulated' ? truthOf(project, item) : null;
  const policy = recorded
    ? replayPolicy(recorded)
    : truth
      ? simulatedAnnotator(truth, { seed })
      : sharedPolicy(agentOf(context), seed);
  const trajectory = await annotateImage(image, {
    id: `${runId}-${item.place}`,
    imageName: name,
    query: item.query,
    policy,
    segmenter: recorded ? recordedSegmenter(recorded, context.segmenter) : context.segmenter,
    conventions: recorded?.header ?? {
      ...defaultConventions,
      coordinates: plan.coordinates,
      ...policy.conventions,
    },
    viewConfig: recorded?.header.view,
    turnBudget: Math.max(plan.turnBudget, recorded ? replayPolicy(recorded).length : 0),
    truth,
    seed,
    renderer,
    signal,
  });
  const outcome = { ...trajectory.outcome, category: item.className };
  project.finishRunItem(runId, item.place, { ...trajectory, outcome }, item.imageId);
}

function agentOf({ agent }: RunContext): Policy {
  if (agent) return agent;
  throw new MaskwrightError('MODEL_MISSING', 'No agent is set up.', { hint: 'Set one up under Models.' });
}

function stopped(cause?: unknown): MaskwrightError {
  return new MaskwrightError('CANCELLED', 'The run was stopped.', { cause });
}
