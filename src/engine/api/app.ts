import type { Handlers } from '@shared/contract/methods';
import { clearCache, storageOf } from '../setup/caches';
import type { Models } from '../setup/models';

export function appHandlers(
  models: Models,
  folders: { dataDir: string; cacheDir: string },
): Pick<
  Handlers,
  | 'app.info'
  | 'app.configureAgent'
  | 'app.configureSegmenter'
  | 'app.setup'
  | 'app.storage'
  | 'app.clearCache'
> {
  return {
    'app.info': async () => models.info(),
    'app.configureAgent': async ({ policy, coordinates }) => {
      await models.configureAgent(policy, coordinates);
      return models.info();
    },
    'app.configureSegmenter': async ({ segmenter, provider }) => {
      await models.configureSegmenter(segmenter, provider);
      return models.info();
    },
    'app.setup': async () => models.setup(),
    'app.storage': async () => storageOf(folders),
    'app.clearCache': async ({ kind }) => {
      await clearCache(folders.cacheDir, kind);
      return storageOf(folders);
    },
  };
}
