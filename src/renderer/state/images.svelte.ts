import type {
  Annotation,
  ImageQuery,
  ImageState,
  ImageSummary,
  MethodInput,
  TrajectorySummary,
} from '@shared/contract/methods';
import { SvelteMap } from 'svelte/reactivity';
import type { Host } from '../lib/host';
import { recall, remember } from '../lib/storage';
import type { AppState } from './app.svelte';

const pageSize = 100;
/** Pages that are kept; those furthest from where the list is are forgotten. */
const keptPages = 24;
/** Changes that come closer together are one: an import or a run changes image after image. */
const settleMilliseconds = 150;

/** Tells the engine which of several windows has images in sight. */
const windowName = Math.random().toString(36).slice(2);

export type Filter = ImageState | null;

/** Conditions and order of the list beside state and search. */
export type ListOptions = Omit<ImageQuery, 'state' | 'search'>;

export const noOptions: ListOptions = {
  flagged: null,
  noted: null,
  unreadable: null,
  withCategories: [],
  withoutCategories: [],
  minMasks: null,
  maxMasks: null,
  author: null,
  sort: 'name',
  descending: false,
};

/** The list of images, read page by page as it is looked at, and the image on the canvas. */
export class ImagesState {
  filter = $state<Filter>(null);
  search = $state('');
  options = $state.raw<ListOptions>(noOptions);
  total = $state(0);
  /** Grows whenever the list was read anew: pages that were under way have to be asked for again. */
  revision = $state(0);
  /** False until the first page of the present filter is there. */
  loaded = $state(false);
  selectedId = $state<string | null>(null);
  /** Place of the selected image in the list; where it would be when the list does not hold it. */
  selectedIndex = $state(-1);
  selected = $state.raw<ImageSummary | null>(null);
  annotations = $state.raw<readonly Annotation[]>([]);
  recordings = $state.raw<readonly TrajectorySummary[]>([]);
  /** Queries that were prepared for the image on the canvas. */
  suggestions = $state.raw<readonly string[]>([]);
  /** Annotations that were read ahead; null when they were not. */
  knownAnnotations: (imageId: string) => readonly Annotation[] | null = () => null;
  readonly pages = new SvelteMap<number, readonly ImageSummary[]>();

  /** What the list is asked for: conditions and order. */
  readonly query: ImageQuery = $derived({ ...this.options, state: this.filter, search: this.search });
  /** True when the list may not hold all images. */
  readonly isFiltered: boolean = $derived(
    JSON.stringify({ ...this.query, sort: 'name', descending: false }) !==
      JSON.stringify({ ...noOptions, state: null, search: '' }),
  );

  readonly #host: Host;
  readonly #app: AppState;
  /** Pages that are there or under way. */
  readonly #asked = new Map<number, Promise<void>>();
  /** Images that changed since the list was last read; `all`: any may have. */
  #unread = { all: false, ids: new Set<string>() };
  #isReading = false;
  #generation = 0;
  /** False when the list does not hold the selected image. */
  #listed = true;

  constructor(host: Host, app: AppState) {
    this.#host = host;
    this.#app = app;
    host.connection.on('images.changed', ({ imageIds }) => {
      this.#changedLater(imageIds);
    });
    host.connection.on('annotations.changed', ({ imageIds }) => {
      const id = this.selectedId;
      if (id !== null && (imageIds.length === 0 || imageIds.includes(id))) void this.refreshSelected();
    });
  }

  at(index: number): ImageSummary | undefined {
    return this.pages.get(Math.floor(index / pageSize))?.[index % pageSize];
  }

  /** Asks for the pages of a range; already known ones are not asked for again. */
  need(from: number, to: number): void {
    for (
      let page = Math.floor(from / pageSize);
      page <= Math.floor(Math.max(from, to - 1) / pageSize);
      page++
    ) {
      if (this.#asked.has(page)) continue;
      this.#asked.set(
        page,
        this.#app.attempt(() => this.#load(page)),
      );
    }
    this.#forgetFarFrom(Math.floor(from / pageSize));
  }

  /** Tells which images are in sight, so that the thumbnails of others need not be made. */
  look(imageIds: readonly string[]): void {
    // A courtesy: what is not given up is made for nothing.
    this.#host.connection
      .call('images.look', { window: windowName, imageIds: [...imageIds] })
      .catch(() => undefined);
  }

