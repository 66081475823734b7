import type { Gesture, Played, Rerun } from '@shared/contract/methods';
import type { Point } from '@shared/geometry/types';
import { encodeMask } from '@shared/mask/rle';
import { isDrawnScene } from '@shared/sample';
import type { PointLabel } from '@shared/tools/definitions';
import { findNode } from '@shared/trajectory/tree';
import { getContext, setContext, untrack } from 'svelte';
import { shapeOf } from '../canvas/mask-shape';
import { paint } from '../canvas/painter';
import type { Picture } from '../canvas/picture';
import { fillPolygon } from '../canvas/polygon';
import {
  type EditableCall,
  emptyScene,
  type MaskItem,
  type Scene,
  type StageEvents,
  type Tool,
} from '../canvas/scene';
import { authorColor } from '../lib/author';
import { type Comparison, comparisonColor } from '../lib/comparison';
import { nudged, placeOf, resized } from '../lib/gesture';
import type { Host } from '../lib/host';
import { text } from '../lib/text';
import { AppState } from './app.svelte';
import { CanvasState } from './canvas.svelte';
import { EditingState } from './editing.svelte';
import { type AgentSource, EpisodeStates, hasPixels } from './episode.svelte';
import { ExportForm, ImportForm } from './formats.svelte';
import { HistoryState } from './history.svelte';
import { ImagesState } from './images.svelte';
import { LiveState } from './live.svelte';
import { ObjectsState } from './objects.svelte';
import { preferences } from './preferences.svelte';
import { type ClassChoice, ProjectState } from './project.svelte';
import { QueueState } from './queue.svelte';
import { RunsState } from './runs.svelte';

/** A question for a class, answered by the picker. */
export interface CategoryQuestion {
  title: string;
  /** Offered for a new category. */
  suggestion: string;
  answer(choice: ClassChoice | null): void;
}

/** The whole window: its states, and every act of the person as one method. */
export class Workbench {
  readonly host: Host;
  readonly app: AppState;
  readonly project: ProjectState;
  readonly images: ImagesState;
  readonly episode: EpisodeStates;
  readonly canvas = new CanvasState();
  readonly editing = new EditingState(this);
  readonly history: HistoryState;
  readonly objects = new ObjectsState(this);
  readonly live: LiveState;
  readonly queue: QueueState;
  readonly runs: RunsState;
  readonly importForm: ImportForm;
  readonly exportForm: ExportForm;
  question = $state.raw<CategoryQuestion | null>(null);
  image = $state.raw<Picture | null>(null);
  imageFailed = $state(false);

