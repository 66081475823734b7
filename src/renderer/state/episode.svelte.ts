import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type {
  EpisodeState as Episode,
  Explanation,
  Gesture,
  Mode,
  PendingCall,
  Rerun,
} from '@shared/contract/methods';
import { isEmptyRle, type Rle } from '@shared/mask/rle';
import type { Observation, ObservedObject, TrajectoryNode } from '@shared/trajectory/schema';
import { findNode } from '@shared/trajectory/tree';
import { SvelteMap } from 'svelte/reactivity';
import { type Comparison, compareTurns } from '../lib/comparison';
import { forgetOldest } from '../lib/forget-oldest';
import type { Host } from '../lib/host';
import { recall, remember } from '../lib/storage';
import { lineThrough, timeline } from '../lib/timeline';
import type { AppState } from './app.svelte';
import type { ImagesState } from './images.svelte';
import { preferences } from './preferences.svelte';
import type { ClassChoice } from './project.svelte';
import { ReviewState } from './review.svelte';

/** Episodes that stay at hand. Of more, the settled ones that began first are let go: they are in the project. */
const keptEpisodes = 24;

export type AgentSource = { kind: 'model' } | { kind: 'none' } | { kind: 'replay'; trajectoryId: string };

/**
 * decision: one at a time, so that a key pressed twice does not decide twice. question: to the agent; does not hold
 * up decisions. free: what the person may do at any time, it interrupts the agent.
 */
type Kind = 'decision' | 'question' | 'free';

/** The episodes of this session, one at a time for each image, and the one on the canvas. */
export class EpisodeStates {
  query = $state('');
  /** How the agent works when it is asked next. */
  agentMode = $state<'step' | 'auto'>('step');
  /** The thought that is being written. */
  streamed = $state('');
  /** A decision of the person is being carried out. */
  busy = $state(false);
  /** Set when the engine no longer knows the episode that was open. */
  lost = $state(false);
  #asking = false;
  readonly #byImage = new SvelteMap<string, Episode>();
  readonly review = new ReviewState();

  readonly #host: Host;
  readonly #app: AppState;
  readonly #images: ImagesState;

  readonly current: Episode | null = $derived.by(() => {
    const id = this.#images.selectedId;
    return (id !== null && this.#byImage.get(id)) || null;
  });
  /** Not settled: can be gone on with. */
  readonly open = $derived(
    this.current && this.current.status !== 'accepted' && this.current.status !== 'rejected'
      ? this.current
      : null,
  );
  /** A turn is looked at that is not where the episode stands. */
  readonly looking: boolean = $derived(
    !!this.current && this.review.at !== null && this.review.at.node !== this.current.head,
  );
  /** The call that waits for a decision; null while another turn is looked at. */
  readonly pending: PendingCall | null = $derived(
    this.open?.status === 'proposed' && !this.looking ? this.open.pending : null,
  );
  readonly headNode: TrajectoryNode | null = $derived.by(() => this.#node(this.current?.head ?? null));
  /** The turn on the canvas, null: before the first. */
  readonly shownId: string | null = $derived.by(() => {
    const { current, looking } = this;
    return looking ? (this.review.at?.node ?? null) : (current?.head ?? null);
  });
  readonly shownNode: TrajectoryNode | null = $derived.by(() => this.#node(this.shownId));
  readonly turns = $derived(
    this.current ? timeline(this.current.trajectory, this.current.head, this.review.expanded) : [],
  );
  /** The turns that scrubbing goes through. */
  readonly line: readonly string[] = $derived(
    this.current ? lineThrough(this.current.trajectory, this.shownId, this.current.head) : [],
  );
  /** Where the canvas stands on that line; 0 before the first turn. */
  readonly position: number = $derived(this.shownId === null ? 0 : this.line.indexOf(this.shownId) + 1);
  /** What is seen at the turn on the canvas; of a settled episode only while it is looked through. */
  readonly observation: Observation | null = $derived.by(() => {
    const { current } = this;
    if (!current || !(this.open || this.looking)) return null;
    return this.observationAt(this.shownId);
  });
  readonly comparison: Comparison | null = $derived.by(() => {
    const { compared } = this.review;
    const [a, b] = compared ? [this.observationAt(compared.a), this.observationAt(compared.b)] : [];
    return a && b && this.current ? compareTurns(a, b, this.current.trajectory.header.image) : null;
  });
  readonly objects: readonly ObservedObject[] = $derived(this.observation?.objects ?? []);
  readonly activeObject: ObservedObject | null = $derived.by(() => {
    const { observation } = this;
    return (
      this.objects.find((object) => object.id === observation?.activeObject) ?? this.objects.at(-1) ?? null
    );
  });
  readonly maskCount = $derived(this.objects.filter((object) => hasPixels(object.mask)).length);
  readonly isWorking = $derived(this.open?.status === 'thinking' || this.open?.status === 'acting');
  /** The agent says that the image does not show what was asked for. */
  readonly saysNoTarget = $derived(
    (this.open?.status === 'ended' || (!!this.open && this.looking)) && this.shownNode?.ended === 'no_target',
  );

  constructor(host: Host, app: AppState, images: ImagesState) {
    this.#host = host;
    this.#app = app;
    this.#images = images;
    this.agentMode = recall('agentMode') === 'auto' ? 'auto' : 'step';
    host.connection.on('episode.changed', (state) => {
      const known = this.#byImage.get(state.imageId);
      if (!known || known.episodeId === state.episodeId) this.#put(state);
    });
    host.connection.on('episode.text', ({ episodeId, text }) => {
      if (this.current?.episodeId === episodeId) this.streamed += text;
    });
  }

  setAgentMode(mode: 'step' | 'auto'): void {
    this.agentMode = mode;
    remember('agentMode', mode);
  }

  async start(mode: Mode, source: AgentSource, query: string): Promise<Episode | undefined> {
    const imageId = this.#images.selectedId;
    if (imageId === null) return undefined;
    this.streamed = '';
    this.lost = false;
    this.review.reset();
    return this.#run((call) =>
      call('episode.start', { imageId, query, mode, source, turnBudget: preferences.values.turnBudget }),
    );
  }

  /** An episode that the project still has open. */
  async resume(episodeId: string): Promise<Episode | undefined> {
    return this.#run((call) => call('episode.state', { episodeId }));
  }

  async setMode(mode: Mode): Promise<Episode | undefined> {
    return this.#command((episodeId, call) => call('episode.setMode', { episodeId, mode }), 'free');
  }

  async propose(): Promise<Episode | undefined> {
    this.streamed = '';
    return this.#command((episodeId, call) => call('episode.propose', { episodeId }), 'question');
  }

  async acceptCall(): Promise<Episode | undefined> {
    return this.#command((episodeId, call) => call('episode.acceptCall', { episodeId }));
  }

  async rejectCall(): Promise<Episode | undefined> {
    return this.#command((episodeId, call) => call('episode.rejectCall', { episodeId, reason: null }));
  }

  /** A person's call where the canvas stands: at the head, or after the turn that is looked at. */
  async act(gesture: Gesture): Promise<Episode | undefined> {
    const after = this.looking ? { nodeId: this.shownId } : {};
    return this.#moved(
      this.#command((episodeId, call) => call('episode.act', { episodeId, gesture, ...after }), 'free'),
    );
  }

  async correct(nodeId: string, gesture: Gesture): Promise<Episode | undefined> {
    return this.#moved(
      this.#command((episodeId, call) => call('episode.correct', { episodeId, nodeId, gesture })),
    );
  }

