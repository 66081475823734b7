import { isCancelled } from '@shared/contract/errors';
import type { Annotation, Candidate, Embedding, Gesture } from '@shared/contract/methods';
import { untrack } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { Pictures } from '../canvas/pictures';
import { forgetOldest } from '../lib/forget-oldest';
import { sameGesture } from '../lib/gesture';
import type { Host } from '../lib/host';
import { LatestBytes } from '../lib/latest-bytes';
import { LatestWins } from '../lib/latest-wins';
import type { AppState } from './app.svelte';
import type { CanvasState } from './canvas.svelte';
import type { EpisodeStates } from './episode.svelte';
import type { ImagesState } from './images.svelte';
import { preferences } from './preferences.svelte';

/** States of embeddings that are kept; an image that is come back to asks for its own again. */
const keptEmbeddings = 64;

/** What a previewed mask belongs to: a point under the cursor, a drag, a call that waits or ran. */
type Source = 'cursor' | 'drag' | 'call';

interface Question {
  gesture: Gesture;
  /** The turn after which it would be made; null: before the first. */
  at: string | null;
  source: Source;
}

/**
 * The segmenter while nothing is recorded: the mask that a gesture would give, the candidates to choose from, and what
 * is made ready for the next images.
 */
export class LiveState {
  /** Masks for the same prompts, as the decoder gave them; none while nothing is previewed. */
  candidates = $state.raw<readonly Candidate[]>([]);
  /** Index of the candidate on the canvas. */
  shown = $state(0);
  /** The candidate that the person wants from the next gesture; null: the segmenter's own choice. */
  choice = $state<number | null>(null);
  readonly embeddings = new SvelteMap<string, Embedding>();
  readonly pictures: Pictures;

  readonly #host: Host;
  readonly #app: AppState;
  readonly #images: ImagesState;
  readonly #episode: EpisodeStates;
  readonly #canvas: CanvasState;
  readonly #latest = new LatestWins<Question>();
  readonly #annotations = new LatestBytes<readonly Annotation[]>(64 * 1024 * 1024, () => {}, 24);
  #asked: Question | null = null;

  readonly embedding: Embedding | null = $derived.by(() => {
    const id = this.#images.selectedId;
    return (id !== null && this.embeddings.get(id)) || null;
  });
  readonly canPreview = $derived.by(
    () => this.#app.info?.segmenter.ready === true && this.embedding?.state === 'ready',
  );
  /** Whether there is more than one mask to choose from. */
  readonly canChoose = $derived(this.candidates.length > 1);

  constructor(host: Host, app: AppState, images: ImagesState, episode: EpisodeStates, canvas: CanvasState) {
    this.#host = host;
    this.#app = app;
    this.#images = images;
    this.#episode = episode;
    this.#canvas = canvas;
    this.pictures = new Pictures(() => canvas.stage?.redraw());
    images.knownAnnotations = (imageId) => this.#annotations.get(imageId) ?? null;
    host.connection.on('segment.embedding', (embedding) => this.#know(embedding));
    host.connection.on('annotations.changed', ({ imageIds }) => {
      if (imageIds.length === 0) this.#annotations.clear();
      for (const id of imageIds) this.#annotations.delete(id);
    });
  }

  // Previews

  /**
   * Shows what a gesture would give; null: nothing any more. One question at a time, the latest wins.
   *
   * @param at the turn after which it would be made; the one on the canvas when it is left out
   */
  show(gesture: Gesture | null, at?: string | null, source: Source = 'call'): void {
    if (gesture?.name !== 'segment_box' && gesture?.name !== 'add_point') {
      this.#latest.drop();
      this.#clear();
      return;
    }
    void this.#ask({ gesture, at: at === undefined ? this.#episode.shownId : at, source });
  }

  /** The point that a click would make at the cursor; null: none. */
  probe(gesture: Gesture | null): void {
    const isBusy =
      this.#canvas.dragged || this.#canvas.staged || this.#canvas.underway || this.#episode.pending;
    if (gesture && !isBusy && preferences.values.hoverPreview && this.canPreview) {
      if (this.#asked?.source === 'cursor' && sameGesture(this.#asked.gesture, gesture)) return;
      this.show(gesture, undefined, 'cursor');
    } else if (this.#asked?.source === 'cursor' && !isBusy) this.show(null);
  }

  /** A gesture as the person makes it, with the candidate that was chosen for it. */
  chosen(gesture: Gesture): Gesture {
    const { choice } = this;
    this.choice = null;
    if (choice === null || (gesture.name !== 'segment_box' && gesture.name !== 'add_point')) return gesture;
    return { ...gesture, candidate: choice };
  }

  /**
   * The next or previous candidate: of what is previewed, else of the call on the canvas, which is then staged to be
   * made again with it.
   */
  async cycle(step: 1 | -1): Promise<void> {
    // What is shown belongs to the call that is being run.
    if (this.#canvas.underway) return;
    if (this.candidates.length === 0) {
      const call = this.#callOnCanvas();
      if (!call) return;
      await this.#ask(call);
      if (this.#asked !== call) return;
    }
    const count = this.candidates.length;
    if (count < 2) return;
    this.choice = (this.shown + step + count) % count;
    this.#place();
    const asked = this.#asked;
    if (asked?.source === 'call') {
      const staged = this.#canvas.staged ?? asked.gesture;
      if (staged.name === 'segment_box' || staged.name === 'add_point') {
        this.#canvas.staged = { ...staged, candidate: this.choice };
      }
    }
  }

  /** Another image or tool: what was chosen was chosen for something else. */
  forget(): void {
    this.show(null);
  }

  async #ask(question: Question): Promise<void> {
    this.#asked = question;
    await this.#latest.ask(question, async (wanted, isWanted) => {
      const imageId = this.#images.selectedId;
      const { gesture, at } = wanted;
      const open = this.#episode.open;
      // A recording answers for its own calls without a segmenter.
      const isProposed =
        !!this.#episode.pending?.gesture && sameGesture(this.#episode.pending.gesture, gesture);
      if (imageId === null || !(this.#app.info?.segmenter.ready || (open && isProposed))) {
        this.#clear();
        return;
      }
      try {
        const { candidates, best } = await this.#host.connection.call('segment.preview', {
          imageId,
          episodeId: open?.episodeId ?? null,
          gesture,
          ...(open ? { nodeId: at } : {}),
        });
        if (!isWanted() || imageId !== this.#images.selectedId) return;
        this.candidates = candidates;
        this.shown = best;
        this.#place();
      } catch (error) {
        // A preview is a courtesy: the gesture itself will say what is wrong.
        if (!isCancelled(error)) console.warn('Preview failed', error);
        if (isWanted()) this.#clear();
      }
    });
  }

  /** Puts the wanted candidate on the canvas. */
  #place(): void {
    const own = this.#asked && 'candidate' in this.#asked.gesture ? this.#asked.gesture.candidate : undefined;
    const index = this.choice ?? own ?? this.shown;
    if (index < this.candidates.length) this.shown = index;
    this.#canvas.preview = this.candidates[this.shown]?.mask ?? null;
  }

  #clear(): void {
    this.#asked = null;
    this.choice = null;
    this.candidates = [];
    this.shown = 0;
    this.#canvas.preview = null;
  }

