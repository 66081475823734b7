import type { Handlers } from '@shared/contract/methods';
import type { JobRunner } from '../jobs/runner';

export function jobHandlers(jobs: JobRunner): Pick<Handlers, 'jobs.list' | 'jobs.cancel'> {
  return {
    'jobs.list': async () => jobs.list(),
    'jobs.cancel': async ({ jobId }) => jobs.cancel(jobId),
  };
}
