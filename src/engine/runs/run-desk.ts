import { randomBytes } from 'node:crypto';
import { isCancelled, MaskwrightError } from '@shared/contract/errors';
import type { JobState, MethodOutput, Run, RunPlan, RunPreview } from '@shared/contract/methods';
import type { JobRunner } from '../jobs/runner';
import type { Policy } from '../policies/policy';
import type { ProjectStore } from '../project';
import { runJobKind } from '../project/jobs';
import type { Segmenter } from '../segmenters/segmenter';
import { planItems } from './plan';
import { doRun } from './work';

/** Rows of a plan that are shown before it starts. */
const previewRows = 8;
/** Runs wait for each other: they would only share the same models. */
const lane = 'runs';

/** Where runs get their models from; `Models` is one. */
export interface RunModels {
  backgroundSegmenter(): Promise<Segmenter | null>;
  /** Answers MODEL_MISSING where none is set up. */
  currentSegmenter(): Segmenter;
  backgroundAgent(): Promise<Policy | null>;
}

/** The runs of the open project: planned, started, paused, resumed. Their jobs have the runs' ids. */
export class RunDesk {
  readonly #models: RunModels;
  readonly #jobs: JobRunner;
  readonly #project: () => ProjectStore;

  constructor(models: RunModels, jobs: JobRunner, project: () => ProjectStore) {
    this.#models = models;
    this.#jobs = jobs;
    this.#project = project;
  }

  /** What a plan would do, without doing it. */
  async preview(plan: RunPlan): Promise<RunPreview> {
    const nothing = { images: 0, items: 0, rows: [], unmatched: 0, leftOut: 0 };
    const project = this.#project();
    try {
      const { images, items, unmatched, leftOut } = planItems(project, plan);
      const matched = items.slice(0, previewRows).map(({ imageId, query, className }) => ({
        image: project.imageById(imageId).name,
        query,
        className,
        matched: true,
      }));
      const lost = unmatched
        .slice(0, Math.max(3, previewRows - matched.length))
        .map((row) => ({ ...row, matched: false }));
      const problem = await this.#problemOf(plan, items.length);
      return {
        images,
        items: items.length,
        rows: [...matched, ...lost],
        unmatched: unmatched.length,
        leftOut,
        problem,
      };
    } catch (error) {
      if (!(error instanceof MaskwrightError)) throw error;
      return { ...nothing, problem: { message: error.message, hint: error.hint } };
    }
  }

  /** Stores a run and starts it, or puts it behind those that run. Throws INVALID_REQUEST, MODEL_MISSING. */
  async start(plan: RunPlan): Promise<Run> {
    const project = this.#project();
    const { items } = planItems(project, plan);
    const problem = await this.#problemOf(plan, items.length);
    if (problem) throw new MaskwrightError('INVALID_REQUEST', problem.message, { hint: problem.hint });
    const agent = plan.policy === 'model' ? await this.#models.backgroundAgent() : null;
    const id = `run_${randomBytes(6).toString('hex')}`;
    const names = {
      simulated: 'simulated annotator',
      replay: 'recordings',
      model: agent?.identity.name ?? '',
    };
    project.createRun({ id, label: labelOf(plan), policyName: names[plan.policy], plan, items });
    this.#startJob(project, id);
    return this.#runOf(project, id);
  }

