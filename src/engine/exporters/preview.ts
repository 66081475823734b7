import { MaskwrightError } from '@shared/contract/errors';
import type { ExportFormat, ExportOptions, ExportPreview, ReadBack } from '@shared/contract/formats';
import { emptyRle, rleIou } from '@shared/mask/rle';
import { breathe } from '../datasets/json-file';
import type { ProjectStore } from '../project/store';
import { cocoLosses, cocoParts, cocoReadBack } from './coco';
import { folderFormat, isSingleFile, singleFileNames } from './export';
import { type ExportImage, ExportSet } from './export-set';
import type { ExportImageName, FolderFormat } from './folder-format';
import { Losses } from './losses';
import { trajectoryParts } from './trajectories';

/** Losses are counted in the first so many images: a preview is shown at once. */
const analysedImages = 200;
/** And until so many masks were looked at. */
const analysedMasks = 2000;
const exampleImages = 12;
/** Images that are only named before other work gets its turn. */
const breathEvery = 500;
/** Characters of the sample text. */
const sampleLength = 4000;
/** Trajectories that are read: their text is large, and all of them would keep others waiting. */
const readTrajectories = 500;

/** What an export would contain. Nothing is written. `offset` and `limit` choose a page of the files' paths. */
export async function previewExport(
  store: ProjectStore,
  format: ExportFormat,
  options: ExportOptions,
  page: { offset: number; limit: number },
): Promise<ExportPreview> {
  const losses = new Losses();
  if (format === 'trajectories') return previewTrajectories(store, losses);
  const set = new ExportSet(store, options, true);
  const folder = folderFormat(format, set, '/');
  const files = new FilePage(page);
  const names: ExportImageName[] = [];
  const examples: ExportPreview['examples'] = [];
  let analysed = 0;
  let masks = 0;
  let sample: ExportPreview['sample'] = null;
  if (isSingleFile(format)) files.add(singleFileNames[format]);
  for (const entry of set.images(losses)) {
    names.push({ fileName: entry.fileName, stem: entry.stem });
    for (const path of folder?.paths(entry) ?? []) files.add(path);
    if (names.length % breathEvery === 0) await breathe();
    if (analysed >= analysedImages || masks >= analysedMasks) continue;
    const image = set.withAnnotations(entry);
    const before = losses.count;
    const text = await analyse(image, set, folder, format, losses);
    if (sample === null && image.annotations.length > 0) sample = text;
    if (image.annotations.length > 0)
      examples.push({ imageId: image.image.id, name: image.fileName, losses: losses.count - before });
    analysed += 1;
    masks += image.annotations.length;
    await breathe();
  }
  for (const file of folder?.about(names, losses) ?? []) files.add(file.path);
  examples.sort((a, b) => b.losses - a.losses);
  return {
    ...set.counts,
    classes: set.categories
      .filter(({ annotations }) => annotations > 0)
      .map(({ id, name, annotations }) => ({ categoryId: id, name, annotations })),
    files: files.result(),
    analysed,
    losses: losses.list(),
    sample: format === 'coco' ? cocoSample(set) : sample,
    examples: examples.slice(0, exampleImages),
  };
}

/** Tells what is lost of an image; gives the text of its file, where it is one. */
async function analyse(
  image: ExportImage,
  set: ExportSet,
  folder: FolderFormat | null,
  format: ExportFormat,
  losses: Losses,
): Promise<ExportPreview['sample']> {
  if (folder === null) cocoLosses(image, set, losses);
  // Overlays lose nothing, and drawing them takes the picture.
  if (folder === null || format === 'overlays') return null;
  const [first] = (await folder.files(image, losses))?.files ?? [];
  if (first === undefined || !('data' in first) || typeof first.data !== 'string') return null;
  return { path: first.path, ...beginning(first.data) };
}

const beginning = (text: string): { text: string; cut: boolean } => ({
  text: text.slice(0, sampleLength),
  cut: text.length > sampleLength,
});

function cocoSample(set: ExportSet): ExportPreview['sample'] {
  let text = '';
  for (const part of cocoParts(set, new Losses())) {
    text += part;
    if (text.length > sampleLength) break;
  }
  return { path: singleFileNames.coco, ...beginning(text) };
}

/** All are counted, the first of them read: those that are damaged are told of these. */
async function previewTrajectories(store: ProjectStore, losses: Losses): Promise<ExportPreview> {
  let text = '';
  let read = 0;
  for (const line of trajectoryParts(store, losses)) {
    if (text.length <= sampleLength) text += line;
    read += 1;
    if (read === readTrajectories) break;
    if (read % 10 === 0) await breathe();
  }
  const count = read < readTrajectories ? read : Math.max(read, store.trajectoryCount() - losses.count);
  return {
    images: 0,
    annotations: count,
    classes: [],
    files: { total: 1, items: [singleFileNames.trajectories] },
    analysed: 0,
    losses: losses.list(),
    sample: count === 0 ? null : { path: singleFileNames.trajectories, ...beginning(text) },
    examples: [],
  };
}

/** Counts paths and keeps those of one page. */
class FilePage {
  readonly #offset: number;
  readonly #limit: number;
  readonly #items: string[] = [];
  #total = 0;

  constructor({ offset, limit }: { offset: number; limit: number }) {
    this.#offset = offset;
    this.#limit = limit;
  }

  add(path: string): void {
    if (this.#total >= this.#offset && this.#items.length < this.#limit) this.#items.push(path);
    this.#total += 1;
  }

  result(): ExportPreview['files'] {
    return { total: this.#total, items: this.#items };
  }
}

/** The masks of one image as a reader of the format would get them. Throws NOT_FOUND. */
export function readBack(
  store: ProjectStore,
  format: ExportFormat,
  options: ExportOptions,
  imageId: string,
): ReadBack[] {
  if (format === 'trajectories') {
    throw new MaskwrightError('INVALID_REQUEST', 'Trajectories are no masks of an image.');
  }
  const set = new ExportSet(store, options, true);
  const project = store.imageById(imageId);
  const image = set.withAnnotations({
    image: project,
    cocoId: project.cocoId ?? 0,
    fileName: project.path,
    stem: project.path,
    annotations: [],
  });
  const masks = folderFormat(format, set, '/')?.readBack(image) ?? cocoReadBack(image, set);
  return image.annotations.map((annotation, index) => {
    const exported = masks[index] ?? null;
    return {
      annotationId: annotation.id,
      categoryId: annotation.categoryId,
      original: annotation.mask,
      exported,
      iou: rleIou(exported ?? emptyRle(annotation.mask.size), annotation.mask),
    };
  });
}
