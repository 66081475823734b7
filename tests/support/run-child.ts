import { JobRunner } from '../../src/engine/jobs/runner';
import { openProject } from '../../src/engine/project/open';
import { RunDesk, type RunModels } from '../../src/engine/runs/run-desk';
import { shapeSegmenter } from './shape-segmenter';

/** Models of the tests of runs: masks are shapes, every box a little off, each answer takes a while. */
export function shapeModels(milliseconds: number): RunModels {
  const segmenter = shapeSegmenter({ shift: 6 });
  const slow = {
    ...segmenter,
    segment: async (...given: Parameters<typeof segmenter.segment>) => {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      return segmenter.segment(...given);
    },
  };
  return {
    backgroundSegmenter: async () => slow,
    currentSegmenter: () => slow,
    backgroundAgent: async () => null,
  };
}

/** A process that does a run, to be killed in the middle: `node run-child.cjs PROJECT` prints the number of done items. */
async function main(location: string): Promise<void> {
  const store = openProject(location);
  const jobs = new JobRunner({ storage: store });
  const runs = new RunDesk(shapeModels(20), jobs, () => store);
  jobs.onChange((job) => process.stdout.write(`${job.done}\n`));
  await runs.start({
    images: { kind: 'all' },
    queries: {
      kind: 'classes',
      template: 'every {class}',
      categoryIds: store.categories().map(({ id }) => id),
    },
    policy: 'simulated',
    coordinates: 'norm1000',
    turnBudget: 6,
    concurrency: 2,
    seed: 7,
  });
}

const [, script = '', location] = process.argv;
if (script.endsWith('run-child.cjs') && location) void main(location);