  /** A call before or after a turn. @returns what became of the later calls */
  async insert(nodeId: string, place: 'before' | 'after', gesture: Gesture): Promise<Rerun | undefined> {
    let rerun: Rerun | undefined;
    await this.#moved(
      this.#command(async (episodeId, call) => {
        const result = await call('episode.insert', { episodeId, nodeId, place, gesture });
        rerun = result.rerun;
        return result.state;
      }),
    );
    return rerun;
  }

  /** A fork without the turn. @returns what became of the later calls */
  async remove(nodeId: string): Promise<Rerun | undefined> {
    let rerun: Rerun | undefined;
    await this.#moved(
      this.#command(async (episodeId, call) => {
        const result = await call('episode.remove', { episodeId, nodeId });
        rerun = result.rerun;
        return result.state;
      }),
    );
    return rerun;
  }

  /** Why a call was rejected or corrected; null takes the reason back. Holds up nothing. */
  async giveReason(nodeId: string, reason: string | null): Promise<void> {
    const episodeId = this.current?.episodeId;
    if (!episodeId) return;
    const state = await this.#app.attempt(() =>
      this.#host.connection.call('episode.giveReason', { episodeId, nodeId, reason }),
    );
    if (state) this.#put(state);
  }

  /** What the model was given at a turn, null: for the pending call; null when it cannot be said. */
  async explain(nodeId: string | null): Promise<Explanation | null> {
    const episodeId = this.current?.episodeId;
    if (!episodeId) return null;
    const told = this.#app.attempt(() =>
      this.#host.connection.call('episode.explain', { episodeId, nodeId }),
    );
    return (await told) ?? null;
  }

  async goTo(nodeId: string | null): Promise<Episode | undefined> {
    if (this.open?.head === nodeId) {
      this.review.follow();
      return this.open;
    }
    return this.#moved(this.#command((episodeId, call) => call('episode.goTo', { episodeId, nodeId })));
  }

  /** Shows a turn on the canvas, null: before the first. Where the episode stands itself it is followed from there. */
  look(nodeId: string | null): void {
    if (nodeId === this.current?.head) this.review.follow();
    else this.review.look(nodeId);
  }

  /** Scrubs along the line of the turn on the canvas. */
  lookAt(position: number): void {
    if (!this.current) return;
    this.look(position <= 0 ? null : (this.line[Math.min(position, this.line.length) - 1] ?? null));
  }

  /** What is seen after a turn, null: before the first; null when it never ran. */
  observationAt(nodeId: string | null): Observation | null {
    if (nodeId === null) return this.current?.trajectory.root ?? null;
    return this.#node(nodeId)?.observation ?? null;
  }

  /** At once, whatever else is being waited for. */
  async stop(): Promise<void> {
    const episodeId = this.open?.episodeId;
    if (!episodeId) return;
    const state = await this.#app.attempt(() => this.#host.connection.call('episode.stop', { episodeId }));
    if (state) this.#put(state);
  }

  async reject(): Promise<Episode | undefined> {
    const state = await this.#command((episodeId, call) =>
      call('episode.reject', { episodeId, reason: null }),
    );
    if (state) this.#app.saved();
    return state;
  }

  /** Gives the class of what was made; a new one is made with it. Undefined when nothing was accepted. */
  async accept(choice: ClassChoice): Promise<number | null | undefined> {
    const episodeId = this.open?.episodeId;
    if (!episodeId || this.busy) return undefined;
    this.busy = true;
    const upTo = this.looking && this.shownId !== null ? { nodeId: this.shownId } : {};
    const result = await this.#app.attempt(() =>
      this.#host.connection.call('episode.accept', { episodeId, ...choice, ...upTo }),
    );
    this.busy = false;
    if (!result) return undefined;
    this.review.follow();
    this.#put(result.state);
    this.#app.saved();
    return result.annotations[0]?.categoryId ?? null;
  }

  /** Forgets the episode on the canvas; what was recorded stays in the project. */
  close(): void {
    const id = this.#images.selectedId;
    if (id !== null) this.#byImage.delete(id);
    this.review.reset();
    this.lost = false;
    this.streamed = '';
  }

  reset(): void {
    this.#byImage.clear();
    this.review.reset();
    this.lost = false;
    this.streamed = '';
    this.query = '';
  }

  /** After the engine came back: asks again for every episode; those that it lost are let go. */
  async reread(): Promise<void> {
    for (const [imageId, known] of [...this.#byImage]) {
      try {
        this.#put(await this.#host.connection.call('episode.state', { episodeId: known.episodeId }));
      } catch (error) {
        if (!(error instanceof MaskwrightError) || error.code !== 'NOT_FOUND') {
          this.#app.report(error);
          continue;
        }
        this.#byImage.delete(imageId);
        const settled = known.status === 'accepted' || known.status === 'rejected';
        if (imageId === this.#images.selectedId && !settled) this.lost = true;
      }
    }
  }

  async observationImage(nodeId: string | null, size: number): Promise<Blob | null> {
    const episodeId = this.current?.episodeId;
    if (!episodeId) return null;
    const { mime, bytes } = await this.#host.connection.call('episode.observationImage', {
      episodeId,
      nodeId,
      size,
    });
    return new Blob([new Uint8Array(bytes)], { type: mime });
  }

  #node(id: string | null): TrajectoryNode | null {
    return (id !== null && this.current && findNode(this.current.trajectory, id)) || null;
  }

  /** After the person's act the canvas shows where it led. */
  async #moved(act: Promise<Episode | undefined>): Promise<Episode | undefined> {
    const state = await act;
    if (state) this.review.follow();
    return state;
  }

  async #command(
    run: (episodeId: string, call: Host['connection']['call']) => Promise<Episode>,
    kind: Kind = 'decision',
  ): Promise<Episode | undefined> {
    const episodeId = this.open?.episodeId;
    return episodeId ? this.#run((call) => run(episodeId, call), kind) : undefined;
  }

  async #run(
    run: (call: Host['connection']['call']) => Promise<Episode>,
    kind: Kind = 'decision',
  ): Promise<Episode | undefined> {
    if (kind !== 'free' && (this.busy || (kind === 'question' && this.#asking))) return undefined;
    if (kind === 'decision') this.busy = true;
    if (kind === 'question') this.#asking = true;
    const { connection } = this.#host;
    try {
      const state = await run(connection.call.bind(connection));
      this.#put(state);
      return state;
    } catch (error) {
      // A failed episode shows its error itself.
      if (this.open?.error?.message !== messageOf(error)) this.#app.report(error);
      return undefined;
    } finally {
      if (kind === 'decision') this.busy = false;
      if (kind === 'question') this.#asking = false;
    }
  }

  #put(state: Episode): void {
    const before = this.#byImage.get(state.imageId);
    if (before?.status !== state.status && state.status !== 'thinking') this.streamed = '';
    this.#byImage.set(state.imageId, state);
    forgetOldest(
      this.#byImage,
      keptEpisodes,
      (imageId, { status }) =>
        imageId === this.#images.selectedId || (status !== 'accepted' && status !== 'rejected'),
    );
  }
}

export function hasPixels(mask: Rle | null): boolean {
  return mask !== null && !isEmptyRle(mask);
}
