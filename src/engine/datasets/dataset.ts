import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type { Size } from '@shared/geometry/types';
import { readImageSize } from '../images/image-file';
import type { ImageSource } from '../segmenters/segmenter';
import { openCocoTargets } from './coco-targets';
import { openFolderTargets } from './folder-targets';
import { openProjectTargets } from './project-targets';
import { openReasonScenes } from './reason-scenes';
import { openReasonSeg } from './reason-seg';
import { openRefCoco } from './ref-coco';
import { type DatasetTarget, imageNotFound, type Skipped } from './target';

export const datasetKinds = ['reasonseg', 'refcoco', 'coco', 'project', 'folder', 'reasonscenes'] as const;
export type DatasetKind = (typeof datasetKinds)[number];

/** What KIND[:PATH] names. */
export interface DatasetSpec {
  kind: DatasetKind;
  /** Folder or file; null for data that is made in memory. */
  path: string | null;
}

export interface DatasetOptions {
  /** Only targets of this split; null or absent: all splits, one after another. */
  split?: string | null;
  /** Folder of the images, where they are not in their usual place beside the annotations. */
  images?: string | null;
  /** refcoco: the COCO instances file; absent: `instances.json` beside the refs. */
  instances?: string | null;
  /** refcoco: who made the splits (`unc`, `google`, `umd`), where a folder has more than one file of refs. */
  splitBy?: string | null;
  /** refcoco, reasonseg: texts of an entry that become targets, the first (the default) or each of them. */
  sentences?: 'first' | 'all';
  /** folder: file of queries (see queries.ts); absent: `queries.json`, `.jsonl`, `.csv`, `.tsv` or `.txt` in it. */
  queries?: string | null;
  /** At most so many targets; reasonscenes: 500 of a split unless it is given. */
  limit?: number | null;
}

export interface TargetsOptions {
  /** Is told what cannot be used and why; the rest goes on. */
  onSkip?: (skipped: Skipped) => void;
  signal?: AbortSignal;
}

/** Targets with their images, in an order that does not change from run to run. */
export interface Dataset {
  spec: DatasetSpec;
  /** For tables and reports. */
  name: string;
  /** The chosen split; null: all. */
  split: string | null;
  /** Splits that it has; empty when it knows none. */
  splits: readonly string[];
  /**
   * Streams the targets. Every one has a query and an image that was found. Throws CANCELLED when the signal aborts
   * and FORMAT_UNREADABLE where nothing of the file can be used.
   */
  targets(options?: TargetsOptions): AsyncGenerator<DatasetTarget, void>;
  /**
   * Where images are made by their names and not stored: opens the one of a name, also beyond the limit; null for a
   * name that it does not give.
   */
  imageNamed?(fileName: string): (() => Promise<ImageSource>) | null;
}

/** What the reader of a kind gives; checks that all kinds share are made by {@link openDataset}. */
export interface DatasetSource extends Pick<Dataset, 'imageNamed'> {
  name: string;
  splits: readonly string[];
  /** Targets of a split, or of all of them. */
  read(split: string | null, options: TargetsOptions): AsyncGenerator<DatasetTarget, void>;
}

/** KIND[:PATH], such as `refcoco:data/refcoco`. Throws INVALID_REQUEST. */
export function parseDatasetSpec(text: string): DatasetSpec {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const path = colon < 0 ? '' : text.slice(colon + 1);
  const kind = datasetKinds.find((known) => known === name);
  if (kind === undefined) {
    throw new MaskwrightError('INVALID_REQUEST', `There is no kind of data set "${name}".`, {
      hint: `Write KIND:PATH with one of ${datasetKinds.join(', ')}.`,
    });
  }
  if ((path === '') !== (kind === 'reasonscenes')) {
    throw new MaskwrightError(
      'INVALID_REQUEST',
      kind === 'reasonscenes'
        ? 'ReasonScenes are made in memory and have no path.'
        : `"${text}" does not say where the data set is.`,
      { hint: kind === 'reasonscenes' ? 'Write reasonscenes.' : `Write ${kind}:PATH.` },
    );
  }
  return { kind, path: path === '' ? null : path };
}

/** Throws NOT_FOUND or FORMAT_UNREADABLE for what is no such data set, INVALID_REQUEST for a split that it lacks. */
export async function openDataset(spec: DatasetSpec, options: DatasetOptions = {}): Promise<Dataset> {
  const source = await openSource(spec, options);
  const split = options.split ?? null;
  if (split !== null && !source.splits.includes(split)) {
    throw new MaskwrightError('INVALID_REQUEST', `${source.name} has no split "${split}".`, {
      hint: source.splits.length > 0 ? `It has ${source.splits.join(', ')}.` : 'It has no splits.',
    });
  }
  return {
    spec,
    name: source.name,
    split,
    splits: source.splits,
    imageNamed: source.imageNamed,
    targets: (given = {}) => usable(source, split, options.limit ?? Number.POSITIVE_INFINITY, given),
  };
}

async function openSource(spec: DatasetSpec, options: DatasetOptions): Promise<DatasetSource> {
  const path = spec.path ?? '';
  switch (spec.kind) {
    case 'reasonscenes':
      return openReasonScenes(options);
    case 'refcoco':
      return openRefCoco(path, options);
    case 'reasonseg':
      return openReasonSeg(path, options);
    case 'coco':
      return openCocoTargets(path, options);
    case 'project':
      return openProjectTargets(path);
    case 'folder':
      return openFolderTargets(path, options);
  }
}

/** What every target has to have, whatever it comes from. */
async function* usable(
  source: DatasetSource,
  split: string | null,
  limit: number,
  options: TargetsOptions,
): AsyncGenerator<DatasetTarget, void> {
  const { onSkip, signal } = options;
  const keys = new Set<string>();
  const sizes = new Map<string, Promise<Size>>();
  if (limit <= 0) return;
  for await (const target of source.read(split, options)) {
    if (signal?.aborted) throw new MaskwrightError('CANCELLED', 'Reading the data set was stopped.');
    const reason = keys.has(target.key) ? 'another one has the same id' : await whyUnusable(target, sizes);
    if (reason !== null) {
      onSkip?.({ item: target.key, reason });
      continue;
    }
    keys.add(target.key);
    yield target;
    if (keys.size >= limit) return;
  }
}

async function whyUnusable(target: DatasetTarget, sizes: Map<string, Promise<Size>>): Promise<string | null> {
  if (target.query.trim() === '') return 'its query is empty';
  if (target.open) return null;
  const path = target.imagePath;
  if (path === null) return imageNotFound(target.fileName);
  try {
    const known = sizes.get(path) ?? readImageSize(path);
    sizes.set(path, known);
    const { width, height } = await known;
    const odd = [target.groundTruth, target.ignore].find(
      (mask) => mask && (mask.size[0] !== height || mask.size[1] !== width),
    );
    return odd ? `its mask is ${odd.size[1]} × ${odd.size[0]} pixels, the image ${width} × ${height}` : null;
  } catch (error) {
    return messageOf(error);
  }
}
