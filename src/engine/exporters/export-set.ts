import { basename } from 'node:path';
import type { ExportOptions } from '@shared/contract/formats';
import { extensionOf } from '../project/paths';
import type { ProjectImage, ProjectStore, StoredAnnotation } from '../project/store';
import type { Losses } from './losses';

type StoredCategory = ReturnType<ProjectStore['storedCategories']>[number];

/** An image as it is exported, with its annotations from bottom to top. */
export interface ExportImage {
  image: ProjectImage;
  cocoId: number;
  /** Its path in the export, with forward slashes; unique. */
  fileName: string;
  /** The same without extension; unique too, for formats that write one file an image. */
  stem: string;
  annotations: StoredAnnotation[];
}

/** Images read at a time. */
const pageSize = 100;

/** What is exported: which images under which names, read bit by bit so that a project of any size fits. */
export class ExportSet {
  readonly store: ProjectStore;
  readonly options: ExportOptions;
  readonly categories: readonly StoredCategory[];
  readonly #byId: ReadonlyMap<number, StoredCategory>;
  readonly #end: { cocoId: number; annotationId: number };
  /** COCO ids that images without one would get, where none are given. */
  readonly #planned = new Map<string, { cocoId: number; wanted: boolean }>();
  /** Names of images whose path another image has too. */
  readonly #renamed: Map<string, string>;

  /** `isPreview`: images without a COCO id are shown with the one that they would get; the project stays as it is. */
  constructor(store: ProjectStore, options: ExportOptions, isPreview = false) {
    if (!isPreview) store.assignCocoIds();
    this.store = store;
    this.options = options;
    this.categories = store.storedCategories();
    this.#byId = new Map(this.categories.map((category) => [category.id, category]));
    this.#end = store.exportEnd();
    if (isPreview) {
      for (const [index, { id, wanted }] of store.unnumberedImages(options.images).entries())
        this.#planned.set(id, { cocoId: this.#end.cocoId + index + 1, wanted });
    }
    this.#renamed = this.#sharedNames();
  }

  get counts(): { images: number; annotations: number } {
    return this.store.exportCounts(this.options.images);
  }

  categoryName(id: number): string {
    return this.#byId.get(id)?.name ?? String(id);
  }

  categoryOf(id: number): StoredCategory | undefined {
    return this.#byId.get(id);
  }

  /** Names an annotation for people. */
  nameOf(image: ExportImage, annotation: StoredAnnotation): string {
    return `${image.fileName} #${annotation.id} (${this.categoryName(annotation.categoryId)})`;
  }

  /** Of images of one path the first keeps it, the others get their folder's name put before it. */
  #sharedNames(): Map<string, string> {
    const shared = new Set(this.store.sharedPaths());
    const names = new Map<string, string>();
    if (shared.size === 0) return names;
    const taken = new Set<string>();
    for (const image of this.#pages()) {
      if (!shared.has(image.path)) continue;
      let name = image.path;
      const folder = basename(this.store.rootFolder(image.rootId));
      for (let copy = 1; taken.has(name) || (name !== image.path && this.store.hasPath(name)); copy += 1)
        name = `${folder}${copy === 1 ? '' : `-${copy}`}/${image.path}`;
      taken.add(name);
      names.set(image.id, name);
    }
    return names;
  }

  *#pages(): Generator<ProjectImage & { cocoId: number }, void> {
    yield* this.#numbered();
    for (const [id, { cocoId, wanted }] of this.#planned)
      if (wanted) yield { ...this.store.imageById(id), cocoId };
  }

  *#numbered(): Generator<ProjectImage & { cocoId: number }, void> {
    for (let after = -1; ; ) {
      const page = this.store.imagesAfter(after, pageSize, this.options.images);
      for (const image of page) {
        const cocoId = image.cocoId ?? 0;
        if (cocoId > this.#end.cocoId) return;
        yield { ...image, cocoId };
      }
      const last = page[page.length - 1]?.cocoId ?? null;
      if (last === null || page.length < pageSize) return;
      after = last;
    }
  }

  /** Every image in the order of COCO ids, without annotations. Images under another name are told to `losses`. */
  *images(losses: Losses): Generator<ExportImage, void> {
    const stems = new Set<string>();
    for (const image of this.#pages()) {
      const fileName = this.#renamed.get(image.id) ?? image.path;
      const extension = extensionOf(fileName);
      let stem = fileName.slice(0, fileName.length - extension.length);
      if (stems.has(stem)) {
        const first = `${stem}-${extension.slice(1)}`;
        stem = first;
        for (let copy = 2; stems.has(stem); copy += 1) stem = `${first}-${copy}`;
      }
      stems.add(stem);
      if (fileName !== image.path) losses.add('file-renamed', `${image.path} → ${fileName}`);
      yield { image, cocoId: image.cocoId, fileName, stem, annotations: [] };
    }
  }

  /** The image with its annotations from bottom to top, as on the canvas. */
  withAnnotations(image: ExportImage): ExportImage {
    const annotations = this.store.storedAnnotations(image.image.id);
    return { ...image, annotations: annotations.sort((a, b) => a.z - b.z || a.id - b.id) };
  }

  /** Every annotation of these images in the order of ids, with its image's COCO id. */
  *annotations(): Generator<StoredAnnotation & { cocoImageId: number }, void> {
    for (let after = -1; ; ) {
      const page = this.store.annotationsAfter(after, pageSize * 5);
      for (const annotation of page) {
        if (annotation.id > this.#end.annotationId) return;
        const known = annotation.cocoImageId ?? this.#end.cocoId + 1;
        const cocoImageId = known <= this.#end.cocoId ? known : this.#planned.get(annotation.imageId)?.cocoId;
        if (cocoImageId !== undefined) yield { ...annotation, cocoImageId };
      }
      const last = page[page.length - 1]?.id ?? null;
      if (last === null || page.length < pageSize * 5) return;
      after = last;
    }
  }
}