  /** The turn on the canvas as a question: what else would its prompts give? */
  #callOnCanvas(): Question | null {
    const { open, shownNode, pending, objects } = this.#episode;
    if (!open || pending || !shownNode) return null;
    const gesture = open.gestures[shownNode.id];
    if (gesture?.name !== 'segment_box' && gesture?.name !== 'add_point') return null;
    const active = objects.find(({ id }) => id === shownNode.observation?.activeObject);
    return { gesture: { ...gesture, candidate: active?.candidate }, at: shownNode.parent, source: 'call' };
  }

  // Ahead

  /** As an effect: prepares whenever the image, the list, the segmenter or the preference changes. */
  watch(): void {
    const { selectedId, selectedIndex, total } = this.#images;
    const { ready, name } = this.#app.info?.segmenter ?? {};
    void [selectedId, selectedIndex, total, ready, name, preferences.values.prefetchCount];
    untrack(() => this.prepare());
  }

  /** Makes ready what is looked at and what comes next; what failed is tried again. */
  prepare(): void {
    const imageId = this.#images.selectedId;
    const ahead = [];
    for (let i = 1; i <= Math.max(1, preferences.values.prefetchCount); i++) {
      const image = imageId === null ? undefined : this.#images.at(this.#images.selectedIndex + i);
      if (image && image.id !== imageId && !image.problem) ahead.push(image);
    }
    void this.pictures.ahead(imageId, ahead);
    for (const { id } of ahead) void this.#readAhead(id);
    if (!this.#app.info?.segmenter.ready) {
      this.embeddings.clear();
      return;
    }
    const ids = ahead.slice(0, preferences.values.prefetchCount).map(({ id }) => id);
    // Only makes things faster: what fails shows in its state.
    this.#host.connection
      .call('segment.prepare', { imageId, ahead: ids })
      .then((embeddings) => {
        for (const embedding of embeddings) this.#know(embedding);
      })
      .catch((error: unknown) => console.warn('Preparing failed', error));
  }

  /** Another project. */
  reset(): void {
    this.forget();
    this.pictures.clear();
    this.#annotations.clear();
    this.embeddings.clear();
  }

  #know(embedding: Embedding): void {
    this.embeddings.set(embedding.imageId, embedding);
    forgetOldest(this.embeddings, keptEmbeddings, (imageId) => imageId === this.#images.selectedId);
  }

  async #readAhead(imageId: string): Promise<void> {
    if (this.#annotations.has(imageId)) return;
    try {
      const annotations = await this.#host.connection.call('annotations.list', { imageId });
      const bytes = annotations.reduce((sum, { mask }) => sum + 2 * mask.counts.length + 200, 200);
      this.#annotations.set(imageId, annotations, bytes);
    } catch (error) {
      console.warn('Reading ahead failed', error);
    }
  }
}