  #forgetFarFrom(page: number): void {
    if (this.pages.size <= keptPages) return;
    const far = [...this.pages.keys()].sort((a, b) => Math.abs(b - page) - Math.abs(a - page));
    for (const other of far.slice(0, this.pages.size - keptPages)) {
      this.pages.delete(other);
      this.#asked.delete(other);
    }
  }

  /** Reads the list anew, keeping what is shown until the new pages are there. */
  async refresh(): Promise<void> {
    this.#generation++;
    this.#asked.clear();
    const kept = [...this.pages.keys()];
    const first = this.#load(0);
    this.#asked.set(
      0,
      first.catch(() => undefined),
    );
    await first;
    for (const page of kept) if (page !== 0) this.pages.delete(page);
    this.revision++;
  }

  async show(filter: Filter, search: string, options: ListOptions = this.options): Promise<void> {
    const isSame = filter === this.filter && search === this.search && options === this.options;
    if (isSame && this.loaded) return;
    this.filter = filter;
    this.search = search;
    this.options = options;
    await this.#app.attempt(async () => {
      await this.refresh();
      await this.#replace();
    });
  }

  /** Changes some conditions or the order, and keeps the others. */
  async refine(options: Partial<ListOptions>): Promise<void> {
    await this.show(this.filter, this.search, { ...this.options, ...options });
  }

  reset(): void {
    this.#generation++;
    this.#asked.clear();
    this.#unread = { all: false, ids: new Set() };
    this.pages.clear();
    this.total = 0;
    this.loaded = false;
    this.filter = null;
    this.search = '';
    this.options = noOptions;
    this.selectedId = null;
    this.selected = null;
    this.selectedIndex = -1;
    this.annotations = [];
    this.recordings = [];
    this.suggestions = [];
  }

  /** Opens the image that was open last, or the first. */
  async restore(projectKey: string): Promise<void> {
    const wanted = recall(`image ${projectKey}`);
    const known = wanted === null ? null : await this.#placeOf(wanted).catch(() => null);
    await this.#selectIndex(known?.listed ? known.index : 0);
  }

  /** Selects an image by its id, wherever it is in the list or if it is not in it. */
  async open(imageId: string): Promise<void> {
    await this.#app.attempt(async () => {
      const [image, place] = await Promise.all([
        this.#host.connection.call('images.get', { imageId }),
        this.#placeOf(imageId),
      ]);
      await this.select(image, place.index);
    });
  }

  async select(image: ImageSummary, index: number): Promise<void> {
    if (image.id === this.selectedId) {
      this.selectedIndex = index;
      return;
    }
    this.selectedId = image.id;
    this.selected = image;
    this.selectedIndex = index;
    this.#listed = true;
    this.annotations = this.knownAnnotations(image.id) ?? [];
    this.recordings = [];
    this.suggestions = [];
    await this.refreshSelected();
  }

  rememberSelected(projectKey: string): void {
    if (this.selectedId !== null) remember(`image ${projectKey}`, this.selectedId);
  }

  async refreshSelected(): Promise<void> {
    const imageId = this.selectedId;
    if (imageId === null) return;
    const [annotations, recordings, suggestions] = await Promise.all([
      this.#app.attempt(() => this.#host.connection.call('annotations.list', { imageId })),
      this.#app.attempt(() => this.#host.connection.call('trajectories.list', { imageId })),
      this.#app.attempt(() => this.#host.connection.call('images.suggestions', { imageId })),
    ]);
    if (imageId !== this.selectedId) return;
    if (suggestions) this.suggestions = suggestions;
    if (annotations) this.annotations = annotations;
    if (recordings) this.recordings = worthReplaying(recordings);
  }

  async selectOffset(offset: number): Promise<void> {
    // What took the place of an image that the list lost is its neighbour.
    const index = this.selectedIndex + (this.#listed || offset < 0 ? offset : offset - 1);
    if (index < 0 || index >= this.total) return;
    await this.#selectIndex(index);
  }

  async selectAt(index: number): Promise<void> {
    await this.#selectIndex(Math.min(Math.max(0, index), this.total - 1));
  }

  /** The next image in the list, after this one and then from the start, that is not done; false when there is none. */
  async nextUnreviewed(): Promise<boolean> {
    const found = await this.#app.attempt(async () => {
      const imageId = this.selectedId;
      const place = imageId === null ? null : await this.#placeOf(imageId);
      const after = place === null ? -1 : place.listed ? place.index : place.index - 1;
      return this.#host.connection.call('images.nextOpen', { ...this.query, imageId, after });
    });
    if (!found) return false;
    await this.select(found.image, found.index);
    return true;
  }

  async setState(state: ImageState): Promise<void> {
    const imageId = this.selectedId;
    if (imageId === null) return;
    const marks = await this.#app.attempt(() =>
      this.#host.connection.call('images.setState', { imageId, state }),
    );
    if (!marks) return;
    this.#app.saved();
    await this.#app.attempt(() => this.#changed([imageId]));
  }

  /** Note or flag of the image on the canvas. */
  async update(patch: Omit<MethodInput<'images.update'>, 'imageId'>): Promise<void> {
    const imageId = this.selectedId;
    if (imageId === null) return;
    const marks = await this.#app.attempt(() =>
      this.#host.connection.call('images.update', { imageId, ...patch }),
    );
    if (!marks) return;
    this.#app.saved();
    await this.#app.attempt(() => this.#changed([imageId]));
  }

  /** Reads the file of an image that could not be read once more. */
  async retry(imageId: string): Promise<boolean> {
    const image = await this.#app.attempt(() => this.#host.connection.call('images.retry', { imageId }));
    if (!image) return false;
    if (imageId === this.selectedId) this.selected = image;
    await this.#app.attempt(() => this.#changed([imageId]));
    return image.problem === null;
  }

  async #selectIndex(index: number): Promise<void> {
    await this.#app.attempt(async () => {
      if (!this.at(index)) await this.#load(Math.floor(index / pageSize));
      const image = this.at(index);
      if (image) await this.select(image, index);
    });
  }

  async #load(page: number): Promise<void> {
    const generation = this.#generation;
    const { total, items } = await this.#host.connection.call('images.list', {
      offset: page * pageSize,
      limit: pageSize,
      ...this.query,
    });
    if (generation !== this.#generation) return;
    this.total = total;
    this.pages.set(page, items);
    this.loaded = true;
    const selected = items.find((image) => image.id === this.selectedId);
    if (selected) this.selected = selected;
  }

  /** Reads the list anew soon, one reading at a time, and once more for what changed meanwhile. */
  #changedLater(imageIds: readonly string[]): void {
    if (imageIds.length === 0) this.#unread.all = true;
    for (const id of imageIds) this.#unread.ids.add(id);
    if (this.#isReading) return;
    this.#isReading = true;
    setTimeout(() => void this.#readChanges(), settleMilliseconds);
  }

  async #readChanges(): Promise<void> {
    const { all, ids } = this.#unread;
    this.#unread = { all: false, ids: new Set() };
    // Another project may have been opened meanwhile.
    if (all || ids.size > 0) await this.#app.attempt(() => this.#changed(all ? [] : [...ids]));
    this.#isReading = false;
    if (this.#unread.all || this.#unread.ids.size > 0) this.#changedLater([...this.#unread.ids]);
  }

  /** An empty list means that any image may have changed. */
  async #changed(imageIds: readonly string[]): Promise<void> {
    const changed = new Set(imageIds);
    const known = [...this.pages];
    const touched = known.filter(
      ([, items]) => changed.size === 0 || items.some((image) => changed.has(image.id)),
    );
    const isKnown = (id: string): boolean =>
      known.some(([, items]) => items.some((image) => image.id === id));
    const mayHaveNew = changed.size === 0 || ![...changed].every(isKnown);
    const mayHaveMoved = this.isFiltered || !['name', 'added', 'size'].includes(this.options.sort);
    if (mayHaveNew || mayHaveMoved) {
      await this.refresh();
      for (const [page] of known) if (page !== 0) this.need(page * pageSize, page * pageSize + 1);
      // What is under way would be thrown away by the next reading.
      await Promise.all(this.#asked.values());
    } else await Promise.all(touched.map(([page]) => this.#load(page)));
    await this.#replace();
    const imageId = this.selectedId;
    if (imageId === null || (changed.size > 0 && !changed.has(imageId))) return;
    const image = await this.#host.connection.call('images.get', { imageId });
    if (this.selectedId === imageId) this.selected = image;
  }

  /** Finds the selected image's place in the list again. */
  async #replace(): Promise<void> {
    const imageId = this.selectedId;
    if (imageId === null) return;
    const { index, listed } = await this.#placeOf(imageId);
    if (this.selectedId !== imageId) return;
    this.selectedIndex = index;
    this.#listed = listed;
  }

  #placeOf(imageId: string): Promise<{ index: number; listed: boolean }> {
    return this.#host.connection.call('images.position', { ...this.query, imageId });
  }
}

/** Recordings without the accepted ones that only repeat another of the same query, such as its replay. */
function worthReplaying(recordings: readonly TrajectorySummary[]): readonly TrajectorySummary[] {
  const settled = ({ status }: TrajectorySummary): boolean => status === 'accepted';
  const kept = recordings.filter((recording) => !settled(recording));
  for (const recording of recordings) {
    const isRepeated = kept.some(({ query }) => query.trim() === recording.query.trim());
    if (settled(recording) && !isRepeated) kept.push(recording);
  }
  return recordings.filter((recording) => kept.includes(recording));
}
