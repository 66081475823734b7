import { createHash } from 'node:crypto';
import type { AttributeValues } from '@shared/attributes';
import type { Size } from '@shared/geometry/types';
import { isEmptyRle, type Rle, rleArea, rleBbox } from '@shared/mask/rle';
import type { NewImage, ProjectImage, ProjectStore } from '../project/store';
import { mapConcurrent } from './concurrent';
import type { ImageFinder } from './image-finder';
import { type ImportProgress, readImages, throwIfCancelled } from './import-images';
import { breathe } from './json-file';
import type { Skipped } from './target';

/** What every importer of annotations has in common: finding images, writing image by image, the report. */

export interface ImportReport {
  /** Images of the data set that are in the project now. */
  images: number;
  /** Those of them that are new. */
  addedImages: number;
  /** Annotations of the data set that are in the project now. */
  annotations: number;
  /** Those of them that are new. */
  addedAnnotations: number;
  /** New categories. */
  categories: number;
  skipped: Skipped[];
}

export interface ImportOptions {
  /** Folder of the images; null: where the data set has them, or in the project already. */
  images: string | null;
  onProgress?: ImportProgress;
  onSkip?: (skipped: Skipped) => void;
  signal?: AbortSignal;
}

/** A mask of a data set with all that has to be kept of it. */
export interface AnnotationToImport {
  /** The data set's id; a new one is given when it is null or taken. */
  id?: number | null;
  categoryId: number;
  mask: Rle;
  bbox?: [number, number, number, number];
  area?: number;
  iscrowd?: boolean;
  attributes?: AttributeValues;
  /** Tells whether this very annotation was imported before; unique in the image. */
  importKey: string;
  /** The entry as it came, JSON. */
  original: string;
}

export interface ImageToImport {
  /** As the data set names it: for reports, and to find the file where `file` is not given. */
  name: string;
  /** Absolute path where the data set has the image. */
  file?: string;
  /** Folder that the file is in, which becomes a folder of images of the project; the finder's when absent. */
  folder?: string;
  /** The size that the data set states; null when it states none. */
  size: Size | null;
  /** The image's own COCO id and entry. */
  original?: { cocoId: number | null; json: string };
  /** Annotations that are left out when the image is; for the report. */
  count: number;
  /** Its masks, once the size is known. What cannot be used is told to `skip`. */
  annotations(size: Size): AnnotationToImport[] | Promise<AnnotationToImport[]>;
}

interface Located {
  entry: ImageToImport;
  /** Null: not found. A project's image, or a file that was read just now. */
  found: { known: ProjectImage } | { fresh: NewImage } | null;
  reason: string;
  annotations: AnnotationToImport[];
}

/** Images whose files are looked for and whose masks are read at the same time. */
const concurrency = 3;

export class ImportSession {
  readonly report: ImportReport = {
    images: 0,
    addedImages: 0,
    annotations: 0,
    addedAnnotations: 0,
    categories: 0,
    skipped: [],
  };
  readonly #store: ProjectStore;
  readonly #finder: ImageFinder;
  readonly #options: ImportOptions;
  readonly #categories = new Map<string, number>();
  /** What each category was called when it was last seen: it may be merged or deleted while the import runs. */
  readonly #names = new Map<number, string>();

  constructor(store: ProjectStore, finder: ImageFinder, options: ImportOptions) {
    this.#store = store;
    this.#finder = finder;
    this.#options = options;
  }

  /** Notes something that could not be used. */
  readonly skip = (item: string, reason: string): void => {
    const skipped = { item, reason };
    this.report.skipped.push(skipped);
    this.#options.onSkip?.(skipped);
  };

  /** The project's category of a name, made when there is none. */
  category(name: string): number {
    const met = this.#categories.get(name);
    if (met !== undefined) return met;
    const known = this.#store.categories().find((category) => category.name === name);
    if (known === undefined) this.report.categories += 1;
    const fresh = { id: null, name, supercategory: '', original: null };
    const { id } = known ?? this.#store.addCategory(fresh);
    this.#categories.set(name, id);
    this.#names.set(id, name);
    return id;
  }

