import type { Handlers } from '@shared/contract/methods';
import type { RunDesk } from '../runs/run-desk';

type RunMethods = Extract<keyof Handlers, `runs.${string}`>;

export function runHandlers(runs: RunDesk): Pick<Handlers, RunMethods> {
  return {
    'runs.preview': async (plan) => runs.preview(plan),
    'runs.start': async (plan) => runs.start(plan),
    'runs.list': async () => runs.list(),
    'runs.items': async ({ runId, ...options }) => runs.items(runId, options),
    'runs.pause': async ({ runId }) => runs.pause(runId),
    'runs.resume': async ({ runId }) => runs.resume(runId),
    'runs.cancel': async ({ runId }) => runs.cancel(runId),
    'runs.retry': async ({ runId }) => runs.retry(runId),
  };
}
