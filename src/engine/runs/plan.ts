import { MaskwrightError } from '@shared/contract/errors';
import type { RunPlan } from '@shared/contract/methods';
import { unionBitmaps } from '@shared/mask/bitmap';
import { decodeMask } from '@shared/mask/rle';
import { parseQueries } from '../datasets/queries';
import type { GroundTruth } from '../environment/ground-truth';
import type { ProjectStore } from '../project';
import type { NewRunItem } from '../project/runs';

/** Images that are asked for at once when a list is gone through. */
const pageSize = 1000;

export interface PlannedItems {
  /** Images that were chosen. */
  images: number;
  items: NewRunItem[];
  /** Rows of the file without an image among the chosen ones. */
  unmatched: { image: string; query: string; className: string | null }[];
  /** Items left out because there is no annotation or recording to go by. */
  leftOut: number;
}

interface ChosenImage {
  id: string;
  name: string;
}

/**
 * The items of a plan, image by image in the order of the project's list. Throws FORMAT_UNREADABLE for a file of
 * queries that cannot be read.
 */
export function planItems(project: ProjectStore, plan: RunPlan): PlannedItems {
  const images = chosenImages(project, plan.images);
  const planned = queriesOf(project, plan, images);
  if (plan.policy !== 'simulated') return { images: images.length, ...planned };
  // The simulated annotator goes by the annotations: without one there is nothing that it could look for.
  const truths = new Map<string, Set<string>>();
  for (const { imageId, className } of project.annotatedClasses()) {
    const classes = truths.get(imageId) ?? new Set();
    truths.set(imageId, classes.add(className));
  }
  const items = planned.items.filter(({ imageId, className }) => {
    const classes = truths.get(imageId);
    return classes !== undefined && (className === null || classes.has(className));
  });
  return { ...planned, images: images.length, items, leftOut: planned.items.length - items.length };
}

function chosenImages(project: ProjectStore, chosen: RunPlan['images']): ChosenImage[] {
  if (chosen.kind === 'selected') {
    return [...new Set(chosen.imageIds)].map((id) => ({ id, name: project.imageById(id).name }));
  }
  const conditions =
    chosen.kind === 'filter' ? chosen.query : chosen.kind === 'todo' ? { state: 'todo' as const } : {};
  const images: ChosenImage[] = [];
  for (;;) {
    const { items } = project.listImages({ ...conditions, offset: images.length, limit: pageSize });
    images.push(...items.map(({ id, name }) => ({ id, name })));
    if (items.length < pageSize) return images;
  }
}

function queriesOf(
  project: ProjectStore,
  plan: RunPlan,
  images: readonly ChosenImage[],
): Omit<PlannedItems, 'images'> {
  const { queries } = plan;
  if (plan.policy === 'replay' || queries.kind === 'recorded') return recordedItems(project, images);
  switch (queries.kind) {
    case 'one': {
      const { query, className } = queries;
      const items = images.map(({ id }) => ({ imageId: id, query, className, recording: null }));
      return { items, unmatched: [], leftOut: 0 };
    }
    case 'classes': {
      const wanted = new Set(queries.categoryIds);
      const names = project.categories().flatMap(({ id, name }) => (wanted.has(id) ? [name] : []));
      const items = images.flatMap(({ id }) =>
        names.map((name) => ({
          imageId: id,
          query: queries.template.replaceAll('{class}', name),
          className: name,
          recording: null,
        })),
      );
      return { items, unmatched: [], leftOut: 0 };
    }
    case 'file':
      return fileItems(queries.text, images);
  }
}

/** Rows name an image by its path in the project, by the name of its file, or by that without its ending. */
function fileItems(text: string, images: readonly ChosenImage[]): Omit<PlannedItems, 'images'> {
  const byName = new Map<string, string>();
  const add = (name: string, id: string): void => {
    if (!byName.has(name)) byName.set(name, id);
  };
  for (const { id, name } of images) add(name, id);
  for (const { id, name } of images) add(baseName(name), id);
  for (const { id, name } of images) add(baseName(name).replace(/\.[^.]+$/, ''), id);
  const items: NewRunItem[] = [];
  const unmatched: PlannedItems['unmatched'] = [];
  for (const { image, query, className } of parseQueries(text)) {
    const path = image.replaceAll('\\', '/');
    const imageId = byName.get(path) ?? byName.get(baseName(path));
    if (imageId === undefined) unmatched.push({ image, query, className });
    else items.push({ imageId, query, className, recording: null });
  }
  return { items, unmatched, leftOut: 0 };
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The newest recording of each query on each image. */
function recordedItems(project: ProjectStore, images: readonly ChosenImage[]): Omit<PlannedItems, 'images'> {
  const newest = new Map<string, Map<string, string>>();
  for (const { id, imageId, query } of project.recordings()) {
    const ofImage = newest.get(imageId) ?? new Map<string, string>();
    newest.set(imageId, ofImage.set(query, id));
  }
  const items = images.flatMap(({ id }) =>
    [...(newest.get(id) ?? [])].map(([query, recording]) => ({
      imageId: id,
      query,
      className: null,
      recording,
    })),
  );
  const leftOut = images.filter(({ id }) => !newest.has(id)).length;
  return { items, unmatched: [], leftOut };
}

/**
 * What the simulated annotator is to find: all annotations of the item's class on its image, or all of any class.
 * Throws NOT_FOUND when there is none.
 */
export function truthOf(
  project: ProjectStore,
  { imageId, className }: Pick<NewRunItem, 'imageId' | 'className'>,
): GroundTruth {
  const categoryId = categoryIdOf(project, className);
  const masks = project
    .annotations(imageId)
    .filter((annotation) => className === null || annotation.categoryId === categoryId)
    .map(({ mask }) => decodeMask(mask));
  const [first, ...rest] = masks;
  if (first) return { mask: rest.reduce(unionBitmaps, first), ignore: null };
  throw new MaskwrightError('NOT_FOUND', 'The image has no annotation to simulate by.', {
    hint: 'Annotate it first, or choose another policy.',
  });
}

function categoryIdOf(project: ProjectStore, className: string | null): number | null {
  if (className === null) return null;
  return project.categories().find(({ name }) => name === className)?.id ?? null;
}
