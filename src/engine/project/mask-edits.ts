import type { Annotation, MaskEdit, MaskEditKind } from '@shared/contract/methods';
import type { Rle } from '@shared/mask/rle';
import type { Annotations, NewAnnotation } from './annotations';
import type { Categories } from './categories';
import type { ImageStates } from './image-states';
import type { Images } from './images';
import type { Journal } from './journal';
import type { Trajectories } from './trajectories';

/** What the history calls an edit. */
const labels: Record<MaskEditKind, string> = {
  paint: 'Paint mask',
  erase: 'Erase from mask',
  polygon: 'Edit polygon',
  fill: 'Fill holes',
  smooth: 'Smooth mask',
  grow: 'Grow mask',
  shrink: 'Shrink mask',
  largest: 'Keep largest part',
  split: 'Split mask',
  subtract: 'Subtract other masks',
  join: 'Join masks',
  cut: 'Cut mask',
  copy: 'Copy masks',
};

/** What became of a trajectory's masks in one edit. */
interface Replaced {
  imageId: string;
  before: Set<string>;
  after: Rle[];
}

/** Edits of masks by hand that span several annotations: each is one undoable step. */
export class MaskEdits {
  readonly #journal: Journal;
  readonly #images: Images;
  readonly #states: ImageStates;
  readonly #categories: Categories;
  readonly #annotations: Annotations;
  readonly #trajectories: Trajectories;

  constructor(
    journal: Journal,
    topics: {
      images: Images;
      states: ImageStates;
      categories: Categories;
      annotations: Annotations;
      trajectories: Trajectories;
    },
  ) {
    this.#journal = journal;
    this.#images = topics.images;
    this.#states = topics.states;
    this.#categories = topics.categories;
    this.#annotations = topics.annotations;
    this.#trajectories = topics.trajectories;
  }

  /**
   * Changes, makes and deletes masks together. An image with a mask drawn on it is done, or in review while results wait on it; one
   * that masks were copied to waits for review. Where a changed mask came from an accepted episode, the episode's outcome gets the new mask, so
   * that a trajectory says what was really accepted. Throws as the annotations' own methods do, and then nothing
   * of it remains.
   */
  editMasks({ kind, creates, updates, deletes }: MaskEdit): { created: Annotation[]; updated: Annotation[] } {
    return this.#journal.mark(labels[kind], () => {
      const replaced = new Map<string, Replaced>();
      const note = (annotation: Annotation, after: Rle[]): void => {
        const { trajectoryId, imageId, mask } = annotation;
        if (trajectoryId === null) return;
        const known = replaced.get(trajectoryId) ?? { imageId, before: new Set(), after: [] };
        known.before.add(mask.counts);
        known.after.push(...after);
        replaced.set(trajectoryId, known);
      };
      const updated = updates.map(({ annotationId, mask }) => {
        note(this.#annotations.annotation(annotationId), [mask]);
        return this.#annotations.updateAnnotation(annotationId, { mask });
      });
      const created = creates.map(({ imageId, mask, like, query, ...choice }) => {
        const origin = like === null ? null : this.#annotations.annotation(like);
        const categoryId = origin?.categoryId ?? this.#categories.idOfClass(choice);
        const made = this.#create(kind, { imageId, mask, categoryId, query, author: 'human' }, origin);
        if (made.trajectoryId !== null) replaced.get(made.trajectoryId)?.after.push(mask);
        return made;
      });
      for (const id of deletes) note(this.#annotations.annotation(id), []);
      if (deletes.length > 0) this.#annotations.deleteAnnotations(deletes);
      for (const [id, change] of replaced) this.#correctOutcome(id, change);
      return { created, updated };
    });
  }

  #create(kind: MaskEditKind, input: NewAnnotation, origin: Annotation | null): Annotation {
    const isSameImage = origin?.imageId === input.imageId;
    const made = this.#annotations.insert({
      ...input,
      ...(origin && {
        query: origin.query,
        iscrowd: origin.iscrowd,
        attributes: origin.attributes,
        trajectoryId: isSameImage ? origin.trajectoryId : null,
      }),
    });
    if (kind === 'copy' && this.#images.imageById(input.imageId).state === 'todo')
      this.#states.set(input.imageId, 'review');
    return made;
  }

  /** Puts the new masks where the first of the old ones was; masks that only went are still what was accepted. */
  #correctOutcome(id: string, { imageId, before, after }: Replaced): void {
    const outcome = this.#trajectories.outcomeOf(id);
    if (outcome?.status !== 'accepted' || after.length === 0) return;
    const first = outcome.masks.findIndex((mask) => before.has(mask.counts));
    if (first < 0) return;
    const others = (masks: readonly Rle[]): Rle[] => masks.filter((mask) => !before.has(mask.counts));
    const masks = [...others(outcome.masks.slice(0, first)), ...after, ...others(outcome.masks.slice(first))];
    this.#journal.change({
      table: 'trajectories',
      key: id,
      imageId,
      before: { outcome: JSON.stringify(outcome) },
      after: { outcome: JSON.stringify({ ...outcome, masks }) },
    });
  }
}
