import { MaskwrightError } from '@shared/contract/errors';
import type { Handlers } from '@shared/contract/methods';
import { summarise } from '@shared/insight/summarise';
import { type Comparison, compareWithGold } from '../insight/compare';
import { InsightReader } from '../insight/record';
import type { JobRunner } from '../jobs/runner';
import type { ProjectStore } from '../project';
import type { Workspace } from './workspace';

type InsightMethods = 'insight.summary' | 'insight.compare' | 'insight.agreement' | 'insight.case';

export function insightHandlers(workspace: Workspace, jobs: JobRunner): Pick<Handlers, InsightMethods> {
  const readers = new WeakMap<ProjectStore, InsightReader>();
  const comparisons = new WeakMap<ProjectStore, Comparison>();
  const readerOf = (store: ProjectStore): InsightReader => {
    const reader = readers.get(store) ?? new InsightReader(store);
    readers.set(store, reader);
    return reader;
  };
  return {
    'insight.summary': async ({ filter, timeZone }) => {
      const record = await readerOf(workspace.project).read();
      return summarise(record, { filter, timeZone, now: new Date().toISOString() });
    },
    'insight.compare': async (options) => {
      const store = workspace.project;
      const { id } = jobs.start('compare', 'Compare with a gold set', async ({ progress, signal }) => {
        const comparison = await compareWithGold(store, { ...options, onProgress: progress, signal });
        comparisons.set(store, comparison);
        const { compared } = comparison.agreement.images;
        return `Compared ${compared} images`;
      });
      return { jobId: id };
    },
    'insight.agreement': async () => comparisons.get(workspace.project)?.agreement ?? null,
    'insight.case': async ({ place }) => {
      const found = comparisons.get(workspace.project)?.worst[place];
      if (found) return found;
      throw new MaskwrightError('NOT_FOUND', 'This case belongs to a comparison that is gone.', {
        hint: 'Compare again.',
      });
    },
  };
}
