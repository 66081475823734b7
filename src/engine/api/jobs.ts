import type { Handlers } from '@shared/contract/methods';
import type { JobRunner } from '../jobs/runner';
import type { Workspace } from './workspace';

export function jobHandlers(jobs: JobRunner, workspace: Workspace): Pick<Handlers, 'jobs.list' | 'jobs.cancel'> {
  return {
    'jobs.list': async () => {
      const running = jobs.list();
      const known = new Set(running.map((job) => job.id));
      const stored = workspace.current?.listJobs() ?? [];
      return [...running, ...stored.filter((job) => !known.has(job.id))];
    },
    'jobs.cancel': async ({ jobId }) => jobs.cancel(jobId),
  };
}
