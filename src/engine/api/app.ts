import type { Handlers } from '@shared/contract/methods';
import type { Models } from '../setup/models';

export function appHandlers(
  models: Models,
): Pick<Handlers, 'app.info' | 'app.configureAgent' | 'app.configureSegmenter'> {
  return {
    'app.info': async () => models.info(),
    'app.configureAgent': async ({ policy, coordinates }) => {
      await models.configureAgent(policy, coordinates);
      return models.info();
    },
    'app.configureSegmenter': async ({ segmenter }) => {
      await models.configureSegmenter(segmenter);
      return models.info();
    },
  };
}
