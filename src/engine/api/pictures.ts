import { join } from 'node:path';
import type { Handlers } from '@shared/contract/methods';
import { type LargeImage, TilePyramids } from '../images/tile-pyramids';
import type { Workspace } from './workspace';

export function pictureHandlers(
  workspace: Workspace,
  cacheDir: string,
): Pick<Handlers, Extract<keyof Handlers, `pictures.${string}`>> {
  const pyramids = new TilePyramids(join(cacheDir, 'tiles'));
  const large = (imageId: string): LargeImage => {
    const { sha256, width, height } = workspace.project.imageById(imageId);
    return { path: workspace.project.imagePath(imageId), hash: sha256, size: { width, height } };
  };
  return {
    'pictures.overview': async ({ imageId }) => ({
      mime: 'image/jpeg',
      bytes: await pyramids.overview(large(imageId)),
    }),
    'pictures.tile': async ({ imageId, ...tile }) => ({
      mime: 'image/jpeg',
      bytes: await pyramids.tile(large(imageId), tile),
    }),
  };
}
