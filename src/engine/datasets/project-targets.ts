import { basename } from 'node:path';
import { messageOf } from '@shared/contract/errors';
import type { Annotation } from '@shared/contract/methods';
import { isEmptyRle, mergeRles, type Rle, subtractRle } from '@shared/mask/rle';
import type { ProjectImage } from '../project/images';
import { openProject, projectFileOf } from '../project/open';
import type { ProjectStore } from '../project/store';
import type { DatasetSource, TargetsOptions } from './dataset';
import { grouped } from './grouped';
import { breathe } from './json-file';
import { type DatasetTarget, targetOf } from './target';

/**
 * What people settled in a project; results that still wait for a review are never part of it. Groups are `query`
 * (annotations that a query led to) and `class` (all annotations of a class on an image that is done). While targets
 * are read the project cannot be open elsewhere.
 */
export async function openProjectTargets(path: string): Promise<DatasetSource> {
  const file = projectFileOf(path);
  openProject(file).close();
  return { name: `project ${basename(file)}`, splits: [], read: (_, options) => readProject(file, options) };
}

async function* readProject(file: string, { onSkip }: TargetsOptions): AsyncGenerator<DatasetTarget, void> {
  const project = openProject(file);
  try {
    const categories = new Map(project.categories().map(({ id, name }) => [id, name]));
    for (const image of project.allImages()) {
      // The database answers at once, and nothing else in this loop waits.
      await breathe();
      for (const settled of settledOn(project, image, categories, onSkip)) {
        try {
          yield target(project, image, settled);
        } catch (error) {
          onSkip?.({ item: keyOf(image, settled), reason: messageOf(error) });
        }
      }
    }
  } finally {
    project.close();
  }
}

interface Settled {
  group: 'query' | 'class';
  query: string;
  /** None: somebody accepted that there is no such thing. */
  annotations: Annotation[];
  /** Regions of crowds of the same class. */
  crowds: Annotation[];
  category: string | null;
}

function settledOn(
  project: ProjectStore,
  image: ProjectImage,
  categories: ReadonlyMap<number, string>,
  onSkip: TargetsOptions['onSkip'],
): Settled[] {
  const annotations = project.annotations(image.id);
  const settled: Settled[] = [];
  const things = annotations.filter(({ iscrowd }) => !iscrowd);
  for (const [query, list] of grouped(things, (annotation) => annotation.query ?? '')) {
    if (query.trim() === '') continue;
    const names = new Set(list.map(({ categoryId }) => categories.get(categoryId) ?? null));
    const [category = null] = names.size === 1 ? names : [];
    settled.push({ group: 'query', query, annotations: list, crowds: [], category });
  }
  settled.push(...withoutTarget(project, image, new Set(settled.map(({ query }) => query)), onSkip));
  // What is still worked on may lack some of a class.
  if (image.state !== 'done') return settled;
  for (const [categoryId, list] of grouped(annotations, (annotation) => annotation.categoryId)) {
    const category = categories.get(categoryId);
    const instances = list.filter(({ iscrowd }) => !iscrowd);
    if (category === undefined || instances.length === 0 || !instances.some(isWithoutQuery)) continue;
    const crowds = list.filter(({ iscrowd }) => iscrowd);
    settled.push({ group: 'class', query: category, annotations: instances, crowds, category });
  }
  return settled;
}

const isWithoutQuery = ({ query }: Annotation): boolean => (query ?? '').trim() === '';

/** Queries of accepted episodes that ended without a mask, one each. */
function withoutTarget(
  project: ProjectStore,
  image: ProjectImage,
  found: ReadonlySet<string>,
  onSkip: TargetsOptions['onSkip'],
): Settled[] {
  const queries = new Map<string, string>();
  for (const { id, query, status } of project.listTrajectories(image.id)) {
    if (status === 'accepted' && query.trim() !== '' && !found.has(query)) queries.set(query, id);
  }
  return [...queries].flatMap(([query, id]): Settled[] => {
    try {
      const { masks } = project.trajectory(id).outcome;
      // Its annotations were deleted since, so nothing is known any more.
      if (masks.some((mask) => !isEmptyRle(mask))) return [];
    } catch (error) {
      onSkip?.({ item: `trajectory ${id}`, reason: messageOf(error) });
      return [];
    }
    return [{ group: 'query', query, annotations: [], crowds: [], category: null }];
  });
}

const keyOf = (image: ProjectImage, { group, query }: Settled): string => `${image.id}/${group}/${query}`;

function target(project: ProjectStore, image: ProjectImage, settled: Settled): DatasetTarget {
  const masks = settled.annotations.map(({ mask }) => mask);
  const groundTruth = masks.length === 0 ? null : mergeRles(masks, 'union');
  return targetOf({
    key: keyOf(image, settled),
    fileName: image.path,
    imagePath: project.imagePath(image.id),
    imageId: image.id,
    query: settled.query,
    groundTruth,
    ignore: groundTruth && crowdsBeside(settled.crowds, groundTruth),
    noTarget: groundTruth === null,
    category: settled.category,
    annotationIds: settled.annotations.map(({ id }) => id),
    groups: [settled.group],
    ...(masks.length > 1 ? { parts: masks } : {}),
  });
}

function crowdsBeside(crowds: readonly Annotation[], groundTruth: Rle): Rle | null {
  if (crowds.length === 0) return null;
  const all = mergeRles(
    crowds.map(({ mask }) => mask),
    'union',
  );
  return subtractRle(all, groundTruth);
}
