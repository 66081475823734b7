import { MaskwrightError } from '@shared/contract/errors';
import type { Annotation, HistoryState } from '@shared/contract/methods';
import { type Rle, rleArea } from '@shared/mask/rle';
import type { Author, Outcome, Trajectory, Verdict } from '@shared/trajectory/schema';
import type { Annotations } from './annotations';
import type { Categories } from './categories';
import type { ImageStates } from './image-states';
import type { Images } from './images';
import type { Journal } from './journal';
import { measureMask } from './masks';
import type { Proposal, Reviews } from './reviews';
import { isResult, type Trajectories } from './trajectories';
import { openOutcome } from './trajectory-rows';

export interface AcceptedEpisode {
  imageId: string;
  trajectory: Trajectory;
  categoryId: number;
  /** One an object, of the image's size; empty ones are left out. */
  masks: readonly Rle[];
  score: number | null;
  author: Author;
  query: string | null;
}

/** What an acceptance made: the annotations, and the trajectory as it is stored now. */
export interface Accepted {
  annotations: Annotation[];
  history: HistoryState;
  trajectory: Trajectory;
}

interface Topics {
  images: Images;
  states: ImageStates;
  categories: Categories;
  annotations: Annotations;
  trajectories: Trajectories;
  reviews: Reviews;
}

/** Entries of the review queue that a decision was made about, and those that it left as they are. */
export interface Settled {
  imageIds: string[];
  left: { id: string; reason: string }[];
}

/** Turns an episode's result into annotations: the one change that spans annotations, trajectory and image. */
export class Acceptance {
  readonly #journal: Journal;
  readonly #topics: Topics;

  constructor(journal: Journal, topics: Topics) {
    this.#journal = journal;
    this.#topics = topics;
  }

