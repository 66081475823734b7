import type { MethodOutput, ReviewEntry, ReviewQuery } from '@shared/contract/methods';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { imageUrl } from '../canvas/picture';
import type { Host } from '../lib/host';
import { text } from '../lib/text';
import type { AppState } from './app.svelte';
import type { EpisodeStates } from './episode.svelte';
import type { HistoryState } from './history.svelte';
import type { ImagesState } from './images.svelte';
import type { ClassChoice, ProjectState } from './project.svelte';

/** What the queue works on; `Workbench` is one. */
interface Workbench {
  readonly host: Host;
  readonly app: AppState;
  readonly project: ProjectState;
  readonly images: ImagesState;
  readonly episode: EpisodeStates;
  readonly history: HistoryState;
  resume(episodeId: string, query: string): Promise<void>;
  acceptEpisode(choice: ClassChoice | null): Promise<void>;
  takePen(): Promise<void>;
}

const pageSize = 50;
/** Changes that come closer together are one. */
const settleMilliseconds = 120;

/** Conditions and order of the queue that a person sets. */
export type QueueFilter = Pick<
  ReviewQuery,
  'result' | 'className' | 'runId' | 'author' | 'sort' | 'descending'
>;

export const openFilter: QueueFilter = {
  result: null,
  className: null,
  runId: null,
  author: null,
  sort: 'queue',
  descending: false,
};

const noFacets: MethodOutput<'review.facets'> = { classes: [], runs: [], authors: [] };

/** The review queue: what waits, the entry on the canvas, and the decisions about it. */
export class QueueState {
  /** The left column shows the queue instead of the images. */
  shown = $state(false);
  filter = $state.raw<QueueFilter>(openFilter);
  total = $state(0);
  /** All that waits, whatever the filter. */
  waiting = $state(0);
  loaded = $state(false);
  current = $state.raw<ReviewEntry | null>(null);
  /** Place of the current entry in the list. */
  index = $state(-1);
  facets = $state.raw(noFacets);
  pace = $state.raw<MethodOutput<'review.pace'> | null>(null);
  /** The form for accepting many is open. */
  accepting = $state(false);
  readonly pages = new SvelteMap<number, readonly ReviewEntry[]>();
  /** Left for later, in this window. */
  readonly skipped = new SvelteSet<string>();

  readonly isFiltered = $derived(
    this.filter.result !== null ||
      this.filter.className !== null ||
      this.filter.runId !== null ||
      this.filter.author !== null,
  );
  /** The current entry is on the canvas and waits for its decision. */
  readonly canDecide = $derived.by(
    () =>
      this.shown &&
      this.current !== null &&
      this.#workbench.episode.open?.episodeId === this.current.id &&
      !this.#workbench.episode.busy,
  );

  readonly #workbench: Workbench;
  readonly #asked = new Set<number>();
  /** Entries whose decision is a part of work that goes on: it does not open the next one. */
  readonly #held = new Set<string>();
  /** Entries in the order in which they were looked at. */
  #visited: string[] = [];
  #generation = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(workbench: Workbench) {
    this.#workbench = workbench;
    const { connection } = workbench.host;
    connection.on('images.changed', () => this.#later());
    connection.on('history.changed', () => this.#later());
    connection.on('episode.changed', ({ episodeId, status }) => {
      if (status === 'accepted' || status === 'rejected') void this.#decided(episodeId);
    });
  }

  at(index: number): ReviewEntry | undefined {
    return this.pages.get(Math.floor(index / pageSize))?.[index % pageSize];
  }

  need(from: number, to: number): void {
    const last = Math.floor(Math.max(from, to - 1) / pageSize);
    for (let page = Math.floor(from / pageSize); page <= last; page++) {
      if (this.#asked.has(page)) continue;
      this.#asked.add(page);
      void this.#workbench.app.attempt(() => this.#load(page));
    }
  }

  /** Switches the left column to the queue and opens its first entry. */
  async show(): Promise<void> {
    this.shown = true;
    this.#workbench.app.page = 'label';
    await this.#workbench.app.attempt(() => this.refresh());
    if (this.current === null || !this.current.waiting) await this.#openFirst();
    else await this.open(this.current, this.index);
  }

  hide(): void {
    this.shown = false;
    this.accepting = false;
  }

  async choose(filter: Partial<QueueFilter>): Promise<void> {
    this.filter = { ...this.filter, ...filter };
    this.loaded = false;
    this.current = null;
    this.index = -1;
    await this.#workbench.app.attempt(() => this.refresh());
    if (this.shown) await this.#openFirst();
  }

  /** Shows what one run has brought. */
  async showRun(runId: string): Promise<void> {
    this.filter = { ...openFilter, runId };
    this.current = null;
    await this.show();
  }

  reset(): void {
    this.#generation++;
    this.#asked.clear();
    this.#visited = [];
    this.pages.clear();
    this.skipped.clear();
    this.shown = false;
    this.accepting = false;
    this.filter = openFilter;
    this.total = 0;
    this.waiting = 0;
    this.loaded = false;
    this.current = null;
    this.index = -1;
    this.facets = noFacets;
    this.pace = null;
    this.#later();
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#workbench.project.current) void this.#workbench.app.attempt(() => this.refresh());
    }, settleMilliseconds);
  }