  /** A category that is in the project: the given one, or where that has gone meanwhile, the one of its name. */
  #presentCategory(id: number, present: ReadonlyMap<number, string>): number {
    const name = this.#names.get(id);
    if (present.has(id) || name === undefined) return id;
    this.#categories.delete(name);
    return this.category(name);
  }

  /**
   * Brings images with their annotations in, each in one commit. Throws CANCELLED; what is done stays. `source` is
   * what the journal calls the data set.
   */
  async run(
    entries: AsyncIterable<ImageToImport> | Iterable<ImageToImport>,
    total: number | null,
    source: string,
  ): Promise<ImportReport> {
    const { signal, onProgress } = this.#options;
    const inProject = projectLookup(this.#store);
    for (const { id, name } of this.#store.categories()) this.#names.set(id, name);
    let done = 0;
    onProgress?.(done, total);
    const located = mapConcurrent(entries, concurrency, (entry) => this.#locate(inProject, entry), signal);
    for await (const place of located) {
      this.#write(place);
      done += 1;
      onProgress?.(done, total);
      await breathe();
    }
    throwIfCancelled(signal);
    const { addedImages, addedAnnotations, categories } = this.report;
    if (addedImages + addedAnnotations + categories > 0) {
      this.#store.recordEvent(
        `Import ${addedAnnotations} annotations and ${addedImages} images from ${source}`,
      );
    }
    return this.report;
  }

  /** Finds the image of an entry, else in the project by its whole or last name when only one fits; reads its masks. */
  async #locate(
    inProject: (fileName: string) => ProjectImage | null,
    entry: ImageToImport,
  ): Promise<Located> {
    const place = await this.#find(inProject, entry);
    if (place.found === null) return place;
    const { width, height } = 'known' in place.found ? place.found.known : place.found.fresh;
    const { size } = entry;
    if (size !== null && (size.width !== width || size.height !== height)) {
      const reason = `the image is ${width} × ${height} pixels, the file says ${size.width} × ${size.height}`;
      return { ...place, found: null, reason };
    }
    return { ...place, annotations: await entry.annotations({ width, height }) };
  }

  async #find(inProject: (fileName: string) => ProjectImage | null, entry: ImageToImport): Promise<Located> {
    const file = entry.file ?? (await this.#finder.find(entry.name));
    const known = file === null ? inProject(entry.name) : this.#store.imageByFile(file);
    if (known !== null) return { entry, found: { known }, reason: '', annotations: [] };
    const lost = { entry, found: null, annotations: [] };
    if (file === null) return { ...lost, reason: 'the image file was not found' };
    for await (const read of readImages([file])) {
      if ('reason' in read) return { ...lost, reason: read.reason };
      return { entry, found: { fresh: read }, reason: '', annotations: [] };
    }
    return { ...lost, reason: 'the image file was not read' };
  }

  #write({ entry, found, reason, annotations }: Located): void {
    if (found === null) {
      const lost = entry.count === 0 ? '' : ` (${entry.count} annotations left out)`;
      this.skip(entry.name, reason + lost);
      return;
    }
    const { report } = this;
    const store = this.#store;
    store.batch(() => {
      const folder = entry.folder ?? this.#finder.folder;
      const added = 'fresh' in found ? store.addImages(folder, [found.fresh]) : null;
      const image = added?.images[0] ?? ('known' in found ? found.known : undefined);
      if (image === undefined) return;
      report.images += 1;
      report.addedImages += added?.added ?? 0;
      if (entry.original !== undefined)
        store.setImageOriginal(image.id, entry.original.cocoId, entry.original.json);
      const present = new Map(store.categories().map(({ id, name }) => [id, name]));
      for (const [id, name] of present) this.#names.set(id, name);
      for (const annotation of annotations) {
        const { mask } = annotation;
        const fresh = store.importAnnotation({
          ...annotation,
          id: annotation.id ?? null,
          categoryId: this.#presentCategory(annotation.categoryId, present),
          imageId: image.id,
          bbox: annotation.bbox ?? rleBbox(mask),
          area: annotation.area ?? rleArea(mask),
          iscrowd: annotation.iscrowd ?? false,
        });
        report.annotations += 1;
        if (fresh) report.addedAnnotations += 1;
      }
    });
  }
}

/** Looks the project's images up by path and by the last part of it; ambiguous names give null. */
function projectLookup(store: ProjectStore): (fileName: string) => ProjectImage | null {
  let byName: Map<string, ProjectImage | null> | null = null;
  const index = (): Map<string, ProjectImage | null> => {
    const names = new Map<string, ProjectImage | null>();
    const put = (name: string, image: ProjectImage): void => {
      const other = names.get(name);
      names.set(name, other === undefined || other?.id === image.id ? image : null);
    };
    for (const image of store.allImages()) {
      put(image.path, image);
      const last = image.path.slice(image.path.lastIndexOf('/') + 1);
      if (last !== image.path) put(last, image);
    }
    return names;
  };
  return (fileName) => {
    byName ??= index();
    const name = fileName.replace(/\\/g, '/');
    return byName.get(name) ?? byName.get(name.slice(name.lastIndexOf('/') + 1)) ?? null;
  };
}

/** A key that is the same for the same content. */
export function importKeyOf(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}

/** Throws an Error when a mask has no pixels: it cannot be shown or corrected. */
export function requirePixels(mask: Rle): Rle {
  if (isEmptyRle(mask)) throw new Error('it has no pixels inside the image');
  return mask;
}