  /**
   * Accepts an episode in one commit: its masks become annotations, the trajectory's outcome accepted, the image
   * done, or in review while other results wait on it. One mark: undo removes the annotations and puts the outcome
   * back. Throws CONFLICT when it is accepted already.
   */
  acceptEpisode(input: AcceptedEpisode): Accepted {
    const { images, states, categories, trajectories } = this.#topics;
    const { imageId, trajectory } = input;
    const id = trajectory.header.id;
    const image = images.imageById(imageId);
    const masks = input.masks.filter((mask) => measureMask(mask, image).area > 0);
    const category = categories.categoryById(input.categoryId);
    const label = masks.length === 0 ? 'Accept: no target' : `Accept ${masks.length} × ${category.name}`;
    const made = this.#journal.mark(label, () => {
      if (trajectories.outcomeOf(id)?.status === 'accepted') {
        throw new MaskwrightError('CONFLICT', 'This result is accepted already.', {
          hint: 'Undo first to change it.',
        });
      }
      this.#settle(imageId, trajectory, {
        ...trajectory.outcome,
        status: 'accepted',
        masks,
        category: category.name,
      });
      const added = this.#annotate({ ...input, trajectoryId: id, masks });
      // Without a query it was one object by hand: that says nothing about the rest of the image.
      if (trajectory.header.query.trim() !== '') states.finish(imageId);
      return added;
    });
    return {
      annotations: made,
      history: this.#journal.historyState(),
      trajectory: trajectories.trajectory(id),
    };
  }

  /** Rejects an episode. One mark: undo puts its outcome and the image's state back. */
  rejectEpisode(imageId: string, trajectory: Trajectory): void {
    const { query } = trajectory.header;
    this.#journal.mark(query === '' ? 'Reject' : `Reject “${query}”`, () => {
      this.#settle(imageId, trajectory, { ...trajectory.outcome, status: 'rejected' });
      this.#topics.states.settle(imageId);
    });
  }

  /**
   * Accepts waiting results as the agent left them, in one commit and one mark. One without a class is given
   * `categoryId`. Left are those without any class, with an equal annotation, and what a person has changed.
   */
  acceptReviews(ids: readonly string[], categoryId: number | null): Settled {
    return this.#settleReviews(ids, 'Accept', (proposal) => {
      const { categories, states, reviews } = this.#topics;
      const { className, imageId, trajectoryId } = proposal;
      const masks = proposal.masks.filter((mask) => rleArea(mask) > 0);
      if (className === '' && categoryId === null && masks.length > 0) return 'It has no class.';
      if (reviews.duplicateOf(imageId, className, masks) !== null)
        return 'An annotation has nearly the same pixels (IoU above 0.9).';
      const category =
        className === ''
          ? categoryId === null
            ? null
            : categories.categoryById(categoryId)
          : categories.createCategory(className);
      this.#decide(proposal, 'accepted', { masks, category: category?.name ?? null, message: null });
      if (category !== null) {
        const { id: given } = category;
        this.#annotate({
          ...proposal,
          masks,
          trajectoryId,
          categoryId: given,
          query: proposal.query || null,
        });
      }
      states.finish(imageId);
      return null;
    });
  }

  /** Rejects waiting results in one commit and one mark. */
  rejectReviews(ids: readonly string[], reason: string | null): Settled {
    return this.#settleReviews(ids, 'Reject', (proposal) => {
      this.#decide(proposal, 'rejected', {
        masks: [],
        category: proposal.className || null,
        message: reason,
      });
      this.#topics.states.settle(proposal.imageId);
      return null;
    });
  }

  /** @param settle decides about one, or says why it is left */
  #settleReviews(
    ids: readonly string[],
    verb: string,
    settle: (proposal: Proposal) => string | null,
  ): Settled {
    const { reviews } = this.#topics;
    const left: Settled['left'] = [];
    const imageIds = new Set<string>();
    const unique = [...new Set(ids)];
    const label = unique.length === 1 ? `${verb} a result` : `${verb} ${unique.length} results`;
    this.#journal.mark(label, () => {
      for (const id of unique) {
        const proposal = reviews.proposal(id);
        const reason = this.#reasonToLeave(proposal) ?? this.#attempt(label, () => settle(proposal));
        if (reason === null) imageIds.add(proposal.imageId);
        else left.push({ id, reason });
      }
    });
    return { imageIds: [...imageIds], left };
  }

  #reasonToLeave({ waiting, untouched }: Proposal): string | null {
    if (!waiting) return 'It is settled already.';
    return untouched ? null : 'Somebody has changed it: decide about it by itself.';
  }

  /** One entry that cannot be settled, such as one whose image has changed, does not keep the others back. */
  #attempt(label: string, settle: () => string | null): string | null {
    try {
      return this.#journal.mark(label, settle);
    } catch (error) {
      if (error instanceof MaskwrightError && error.code === 'INVALID_REQUEST') return error.message;
      throw error;
    }
  }

  /** Settles a trajectory whose turns are as they were: only what undo takes back is written. */
  #decide(
    { trajectoryId, imageId, path }: Proposal,
    status: 'accepted' | 'rejected',
    outcome: Pick<Outcome, 'masks' | 'category' | 'message'>,
  ): void {
    const at = new Date().toISOString();
    const nodes = status === 'accepted' ? path : path.slice(-1);
    const verdicts = nodes.map(
      (node): Verdict => ({
        node,
        verdict: status,
        by: 'human',
        replacement: null,
        reason: status === 'rejected' ? outcome.message : null,
        at,
      }),
    );
    const settled: Outcome = { status, node: path.at(-1) ?? null, ...outcome };
    this.#journal.change({
      table: 'trajectories',
      key: trajectoryId,
      imageId,
      before: this.#topics.trajectories.settledColumns(trajectoryId),
      after: { outcome: JSON.stringify(settled), status, decision: JSON.stringify(verdicts) },
    });
  }

  #annotate(input: {
    imageId: string;
    categoryId: number;
    masks: readonly Rle[];
    author: Author;
    score: number | null;
    query: string | null;
    trajectoryId: string;
  }): Annotation[] {
    const { masks, ...rest } = input;
    return masks.map((mask) =>
      this.#topics.annotations.insert({
        imageId: rest.imageId,
        categoryId: rest.categoryId,
        mask,
        author: rest.author,
        score: rest.score,
        query: rest.query,
        trajectoryId: rest.trajectoryId,
      }),
    );
  }

  /** Stores a trajectory undecided, at the place where it is, and its outcome as the change that undo takes back. */
  #settle(imageId: string, trajectory: Trajectory, outcome: Outcome): void {
    const { id } = trajectory.header;
    const stored = this.#topics.trajectories.outcomeOf(id);
    // A result that was only looked at is a result again after undo; what was worked on is open.
    const before: Outcome =
      stored !== null && isResult(stored.status) ? stored : { ...openOutcome, node: trajectory.outcome.node };
    this.#topics.trajectories.put({ ...trajectory, outcome: before }, imageId, true);
    this.#journal.change({
      table: 'trajectories',
      key: id,
      imageId,
      before: { outcome: JSON.stringify(before), status: before.status },
      after: { outcome: JSON.stringify(outcome), status: outcome.status },
    });
  }
}