  /** Reads the queue anew, keeping what is shown until it is there. */
  async refresh(): Promise<void> {
    this.#generation++;
    const wanted = this.index < 0 ? 0 : Math.floor(this.index / pageSize);
    const kept = [...this.pages.keys()];
    this.#asked.clear();
    this.#asked.add(wanted);
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    const { connection } = this.#workbench.host;
    const [, facets, pace] = await Promise.all([
      this.#load(wanted),
      this.shown ? connection.call('review.facets', {}) : this.facets,
      connection.call('review.pace', { since: midnight.toISOString() }),
    ]);
    this.facets = facets;
    this.pace = pace;
    for (const page of kept) if (page !== wanted) this.pages.delete(page);
    const id = this.current?.id;
    const [first = 0, items = []] = [...this.pages].find(([, list]) => list.some((e) => e.id === id)) ?? [];
    const place = items.findIndex((entry) => entry.id === id);
    if (place >= 0) {
      this.index = first * pageSize + place;
      this.current = items[place] ?? this.current;
    } else if (this.index >= this.total) this.index = this.total - 1;
  }

  async #load(page: number): Promise<void> {
    const generation = this.#generation;
    const { total, waiting, items } = await this.#workbench.host.connection.call('review.list', {
      ...this.filter,
      offset: page * pageSize,
      limit: pageSize,
    });
    if (generation !== this.#generation) return;
    this.total = total;
    this.waiting = waiting;
    this.pages.set(page, items);
    this.loaded = true;
  }

  /** Puts an entry on the canvas with its turns. */
  async open(entry: ReviewEntry, index: number): Promise<void> {
    const { images, project, episode } = this.#workbench;
    this.current = entry;
    this.index = index;
    this.#visited = [...this.#visited.filter((id) => id !== entry.id), entry.id].slice(-200);
    await images.open(entry.imageId);
    if (this.current?.id !== entry.id) return;
    await this.#workbench.resume(entry.id, entry.query);
    if (this.current?.id !== entry.id || episode.current?.episodeId !== entry.id) return;
    const named = project.categories.find(({ name }) => name === entry.className);
    if (named) project.categoryId = named.id;
    this.#prepare(index);
  }

  /** Opens a result that waits, wherever it stands in the list; false when it does not wait. */
  async openById(id: string): Promise<boolean> {
    const { app, host } = this.#workbench;
    const entry = await app.attempt(() => host.connection.call('review.entry', { id }));
    if (!entry?.waiting) return false;
    await app.attempt(() => this.refresh());
    const places = [...this.pages].flatMap(([page, items]) => {
      const place = items.findIndex((each) => each.id === id);
      return place < 0 ? [] : [page * pageSize + place];
    });
    await this.open(entry, places[0] ?? this.index);
    return true;
  }

  /** The picture and the embedding of what comes next, so that it is there at once. */
  #prepare(index: number): void {
    const next = this.at(index + 1);
    if (!next || next.imageId === this.current?.imageId) return;
    new Image().src = imageUrl(next.imageId, 'full');
    if (!this.#workbench.app.info?.segmenter.ready) return;
    // Only makes things faster: what fails shows when it is opened.
    this.#workbench.host.connection
      .call('images.prefetch', { imageId: next.imageId, priority: 'prefetch' })
      .catch((error: unknown) => console.warn('Prefetching failed', error));
  }

  async #openFirst(): Promise<void> {
    const found = await this.#nextOf(-1, null);
    if (found) await this.open(found.entry, found.index);
    else this.current = null;
  }

  /** The next entry after a place that was not skipped, then from the start. */
  async #nextOf(after: number, except: string | null): Promise<{ entry: ReviewEntry; index: number } | null> {
    for (const [from, to] of [
      [after + 1, this.total],
      [0, Math.min(after + 1, this.total)],
    ] as const) {
      for (let index = from; index < to; index++) {
        if (!this.at(index)) {
          this.#asked.add(Math.floor(index / pageSize));
          await this.#load(Math.floor(index / pageSize));
        }
        const entry = this.at(index);
        if (entry && entry.id !== except && !this.skipped.has(entry.id)) return { entry, index };
      }
    }
    return null;
  }

  /** The entry stays on the canvas when it is accepted next. */
  hold(id: string): void {
    this.#held.add(id);
  }

  release(id: string): void {
    this.#held.delete(id);
  }

  async #decided(id: string): Promise<void> {
    const stays = this.#held.delete(id);
    if (!this.shown || this.current?.id !== id) return;
    this.current = { ...this.current, waiting: false };
    this.skipped.delete(id);
    if (stays) this.#later();
    else await this.#advance(id);
  }

  /** After a decision: what comes next is opened before the list is read again. */
  async #advance(decided: string): Promise<void> {
    await this.#workbench.app.attempt(async () => {
      // What took the place of an entry that the list lost is the next one.
      const isListed = this.at(this.index)?.id === decided;
      const found = await this.#nextOf(isListed ? this.index : this.index - 1, decided);
      if (found) await this.open(found.entry, found.index);
      else if (this.skipped.size > 0) {
        this.skipped.clear();
        await this.refresh();
        await this.#openFirst();
      } else {
        this.current = null;
        this.#workbench.app.toast('done', text.review.allDone, '');
      }
    });
    this.#later();
  }

  async accept(): Promise<void> {
    const { current } = this;
    if (!current || !this.canDecide) return;
    const { className } = current;
    await this.#workbench.acceptEpisode(
      className === null ? null : this.#workbench.project.choiceOf(className),
    );
  }

  async reject(): Promise<void> {
    if (this.canDecide) await this.#workbench.episode.reject();
  }

  /** The person takes the pen; accepting later takes what it has become. */
  async fix(): Promise<void> {
    if (this.canDecide) await this.#workbench.takePen();
  }

  async skip(): Promise<void> {
    const { current } = this;
    if (!current) {
      await this.#openFirst();
      return;
    }
    if (!current.waiting) {
      await this.#advance(current.id);
      return;
    }
    this.skipped.add(current.id);
    await this.#workbench.app.attempt(async () => {
      let found = await this.#nextOf(this.index, current.id);
      if (!found && this.skipped.size > 1) {
        // Once around: those that were skipped come again.
        this.skipped.clear();
        found = await this.#nextOf(this.index, current.id);
      }
      if (found) await this.open(found.entry, found.index);
      else this.#workbench.app.toast('info', text.review.lastOne, '');
    });
  }

  /** Back to what was looked at before, decided or not; an undo takes its decision back. */
  async back(): Promise<void> {
    const before = this.#visited.at(-1) === this.current?.id ? this.#visited.at(-2) : this.#visited.at(-1);
    if (before === undefined) return;
    this.#visited = this.#visited.filter((id) => id !== this.current?.id);
    this.skipped.delete(before);
    await this.#workbench.app.attempt(async () => {
      const entry = await this.#workbench.host.connection.call('review.entry', { id: before });
      const known = [...this.pages].flatMap(([page, items]) => {
        const place = items.findIndex(({ id }) => id === before);
        return place < 0 ? [] : [page * pageSize + place];
      });
      await this.open(entry, known[0] ?? Math.max(0, this.index - 1));
    });
  }

  /** The entries with the lowest scores that accepting from a score on would take. */
  async lowest(score: number): Promise<MethodOutput<'review.list'>> {
    return this.#workbench.host.connection.call('review.list', {
      ...this.filter,
      minScore: score,
      sort: 'score',
      descending: false,
      offset: 0,
      limit: 4,
    });
  }

  async histogram(bins: number): Promise<MethodOutput<'review.histogram'>> {
    return this.#workbench.host.connection.call('review.histogram', { ...this.filter, bins });
  }

  /** Accepts all from a score on as one step of undo. */
  async acceptAbove(score: number): Promise<void> {
    const { app, project, history } = this.#workbench;
    const answer = await app.attempt(() =>
      this.#workbench.host.connection.call('review.acceptAbove', {
        ...this.filter,
        score,
        categoryId: project.categoryId,
      }),
    );
    if (!answer) return;
    this.accepting = false;
    history.marks = answer.history;
    app.saved();
    app.toast(
      'done',
      text.review.accepted(answer.count),
      answer.left.length === 0
        ? text.review.undoHint
        : text.review.left(answer.left.length, answer.left[0]?.reason ?? ''),
    );
    await app.attempt(() => this.refresh());
    if (this.current && !this.at(this.index)?.id) this.index = -1;
    await this.#openFirst();
  }

  async picture(id: string, size: number): Promise<Blob> {
    const { mime, bytes } = await this.#workbench.host.connection.call('review.thumbnail', { id, size });
    return new Blob([new Uint8Array(bytes)], { type: mime });
  }
}
