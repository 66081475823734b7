import type { Annotation, ImageState, ImageSummary, TrajectorySummary } from '@shared/contract/methods';
import { SvelteMap } from 'svelte/reactivity';
import type { Host } from '../lib/host';
import { recall, remember } from '../lib/storage';
import type { AppState } from './app.svelte';

const pageSize = 100;
const scanSize = 500;

export type Filter = ImageState | null;

/** The list of images, read page by page as it is looked at, and the image on the canvas. */
export class ImagesState {
  filter = $state<Filter>(null);
  search = $state('');
  total = $state(0);
  /** False until the first page of the present filter is there. */
  loaded = $state(false);
  selectedId = $state<string | null>(null);
  /** Place of the selected image in the list, as far as known. */
  selectedIndex = $state(-1);
  selected = $state.raw<ImageSummary | null>(null);
  annotations = $state.raw<readonly Annotation[]>([]);
  recordings = $state.raw<readonly TrajectorySummary[]>([]);
  readonly pages = new SvelteMap<number, readonly ImageSummary[]>();

  readonly #host: Host;
  readonly #app: AppState;
  readonly #asked = new Set<number>();
  #generation = 0;

  constructor(host: Host, app: AppState) {
    this.#host = host;
    this.#app = app;
    host.connection.on('images.changed', ({ imageIds }) => {
      void this.#app.attempt(() => this.#changed(imageIds));
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
      this.#asked.add(page);
      void this.#app.attempt(() => this.#load(page));
    }
  }

  /** Reads the list anew, keeping what is shown until the new pages are there. */
  async refresh(): Promise<void> {
    this.#generation++;
    this.#asked.clear();
    const kept = [...this.pages.keys()];
    this.#asked.add(0);
    await this.#load(0);
    for (const page of kept) if (page !== 0) this.pages.delete(page);
  }

  async show(filter: Filter, search: string): Promise<void> {
    if (filter === this.filter && search === this.search && this.loaded) return;
    this.filter = filter;
    this.search = search;
    await this.#app.attempt(() => this.refresh());
    this.selectedIndex = this.#find(this.selectedId);
  }

  reset(): void {
    this.#generation++;
    this.#asked.clear();
    this.pages.clear();
    this.total = 0;
    this.loaded = false;
    this.filter = null;
    this.search = '';
    this.selectedId = null;
    this.selected = null;
    this.selectedIndex = -1;
    this.annotations = [];
    this.recordings = [];
  }

  /** Opens the image that was open last, or the first. */
  async restore(projectKey: string): Promise<void> {
    this.need(0, 1);
    const wanted = recall(`image ${projectKey}`);
    const index = Math.max(0, this.#find(wanted));
    const image = this.at(index);
    if (image) await this.select(image, index);
  }

  async select(image: ImageSummary, index: number): Promise<void> {
    if (image.id === this.selectedId) {
      this.selectedIndex = index;
      return;
    }
    this.selectedId = image.id;
    this.selected = image;
    this.selectedIndex = index;
    this.annotations = [];
    this.recordings = [];
    await this.refreshSelected();
    if (this.selectedId !== image.id) return;
    this.#prefetch(image.id, 'foreground');
    const next = this.at(index + 1);
    if (next) this.#prefetch(next.id, 'prefetch');
  }

  rememberSelected(projectKey: string): void {
    if (this.selectedId !== null) remember(`image ${projectKey}`, this.selectedId);
  }

  async refreshSelected(): Promise<void> {
    const imageId = this.selectedId;
    if (imageId === null) return;
    const [annotations, recordings] = await Promise.all([
      this.#app.attempt(() => this.#host.connection.call('annotations.list', { imageId })),
      this.#app.attempt(() => this.#host.connection.call('trajectories.list', { imageId })),
    ]);
    if (imageId !== this.selectedId) return;
    if (annotations) this.annotations = annotations;
    if (recordings) this.recordings = recordings;
  }

  async selectOffset(offset: number): Promise<void> {
    const index = this.selectedIndex + offset;
    if (index < 0 || index >= this.total) return;
    await this.#selectIndex(index);
  }

  /** The next image in the list, after this one and then from the start, that is not done; false when there is none. */
  async nextUnreviewed(): Promise<boolean> {
    const found = await this.#app.attempt(async () => {
      const here = this.at(this.selectedIndex)?.id === this.selectedId;
      const start = Math.max(0, here ? this.selectedIndex + 1 : this.selectedIndex);
      return (await this.#scan(start, this.total)) ?? (await this.#scan(0, Math.min(start, this.total)));
    });
    if (!found || found.image.id === this.selectedId) return false;
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

  async #selectIndex(index: number): Promise<void> {
    await this.#app.attempt(async () => {
      if (!this.at(index)) await this.#load(Math.floor(index / pageSize));
      const image = this.at(index);
      if (image) await this.select(image, index);
    });
  }

  async #scan(from: number, to: number): Promise<{ image: ImageSummary; index: number } | null> {
    for (let offset = from; offset < to; offset += scanSize) {
      const { items } = await this.#host.connection.call('images.list', {
        offset,
        limit: Math.min(scanSize, to - offset),
        state: this.filter,
        search: this.search,
      });
      const found = items.findIndex((image) => image.state !== 'done' && image.id !== this.selectedId);
      const image = items[found];
      if (image) return { image, index: offset + found };
    }
    return null;
  }

  async #load(page: number): Promise<void> {
    const generation = this.#generation;
    const { total, items } = await this.#host.connection.call('images.list', {
      offset: page * pageSize,
      limit: pageSize,
      state: this.filter,
      search: this.search,
    });
    if (generation !== this.#generation) return;
    this.total = total;
    this.pages.set(page, items);
    this.loaded = true;
    const selected = items.find((image) => image.id === this.selectedId);
    if (selected) this.selected = selected;
  }

  /** An empty list means that any image may have changed. */
  async #changed(imageIds: readonly string[]): Promise<void> {
    const known = [...this.pages];
    const touched = known.filter(
      ([, items]) => imageIds.length === 0 || items.some((image) => imageIds.includes(image.id)),
    );
    const mayHaveNew = imageIds.length === 0 || touched.length === 0;
    const isFiltered = this.filter !== null || this.search !== '';
    if (mayHaveNew || isFiltered) {
      await this.refresh();
      for (const [page] of known) if (page !== 0) this.need(page * pageSize, page * pageSize + 1);
    } else await Promise.all(touched.map(([page]) => this.#load(page)));
    const place = this.#find(this.selectedId);
    if (place >= 0) this.selectedIndex = place;
    else if (this.selectedId !== null && (imageIds.length === 0 || imageIds.includes(this.selectedId))) {
      await this.#reread(this.selectedId);
    }
  }

  /** The selected image when the filter hides it: there is no call for one image, so it is searched by its name. */
  async #reread(imageId: string): Promise<void> {
    const name = this.selected?.name;
    if (!name) return;
    const { items } = await this.#host.connection.call('images.list', {
      offset: 0,
      limit: 100,
      state: null,
      search: name,
    });
    const image = items.find((candidate) => candidate.id === imageId);
    if (image && this.selectedId === imageId) this.selected = image;
  }

  #find(id: string | null): number {
    if (id === null) return -1;
    for (const [page, items] of this.pages) {
      const index = items.findIndex((image) => image.id === id);
      if (index >= 0) return page * pageSize + index;
    }
    return -1;
  }

  #prefetch(imageId: string, priority: 'foreground' | 'prefetch'): void {
    if (!this.#app.info?.segmenter.ready) return;
    // Only makes things faster: a failure shows when the segmenter is asked for a mask.
    this.#host.connection.call('images.prefetch', { imageId, priority }).catch((error: unknown) => {
      console.warn('Prefetching failed', error);
    });
  }
}