  list(): Run[] {
    const project = this.#project();
    return project.listRuns().map(({ id }) => this.#runOf(project, id));
  }

  items(runId: string, options: Parameters<ProjectStore['runItems']>[1]): MethodOutput<'runs.items'> {
    return this.#project().runItems(runId, options);
  }

  pause(runId: string): Run {
    const project = this.#project();
    if (this.#jobs.isAtWork(runId)) this.#jobs.pause(runId);
    return this.#runOf(project, runId);
  }

  /** Goes on with what waits. Throws CONFLICT when nothing does. */
  resume(runId: string): Run {
    const project = this.#project();
    const { waiting } = project.runCounts(runId);
    if (waiting === 0) {
      throw new MaskwrightError('CONFLICT', 'Nothing of this run is left to do.', {
        hint: 'Try the failed items again, or start another run.',
      });
    }
    if (!this.#jobs.isAtWork(runId)) this.#startJob(project, runId);
    return this.#runOf(project, runId);
  }

  cancel(runId: string): Run {
    const project = this.#project();
    project.runById(runId);
    this.#jobs.cancel(runId);
    return this.#runOf(project, runId);
  }

  /** Does the failed items again. Throws CONFLICT when there is none, or while others are at work: they are behind those. */
  retry(runId: string): Run {
    const project = this.#project();
    if (this.#jobs.isAtWork(runId)) {
      throw new MaskwrightError('CONFLICT', 'The run is at work.', {
        hint: 'Wait for its end, or pause it first.',
      });
    }
    if (project.runCounts(runId).failed === 0) {
      throw new MaskwrightError('CONFLICT', 'No item of this run has failed.', { hint: 'Reload the page.' });
    }
    project.retryRunItems(runId);
    return this.resume(runId);
  }

  #startJob(project: ProjectStore, runId: string): JobState {
    const { label } = project.runById(runId);
    const { total, waiting } = project.runCounts(runId);
    return this.#jobs.start(
      runJobKind,
      label,
      async ({ signal, progress }) => {
        const plan = project.runPlan(runId);
        const segmenter = (await this.#models.backgroundSegmenter()) ?? this.#models.currentSegmenter();
        const agent = plan.policy === 'model' ? await this.#models.backgroundAgent() : null;
        let done = total - project.runCounts(runId).waiting;
        progress(done, total);
        try {
          await doRun({
            project,
            runId,
            plan,
            segmenter,
            agent,
            signal,
            onItem: () => progress(++done, total),
          });
        } catch (error) {
          // Items in work go back to waiting, and so do those of a common cause.
          if (!signal.aborted && !isCancelled(error))
            progress(total - project.runCounts(runId).waiting, total);
          throw error;
        }
        const counts = project.runCounts(runId);
        return summaryOf(counts);
      },
      { id: runId, lane, pausable: true, done: total - waiting, total },
    );
  }

  #jobOf(runId: string): JobState | null {
    return this.#jobs.known(runId) ?? this.#project().storedJob(runId);
  }

  #runOf(project: ProjectStore, runId: string): Run {
    const run = project.runById(runId);
    const counts = project.runCounts(runId);
    const job = this.#jobOf(runId) ?? {
      id: runId,
      kind: runJobKind,
      label: run.label,
      status: 'paused' as const,
      done: counts.done + counts.failed,
      total: counts.total,
      rate: null,
      eta: null,
      message: null,
      failures: [],
    };
    return { ...run, counts, job };
  }

  async #problemOf(plan: RunPlan, items: number): Promise<RunPreview['problem']> {
    if (plan.policy === 'model' && !(await this.#models.backgroundAgent())) {
      return { message: 'No agent is set up.', hint: 'Set one up under Models, or choose another policy.' };
    }
    if (plan.policy !== 'replay' && !(await this.#models.backgroundSegmenter())) {
      return { message: 'No segmenter is ready.', hint: 'Set one up under Models.' };
    }
    if (items > 0) return null;
    const hints = {
      model: 'Choose other images or queries.',
      simulated: 'It goes by annotations: choose images and classes that have some.',
      replay: 'None of the chosen images has recorded turns.',
    };
    return { message: 'There is nothing to do.', hint: hints[plan.policy] };
  }
}

function summaryOf({ done, failed }: { done: number; failed: number }): string {
  const results = `${done} ${done === 1 ? 'result' : 'results'} to review`;
  return failed === 0 ? results : `${results}, ${failed} failed`;
}

function labelOf({ queries, policy }: RunPlan): string {
  if (policy === 'replay') return 'Replay of recordings';
  const what = whatOf(queries);
  return what.length > 80 ? `${what.slice(0, 79)}…` : what;
}

function whatOf(queries: RunPlan['queries']): string {
  switch (queries.kind) {
    case 'one':
      return queries.query;
    case 'classes':
      return queries.template;
    case 'file':
      return queries.fileName;
    case 'recorded':
      return '';
  }
}
