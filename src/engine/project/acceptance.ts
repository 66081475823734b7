import { MaskwrightError } from '@shared/contract/errors';
import type { Annotation, HistoryState } from '@shared/contract/methods';
import type { Rle } from '@shared/mask/rle';
import type { Author, Outcome, Trajectory } from '@shared/trajectory/schema';
import type { Annotations } from './annotations';
import type { Categories } from './categories';
import type { ImageStates } from './image-states';
import type { Images } from './images';
import type { Journal } from './journal';
import { measureMask } from './masks';
import type { Trajectories } from './trajectories';
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
   * done. One mark: undo removes the annotations and makes the outcome open again. Throws CONFLICT when it is
   * accepted already.
   */
  acceptEpisode(input: AcceptedEpisode): Accepted {
    const { images, states, categories, annotations, trajectories } = this.#topics;
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
      const added = masks.map((mask) =>
        annotations.insert({
          imageId,
          categoryId: input.categoryId,
          mask,
          author: input.author,
          score: input.score,
          query: input.query,
          trajectoryId: id,
        }),
      );
      states.set(imageId, 'done');
      return added;
    });
    return {
      annotations: made,
      history: this.#journal.historyState(),
      trajectory: trajectories.trajectory(id),
    };
  }

  /** Rejects an episode. One mark: undo makes its outcome open again. */
  rejectEpisode(imageId: string, trajectory: Trajectory): void {
    const { query } = trajectory.header;
    this.#journal.mark(query === '' ? 'Reject' : `Reject “${query}”`, () => {
      this.#settle(imageId, trajectory, { ...trajectory.outcome, status: 'rejected' });
    });
    this.#topics.trajectories.saveTrajectory(
      this.#topics.trajectories.trajectory(trajectory.header.id),
      imageId,
    );
  }

  /** Stores a trajectory as open, at the place where it is, and its outcome as the change that undo takes back. */
  #settle(imageId: string, trajectory: Trajectory, outcome: Outcome): void {
    const open: Outcome = { ...openOutcome, node: trajectory.outcome.node };
    this.#topics.trajectories.put({ ...trajectory, outcome: open }, imageId, true);
    this.#journal.change({
      table: 'trajectories',
      key: trajectory.header.id,
      imageId,
      before: { outcome: JSON.stringify(open), status: open.status },
      after: { outcome: JSON.stringify(outcome), status: outcome.status },
    });
  }
}