  readonly editable: EditableCall | null = $derived.by(() => this.#editable());
  readonly scene: Scene = $derived.by(() => this.#scene());
  readonly items: readonly MaskItem[] = $derived.by(() => this.#items());
  /** All but the one that the edit layer shows. */
  readonly shownItems: readonly MaskItem[] = $derived.by(() => {
    const { hiddenId } = this.editing;
    return hiddenId === null ? this.items : this.items.filter(({ id }) => id !== hiddenId);
  });
  /** Whether accepting would make annotations of the episode's masks, or settle that there is no target. */
  readonly canAccept = $derived.by(
    () =>
      !!this.episode.open &&
      (this.episode.looking || (!this.episode.isWorking && !this.episode.pending)) &&
      (this.episode.maskCount > 0 || this.episode.saysNoTarget),
  );
  readonly canUndo = $derived.by(() => this.canvas.polygon.length > 0 || this.history.marks.undo !== null);
  /** The agent that is shipped is set up: it knows the drawn scenes of the sample and nothing else. */
  readonly hasBasicAgent = $derived.by(() => !!this.app.info?.agent.ready && this.app.info.agent.basic);
  /** The image on the canvas is a drawn scene of the sample. */
  readonly onDrawnScene = $derived.by(
    () => !!this.project.current?.isSample && isDrawnScene(this.images.selected?.name ?? ''),
  );
  /** The image is nothing that the agent was trained for. */
  readonly isBeyondAgent = $derived.by(() => this.hasBasicAgent && !this.onDrawnScene);
  readonly canAskAgent = $derived.by(() => !!this.app.info?.agent.ready || this.images.recordings.length > 0);

  constructor(host: Host) {
    this.host = host;
    this.app = new AppState(host);
    this.project = new ProjectState(host, this.app, () => this.editing.settled());
    this.images = new ImagesState(host, this.app);
    this.episode = new EpisodeStates(host, this.app, this.images);
    this.live = new LiveState(host, this.app, this.images, this.episode, this.canvas);
    this.history = new HistoryState(host, this.app, () => this.images.selectedId);
    this.queue = new QueueState(this);
    this.runs = new RunsState(this);
    this.importForm = new ImportForm(host, this.app);
    this.exportForm = new ExportForm(host, this.app);
    let wasConnected = false;
    const connected = (): void => {
      void this.app.attempt(() => this.#connected(wasConnected));
      wasConnected = true;
    };
    host.connection.onStatus((status) => {
      if (status === 'connected') connected();
    });
    if (host.connection.status === 'connected') connected();
  }

  async #connected(again: boolean): Promise<void> {
    await Promise.all([this.app.refresh(), this.project.refresh(), this.history.refresh()]);
    if (!again || !this.project.current) return;
    await this.images.refresh();
    await this.images.refreshSelected();
    await this.episode.reread();
    await Promise.all([this.queue.refresh(), this.runs.refresh()]);
  }

  /** Called when another project was opened, or none. */
  async projectOpened(): Promise<void> {
    this.app.savedAt = null;
    this.images.reset();
    this.episode.reset();
    this.canvas.clear();
    this.live.reset();
    this.queue.reset();
    this.runs.reset();
    if (!this.project.current) return;
    await this.app.attempt(async () => {
      await this.images.refresh();
      await this.history.refresh();
    });
  }

  /** Called when there are images and none is open yet, also while a folder is still being read. */
  async imagesArrived(): Promise<void> {
    await this.app.attempt(() => this.images.restore(this.project.current?.location ?? ''));
  }

  /** Called when another image is on the canvas: loads its pixels. */
  imageSelected(): void {
    const { selectedId } = this.images;
    untrack(() => {
      this.canvas.clear();
      this.editing.clear();
      this.live.forget();
      this.image = this.live.pictures.show(selectedId);
      this.imageFailed = false;
      this.images.rememberSelected(this.project.current?.location ?? '');
      const { current } = this.episode;
      this.episode.query = current?.trajectory.header.query ?? '';
      this.episode.review.reset();
      this.episode.lost = false;
      if (selectedId !== null) void this.app.attempt(() => this.history.refresh());
    });
    // Only another image begins anew: its state may change, and its picture arrive, while it is worked on.
    const selected = untrack(() => (this.image ? null : this.images.selected));
    if (selectedId === null || !selected) return;
    this.live.pictures.open(selected).then(
      (picture) => {
        if (this.images.selectedId === selectedId) this.image = picture;
      },
      (error: unknown) => {
        if (this.images.selectedId !== selectedId) return;
        console.warn('The image could not be shown', error);
        this.imageFailed = true;
      },
    );
  }

  // The agent

  /** Where the agent's next turns come from for this image. */
  sourceFor(query: string): AgentSource {
    const isReady = !!this.app.info?.agent.ready;
    if (isReady && !this.isBeyondAgent) return { kind: 'model' };
    const { recordings } = this.images;
    const wanted = query.trim().toLowerCase();
    const recorded = recordings.find(
      (recording) => wanted === '' || recording.query.trim().toLowerCase() === wanted,
    );
    if (recorded) return { kind: 'replay', trajectoryId: recorded.id };
    return { kind: isReady ? 'model' : 'none' };
  }

  /** Makes room for another query; what was recorded can be replayed. */
  async closeEpisode(): Promise<void> {
    this.episode.close();
    await this.images.refreshSelected();
  }

  /** Goes on with an episode that was left open. */
  async resume(episodeId: string, query: string): Promise<void> {
    this.episode.query = query;
    await this.episode.resume(episodeId);
  }

  async replay(trajectoryId: string, query: string): Promise<void> {
    this.episode.query = query;
    this.#suggestCategory(query);
    const mode = this.episode.agentMode;
    const started = await this.episode.start(mode, { kind: 'replay', trajectoryId }, query);
    if (started && mode === 'step' && started.status === 'waiting') await this.episode.propose();
  }

  /** Lets the agent work by itself. */
  async run(): Promise<void> {
    this.episode.setAgentMode('auto');
    await this.#agent('auto');
  }

  /** Asks for the agent's next call; with one proposed, runs it and asks for the next. */
  async step(): Promise<void> {
    this.episode.setAgentMode('step');
    if (this.episode.pending) {
      await this.#acceptCall();
      return;
    }
    await this.#agent('step');
  }

  async #agent(mode: 'step' | 'auto'): Promise<void> {
    this.episode.review.follow();
    const { open } = this.episode;
    let query = this.episode.query.trim();
    if (open && query === open.trajectory.header.query.trim()) {
      if (!open.canPropose) this.app.toast('info', text.agent.noMore, text.agent.noMoreHint);
      else if (mode === 'auto') await this.episode.setMode('auto');
      else {
        if (open.mode !== 'step') await this.episode.setMode('step');
        await this.episode.propose();
      }
      return;
    }
    const source = this.sourceFor(query);
    if (source.kind === 'none') {
      this.app.toast('info', text.agent.noAgent, text.agent.noAgentHint);
      return;
    }
    if (source.kind === 'replay') {
      const recording = this.images.recordings.find(({ id }) => id === source.trajectoryId);
      await this.replay(source.trajectoryId, recording?.query ?? query);
      return;
    }
    if (query === '' && this.images.suggestions[0] !== undefined) {
      query = this.images.suggestions[0];
      this.episode.query = query;
    }
    if (query === '') {
      this.app.toast('info', text.query.missing, text.query.missingHint);
      document.getElementById('query')?.focus();
      return;
    }
    if (this.isBeyondAgent) this.app.toast('info', text.basic.beyond, text.basic.beyondHint);
    this.#suggestCategory(query);
    const started = await this.episode.start(mode, source, query);
    if (started && mode === 'step' && started.status === 'waiting') await this.episode.propose();
  }

  async setMode(mode: 'manual' | 'step' | 'auto'): Promise<void> {
    if (mode !== 'manual') this.episode.setAgentMode(mode);
    if (this.episode.open) await this.episode.setMode(mode);
  }

  async stop(): Promise<void> {
    await this.episode.stop();
  }

  /** From the turn on the canvas. */
  async takePen(): Promise<void> {
    if (this.episode.open && this.episode.looking) await this.episode.goTo(this.episode.shownId);
    if (this.episode.open && this.episode.open.mode !== 'manual') await this.episode.setMode('manual');
    if (this.canvas.tool === 'select') this.canvas.setTool('box');
  }

  /** The agent goes on from the turn on the canvas. */
  async handBack(): Promise<void> {
    if (this.episode.open && this.episode.looking) await this.episode.goTo(this.episode.shownId);
    await this.#agent(this.episode.agentMode);
  }

  async #acceptCall(): Promise<void> {
    const after = await this.episode.acceptCall();
    if (after?.mode === 'step' && after.status === 'waiting' && after.canPropose)
      await this.episode.propose();
  }

  // Decisions

  /** The one meaning of Enter: what waits for a yes, nearest first. */
  async accept(): Promise<void> {
    if (this.editing.operation) await this.editing.apply();
    else if (this.canvas.polygon.length >= 3) await this.closePolygon();
    else if (this.canvas.staged) await this.commitStaged();
    else if (this.episode.pending) await this.#acceptCall();
    else if (this.canAccept) await this.acceptEpisode(null);
  }

  /** The one meaning of Backspace. */
  async reject(): Promise<void> {
    if (this.editing.operation) this.editing.cancel();
    else if (this.canvas.polygon.length > 0) this.canvas.polygon = this.canvas.polygon.slice(0, -1);
    else if (this.canvas.staged) this.canvas.staged = null;
    else if (this.episode.pending) await this.episode.rejectCall();
    else if (this.episode.open && this.episode.looking) await this.removeTurn();
    else if (this.episode.open && !this.episode.isWorking && this.episode.turns.length > 0) {
      const rejected = await this.episode.reject();
      if (rejected) this.app.toast('info', text.episode.rejected, text.episode.rejectedHint);
    } else if (this.canvas.selectedId !== null) await this.deleteSelected();
  }

  /** Takes the turn on the canvas out; says what became of the later ones. */
  async removeTurn(): Promise<void> {
    const { shownNode } = this.episode;
    if (!this.episode.open || !shownNode) return;
    this.canvas.staged = null;
    const rerun = await this.episode.remove(shownNode.id);
    if (rerun) this.#tellRerun(text.timeline.removed, rerun);
  }

  /** Puts a call before or after a turn; says what became of the later ones. */
  async insertCall(gesture: Gesture): Promise<void> {
    const { draft } = this.episode.review;
    if (draft?.kind !== 'insert') return;
    this.canvas.staged = null;
    await this.#showUnderway(gesture, async () => {
      const rerun = await this.episode.insert(draft.node, draft.place, gesture);
      if (rerun) this.#tellRerun(text.timeline.inserted, rerun);
    });
  }

  #tellRerun(title: string, { ran, left }: Rerun): void {
    if (ran.length === 0 && left.length === 0) return;
    const trajectory = this.episode.current?.trajectory;
    const reasons = left.map(({ node, why }) => {
      const call = (trajectory && findNode(trajectory, node)?.call?.name) ?? text.agent.noCall;
      return `${call}: ${text.timeline.left[why]}`;
    });
    this.app.toast('info', title, [text.timeline.ranAgain(ran.length), ...reasons].join(' '));
  }

  /** Another call in place of the turn on the canvas. */
  async correctShown(gesture: Gesture): Promise<void> {
    const { shownNode } = this.episode;
    if (!shownNode) return;
    this.canvas.staged = null;
    await this.#showUnderway(gesture, async () => {
      await this.episode.correct(shownNode.id, gesture);
    });
  }

  /** Opens or closes the fields with the numbers of a turn's call. */
  editNumbers(nodeId: string): void {
    const { review } = this.episode;
    const wasOpen = review.draft?.kind === 'edit' && review.draft.node === nodeId;
    this.canvas.staged = null;
    this.episode.look(nodeId);
    review.draft = wasOpen ? null : { kind: 'edit', node: nodeId };
  }

  /** Begins a call before or after a turn: by numbers, or drawn on the canvas as it is there. */
  beginInsert(nodeId: string, place: 'before' | 'after'): void {
    const { current, review } = this.episode;
    if (!current || !this.episode.open) return;
    this.canvas.staged = null;
    const node = findNode(current.trajectory, nodeId);
    if (!node) return;
    this.episode.look(place === 'before' ? node.parent : nodeId);
    review.draft = { kind: 'insert', node: nodeId, place };
    if (this.canvas.tool === 'select') this.canvas.setTool('box');
  }

  async acceptEpisode(given: ClassChoice | null): Promise<void> {
    if (!this.canAccept) return;
    const choice = given ?? (await this.classForMask());
    if (!choice) return;
    const made = await this.episode.accept(choice);
    if (made === undefined) return;
    this.project.categoryId = 'categoryId' in choice ? choice.categoryId : made;
    this.canvas.clear();
    await this.images.refreshSelected();
    if (preferences.values.afterAccept === 'next') await this.next();
  }

  /** Digits: accept as that category, or give it to the selected mask, or keep it for what comes. */
  async digit(number: number): Promise<void> {
    const category = this.project.byHotkey(number);
    if (!category) return;
    const { chosen } = this.objects;
    const choice = { categoryId: category.id };
    if (this.canAccept) await this.acceptEpisode(choice);
    else if (chosen.size > 0) await this.objects.setCategory([...chosen], choice);
    else this.project.categoryId = category.id;
  }

  /** A class that does not exist is only named: the act that needs it makes it, so that both are one step of undo. */
  askClass(title: string): Promise<ClassChoice | null> {
    this.question?.answer(null);
    return new Promise((resolve) => {
      this.question = {
        title,
        suggestion: this.episode.query.trim(),
        answer: (choice) => {
          this.question = null;
          resolve(choice);
        },
      };
    });
  }

  /** The class that was chosen for what comes, or else the one that the person says; null when none is said. */
  async classForMask(): Promise<ClassChoice | null> {
    const { category } = this.project;
    return category ? { categoryId: category.id } : this.askClass(text.category.titleAccept);
  }

  async chooseCategory(): Promise<void> {
    const choice = await this.askClass(text.category.titleTarget);
    if (!choice) return;
    if ('categoryId' in choice) this.project.categoryId = choice.categoryId;
    else {
      const made = await this.project.createCategory(choice.className);
      if (made) this.project.categoryId = made.id;
    }
  }

  /** The next image to review; in the review queue the next result, this one is left for later. */
  async next(): Promise<void> {
    if (this.queue.shown) {
      await this.queue.skip();
      return;
    }
    if (!(await this.images.nextUnreviewed())) this.app.toast('done', text.images.allReviewed, '');
  }

  async toggleDone(): Promise<void> {
    const image = this.images.selected;
    if (image) await this.images.setState(image.state === 'done' ? 'todo' : 'done');
  }

  /** Corners being drawn first; then turns of the open episode and decisions, in the engine's one order. */
  async undo(): Promise<void> {
    if (this.canvas.polygon.length > 0) {
      this.canvas.polygon = this.canvas.polygon.slice(0, -1);
      return;
    }
    if (this.editing.operation) {
      this.editing.cancel();
      return;
    }
    this.canvas.staged = null;
    await this.editing.settled();
    const label = this.history.marks.undo;
    if (label === null) return;
    const played = await this.history.undo();
    if (played) await this.#showPlayed(played, text.history.undone(text.history.mark(label)));
  }

  async redo(): Promise<void> {
    await this.editing.settled();
    const label = this.history.marks.redo;
    if (label === null) return;
    const played = await this.history.redo();
    if (played) await this.#showPlayed(played, text.history.redone(text.history.mark(label)));
  }

  /** What changed comes into sight: its result in the queue, or its image; of many images only the number is said. */
  async #showPlayed({ imageIds, trajectoryIds }: Played, what: string): Promise<void> {
    const [imageId] = imageIds;
    const [trajectoryId] = trajectoryIds;
    const isHere = imageId === undefined || imageIds.includes(this.images.selectedId ?? '');
    if (imageIds.length > 1) this.app.toast('info', what, text.history.onImages(imageIds.length));
    if (this.queue.shown && trajectoryIds.length === 1 && trajectoryId !== undefined) {
      if (await this.queue.openById(trajectoryId)) return;
    }
    if (imageIds.length === 1 && imageId !== undefined && !isHere) {
      await this.images.open(imageId);
      this.app.toast('info', what, text.history.onImage(this.images.selected?.name ?? ''));
    } else await this.images.refreshSelected();
  }

  // Gestures

  /** A person's call: at the head, or instead of the call by which the episode ended. */
  async gesture(gesture: Gesture): Promise<void> {
    this.canvas.staged = null;
    if (this.episode.review.draft?.kind === 'insert') {
      await this.insertCall(gesture);
      return;
    }
    await this.#showUnderway(gesture, async () => {
      if (this.episode.open?.mode === 'auto') await this.episode.stop();
      if (!this.episode.open) {
        if (!this.app.info?.segmenter.ready) {
          this.app.toast('info', text.agent.noSegmenterYet, text.agent.noSegmenterYetHint);
          return;
        }
        const started = await this.episode.start('manual', this.#manualSource(), this.episode.query.trim());
        if (!started) return;
      }
      await this.episode.act(gesture);
    });
  }

  /** Keeps showing a call, and the preview of its mask, until its result is there. */
  async #showUnderway(gesture: Gesture, run: () => Promise<unknown>): Promise<void> {
    this.canvas.underway = gesture;
    this.canvas.dragged = null;
    await run();
    // Another one may have been made meanwhile.
    if (this.canvas.underway !== gesture) return;
    this.canvas.underway = null;
    this.showPreview(this.episode.pending?.gesture ?? null);
  }

  /** The editable call, changed by the person. */
  async edited(gesture: Gesture): Promise<void> {
    if (this.canvas.staged) {
      this.canvas.staged = gesture;
      this.canvas.dragged = null;
      this.showPreview(gesture, this.#editedAt);
      return;
    }
    await this.#commit(gesture);
  }

  async #commit(gesture: Gesture): Promise<void> {
    const { pending, shownNode, review } = this.episode;
    if (review.draft?.kind === 'insert') {
      await this.insertCall(gesture);
      return;
    }
    this.canvas.staged = null;
    await this.#showUnderway(gesture, async () => {
      if (pending) await this.episode.act(gesture);
      else if (shownNode) await this.episode.correct(shownNode.id, gesture);
    });
  }

  /** Starts moving the editable call by keyboard. */
  stage(): void {
    const { editable } = this;
    if (!editable) return;
    this.canvas.staged = editable.gesture;
    document.getElementById('stage')?.focus();
  }

  nudge(dx: number, dy: number, resize: boolean): void {
    const { staged } = this.canvas;
    const image = this.images.selected;
    if (!staged || !image) return;
    this.stageCall(resize ? resized(staged, dx, dy, image) : nudged(staged, dx, dy, image));
  }

  /** Shows a call on the canvas as the person would make it, with the mask that it would give. */
  stageCall(gesture: Gesture): void {
    this.canvas.staged = gesture;
    this.showPreview(gesture, this.#editedAt);
  }

  /** Where a call that is moved or typed would be made: in place of the turn on the canvas, unless it is a new one. */
  get #editedAt(): string | null {
    const { pending, shownNode, shownId, review } = this.episode;
    if (pending || !shownNode || review.draft?.kind === 'insert') return shownId;
    return shownNode.parent;
  }

  async commitStaged(): Promise<void> {
    const { staged } = this.canvas;
    // The numbers beside it may say something else, or nothing that can run.
    if (staged && !this.episode.review.draftUnfit) await this.#commit(staged);
  }

  #manualSource(): AgentSource {
    return this.app.info?.agent.ready ? { kind: 'model' } : { kind: 'none' };
  }

  /** Shows what a gesture would give; `at` as in {@link LiveState.show}. */
  showPreview(gesture: Gesture | null, at?: string | null): void {
    this.live.show(gesture, at);
  }

  async addPolygonPoint(point: Point): Promise<void> {
    this.canvas.polygon = [...this.canvas.polygon, point];
  }

  async closePolygon(): Promise<void> {
    const image = this.images.selected;
    const points = this.canvas.polygon;
    if (!image || points.length < 3) return;
    if (await this.editing.closeRing(points)) {
      this.canvas.polygon = [];
      return;
    }
    const bitmap = fillPolygon(points, image);
    if (!bitmap) {
      this.app.toast('info', text.polygon.empty, text.polygon.emptyHint);
      return;
    }
    const choice = await this.classForMask();
    if (!choice || this.images.selectedId !== image.id) return;
    const query = this.episode.query.trim();
    const change = await this.app.attempt(() =>
      this.host.connection.call('annotations.create', {
        imageId: image.id,
        ...choice,
        mask: encodeMask(bitmap),
        query: query === '' ? null : query,
      }),
    );
    if (!change) return;
    this.project.categoryId = change.annotation.categoryId;
    this.canvas.polygon = [];
    this.history.marks = change.history;
    this.app.saved();
    await this.images.refreshSelected();
  }

  setTool(tool: Tool): void {
    this.editing.clear();
    this.canvas.setTool(tool);
  }

  // Annotations

  async deleteSelected(): Promise<void> {
    if (this.editing.removeCorner()) return;
    await this.objects.remove([...this.objects.chosen]);
  }

  /** Selects the mask after the selected one, for Tab on the canvas. */
  cycleSelection(step: 1 | -1): void {
    const pickable = this.images.annotations.filter(({ hidden, locked }) => !hidden && !locked);
    const ids = pickable.map(({ id }) => id);
    if (ids.length === 0) return;
    const at = ids.indexOf(this.canvas.selectedId ?? -1);
    this.canvas.selectedId = ids[(at + step + ids.length) % ids.length] ?? null;
  }

  /** Escape: lets go of what is nearest. False when there was nothing. */
  cancel(): boolean {
    const { canvas } = this;
    const { review } = this.episode;
    if (this.question) this.question.answer(null);
    else if (this.app.panel) this.app.panel = null;
    else if (canvas.polygon.length > 0) canvas.polygon = [];
    else if (this.editing.cancel()) return true;
    else if (canvas.staged) {
      canvas.staged = null;
      canvas.preview = null;
    } else if (review.explained) review.explained = null;
    else if (review.draft) review.draft = null;
    else if (review.compared) review.compared = null;
    else if (review.at) review.follow();
    else if (canvas.alsoSelected.length > 0) canvas.alsoSelected = [];
    else if (canvas.selectedId !== null) canvas.selectedId = null;
    else if (canvas.tool !== 'select') canvas.setTool('select');
    else return false;
    return true;
  }

  readonly stageEvents: StageEvents = {
    edit: this.editing.events,
    gesture: (gesture) => void this.gesture(this.live.chosen(gesture)),
    drafted: (gesture) => {
      this.canvas.dragged = gesture;
      this.live.show(gesture, undefined, 'drag');
    },
    probed: (gesture) => this.live.probe(gesture),
    dragged: (gesture) => {
      this.canvas.dragged = gesture;
      this.live.show(gesture, this.#editedAt, 'drag');
    },
    edited: (gesture) => void this.edited(this.live.chosen(gesture)),
    picked: (under, adds) => {
      const ids = under.filter((id) => !this.objects.isLocked(id));
      if (this.episode.comparison) return;
      this.editing.clear();
      const [top] = ids;
      const { selectedId, alsoSelected } = this.canvas;
      if (adds && selectedId !== null) {
        if (top === undefined || top === selectedId) return;
        const without = alsoSelected.filter((id) => id !== top);
        this.canvas.alsoSelected = without.length < alsoSelected.length ? without : [...alsoSelected, top];
        return;
      }
      this.canvas.alsoSelected = [];
      // A second click at the same place goes one mask deeper.
      const at = ids.indexOf(selectedId ?? -1);
      this.canvas.selectedId = ids.length === 0 ? null : (ids[(at + 1) % ids.length] ?? null);
    },
    opened: (under) => {
      const ids = under.filter((id) => !this.objects.isLocked(id));
      const { selectedId } = this.canvas;
      const id = selectedId !== null && ids.includes(selectedId) ? selectedId : ids[0];
      if (id === undefined) return;
      this.setTool('polygon');
      this.canvas.selectedId = id;
    },
    hovered: (under) => {
      const id = under !== null && this.objects.isLocked(under) ? null : under;
      if (this.canvas.hoveredId !== id) this.canvas.hoveredId = id;
    },
    moved: (point) => {
      this.canvas.cursor = point;
    },
    vertex: (point) => void this.addPolygonPoint(point),
    closePolygon: () => void this.closePolygon(),
    viewed: (view, viewport) => {
      this.canvas.view = view;
      this.canvas.viewport = viewport;
    },
  };

  #suggestCategory(query: string): void {
    const words = query.toLowerCase();
    const named = this.project.categories
      .filter((category) => words.includes(category.name.toLowerCase()))
      .sort((a, b) => b.name.length - a.name.length)[0];
    if (named) this.project.categoryId = named.id;
  }

  #items(): readonly MaskItem[] {
    const items: MaskItem[] = [];
    for (const annotation of this.images.annotations) {
      if (annotation.hidden) continue;
      const shape = shapeOf(annotation.mask);
      if (!shape) continue;
      items.push({ id: annotation.id, shape, color: this.objects.colorOf(annotation) });
    }
    return items;
  }

  #editable(): EditableCall | null {
    const { open, pending, shownNode, looking, review } = this.episode;
    if (!open || this.canvas.underway || this.episode.comparison) return null;
    if (this.episode.isWorking && !looking) return null;
    if (review.draft?.kind === 'insert') {
      const { staged } = this.canvas;
      return staged && placeOf(staged)
        ? { key: `insert ${review.draft.node}`, gesture: staged, color: authorColor.human, ghost: true }
        : null;
    }
    if (pending) {
      const gesture = this.canvas.staged ?? pending.gesture;
      return gesture && placeOf(gesture)
        ? {
            key: `pending ${open.head}`,
            gesture,
            color: this.canvas.staged ? authorColor.human : authorColor.agent,
            ghost: true,
          }
        : null;
    }
    if (!shownNode || shownNode.invalid) return null;
    const gesture = this.canvas.staged ?? open.gestures[shownNode.id];
    return gesture && placeOf(gesture)
      ? {
          key: shownNode.id,
          gesture,
          color: this.canvas.staged ? authorColor.human : authorColor[shownNode.author],
          ghost: this.canvas.staged !== null,
        }
      : null;
  }

  #scene(): Scene {
    const image = this.images.selected;
    if (!image) return emptyScene;
    const { comparison } = this.episode;
    if (comparison) return this.#comparisonScene(comparison, image);
    const { activeObject, objects, observation, pending } = this.episode;
    const { editable } = this;
    const preview = this.canvas.preview ? shapeOf(this.canvas.preview) : null;
    const edits = editable?.gesture;
    const shownBox = activeObject?.box ?? null;
    const points = activeObject?.points ?? [];
    const view = observation?.view.box ?? null;
    const isWhole =
      !view || (view.x1 <= 0 && view.y1 <= 0 && view.x2 >= image.width && view.y2 >= image.height);
    const runEdit = editable && !editable.ghost && !pending;
    return {
      image: this.image,
      size: { width: image.width, height: image.height },
      items: this.shownItems,
      hoveredId: this.canvas.hoveredId,
      selectedId: this.canvas.selectedId,
      alsoSelected: this.canvas.alsoSelected,
      active:
        activeObject?.mask && hasPixels(activeObject.mask) && !this.editing.hidesEpisode
          ? shapeOf(activeObject.mask)
          : null,
      siblings: objects.flatMap((object) => {
        const shape = object !== activeObject && object.mask ? shapeOf(object.mask) : null;
        return shape ? [shape] : [];
      }),
      preview: preview
        ? {
            shape: preview,
            color: pending && !this.canvas.dragged && !this.canvas.staged ? authorColor.agent : paint.active,
          }
        : null,
      prompts: {
        box: runEdit && edits?.name === 'segment_box' ? null : shownBox,
        points: points.filter(
          (point, index) => !(runEdit && isSamePoint(edits, point) && index === points.length - 1),
        ),
      },
      editable,
      underway: this.canvas.underway,
      view: isWhole ? null : view,
      tool: this.canvas.tool,
      polygon: this.canvas.polygon,
      masksVisible: this.canvas.masksVisible,
      style: {
        opacity: preferences.values.maskOpacity,
        outline: preferences.values.outlineWidth,
      },
    };
  }

  /** Two turns laid over each other in place of everything else. */
  #comparisonScene({ onlyA, onlyB, both }: Comparison, image: { width: number; height: number }): Scene {
    const layers = { onlyA, onlyB, both };
    const items = (['onlyA', 'onlyB', 'both'] as const).flatMap((part, index): MaskItem[] => {
      const shape = shapeOf(layers[part]);
      return shape ? [{ id: -1 - index, shape, color: comparisonColor[part] }] : [];
    });
    return {
      ...emptyScene,
      image: this.image,
      size: { width: image.width, height: image.height },
      items,
      tool: this.canvas.tool,
      masksVisible: this.canvas.masksVisible,
    };
  }
}

function isSamePoint(gesture: Gesture | undefined, point: Point & { label: PointLabel }): boolean {
  return (
    gesture?.name === 'add_point' &&
    Math.abs(gesture.point.x - point.x) < 1 &&
    Math.abs(gesture.point.y - point.y) < 1 &&
    gesture.label === point.label
  );
}

const key = Symbol('workbench');

export function provideWorkbench(workbench: Workbench): void {
  setContext(key, workbench);
}

export function useWorkbench(): Workbench {
  return getContext<Workbench>(key);
}
