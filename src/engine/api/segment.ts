import type { Handlers } from '@shared/contract/methods';
import { encodeMask } from '@shared/mask/rle';
import type { EmbeddingDesk } from './embedding-desk';
import type { EpisodeDesk } from './episode-desk';

export function segmentHandlers(
  desk: EpisodeDesk,
  embeddings: EmbeddingDesk,
): Pick<Handlers, Extract<keyof Handlers, `segment.${string}`>> {
  return {
    'segment.prepare': async ({ imageId, ahead }) => embeddings.prepare(imageId, ahead),
    'segment.preview': async ({ imageId, episodeId, gesture, nodeId }) => {
      const segmentation = await desk.preview(imageId, episodeId, gesture, nodeId);
      if (!segmentation) return { candidates: [], best: 0 };
      return {
        candidates: segmentation.candidates.map((candidate) => ({
          mask: candidate.rle ?? encodeMask(candidate.mask),
          predictedIou: candidate.predictedIou,
        })),
        best: segmentation.best,
      };
    },
  };
}
