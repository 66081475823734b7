import type { Handlers } from '@shared/contract/methods';
import { paceOf } from '@shared/review/pace';
import type { Settled } from '../project/acceptance';
import type { EpisodeDesk } from './episode-desk';
import { ReviewThumbnails } from './review-thumbnails';
import type { Workspace } from './workspace';

type ReviewMethods = Extract<keyof Handlers, `review.${string}`>;
type Answer = Awaited<ReturnType<Handlers['review.accept']>>;

export function reviewHandlers(
  workspace: Workspace,
  desk: EpisodeDesk,
  cacheDir: string,
): Pick<Handlers, ReviewMethods> {
  const thumbnails = new ReviewThumbnails(cacheDir);
  const answer = async (asked: number, { imageIds, left }: Settled): Promise<Answer> => {
    await desk.settledElsewhere(imageIds);
    return { count: asked - left.length, left, history: desk.historyState(null) };
  };
  return {
    'review.list': async (query) => workspace.project.listReviews(query),
    'review.entry': async ({ id }) => workspace.project.review(id),
    'review.facets': async () => workspace.project.reviewFacets(),
    'review.thumbnail': async ({ id, size }) => {
      const { project } = workspace;
      const { imageId, bbox } = project.review(id);
      const { sha256 } = project.imageById(imageId);
      const path = project.imagePath(imageId);
      return thumbnails.read({ path, sha256, bbox, masks: project.reviewMasks(id) }, size);
    },
    'review.histogram': async ({ bins, ...query }) => workspace.project.reviewHistogram(query, bins),
    'review.accept': async ({ ids, categoryId }) =>
      answer(new Set(ids).size, workspace.project.acceptReviews(ids, categoryId)),
    'review.acceptAbove': async ({ score, categoryId, ...query }) => {
      const { project } = workspace;
      const ids = project.reviewsAbove(query, score);
      if (ids.length === 0) return { count: 0, left: [], history: desk.historyState(null) };
      return answer(ids.length, project.acceptReviews(ids, categoryId));
    },
    'review.reject': async ({ ids, reason }) =>
      answer(new Set(ids).size, workspace.project.rejectReviews(ids, reason)),
    'review.pace': async ({ since }) => {
      const { project } = workspace;
      const pace = paceOf(project.decisionsSince(since));
      const remaining = project.waitingReviews();
      return {
        ...pace,
        remaining,
        eta: pace.perHour === null ? null : (remaining / pace.perHour) * 3600,
      };
    },
  };
}
