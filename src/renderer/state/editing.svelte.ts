import type { Annotation, MaskEdit, MaskEditKind } from '@shared/contract/methods';
import { boxArea, clamp } from '@shared/geometry/box';
import type { Point, Size } from '@shared/geometry/types';
import { PaintedMask } from '@shared/mask/brush';
import type { MaskOperation, OperationResult } from '@shared/mask/operations';
import {
  decodePlaced,
  encodePlaced,
  moveToImage,
  type PlacedMask,
  placedIou,
  subtractPlaced,
  unionPlaced,
} from '@shared/mask/placed';
import {
  addHole,
  type Corner,
  cornerCount,
  joinRings,
  polygonsToPlaced,
  removeCorner,
} from '@shared/mask/polygon-edit';
import { outlineMask } from '@shared/mask/polygon-outline';
import type { PolygonPart } from '@shared/mask/polygon-ring';
import { type Rle, rleBox } from '@shared/mask/rle';
import type { MaskRuns } from '@shared/mask/runs';
import { cutMask } from '@shared/mask/split';
import type { EditEvents, EditScene } from '../canvas/edit-scene';
import { shapeOf } from '../canvas/mask-shape';
import { authorColor } from '../lib/author';
import { MaskOperations } from '../lib/mask-operations';
import { recall, remember } from '../lib/storage';
import { text } from '../lib/text';
import { hasPixels } from './episode.svelte';
import { preferences } from './preferences.svelte';
import type { ClassChoice } from './project.svelte';
import type { Workbench } from './workbench.svelte';

/** What is tried on the selected mask before it is applied. */
export const operationKinds = [
  'fill',
  'smooth',
  'grow',
  'shrink',
  'largest',
  'split',
  'subtract',
  'join',
] as const;
export type OperationKind = (typeof operationKinds)[number];

/** Pixels that an operation asks for: what it begins with, and how far it goes. */
export const amounts: Partial<Record<OperationKind, { start: number; most: number }>> = {
  smooth: { start: 3, most: 30 },
  grow: { start: 2, most: 60 },
  shrink: { start: 2, most: 60 },
};

export interface Operation {
  kind: OperationKind | 'cut';
  /** Pixels; 0 for those that ask for none. */
  amount: number;
  before: Rle;
  /** What it would make; null while that is worked out. */
  result: OperationResult | null;
}

/** What brush and eraser change. */
type Target =
  | { kind: 'annotation'; annotation: Annotation }
  /** The agent's mask in the open episode; `nodeId`: the turn that is looked at in place of its head. */
  | { kind: 'episode'; episodeId: string; mask: Rle; nodeId: string | null }
  | { kind: 'new' };

/**
 * A mask under change whose edits are on their way to the project, one after the other. It holds all that they need:
 * another image may be on the canvas by then.
 */
interface Session {
  readonly imageId: string;
  /** Class of a mask that is made; null when the person has to be asked. */
  readonly choice: ClassChoice | null;
  readonly query: string | null;
  /** Null until the annotation is made. */
  annotationId: number | null;
  /** The agent's mask that is accepted first. */
  episode: Extract<Target, { kind: 'episode' }> | null;
  mask: PlacedMask | null;
  waiting: number;
}

export type PolygonMode = 'corners' | 'add' | 'hole';

const smallest = 1;
const largest = 500;
const rememberedPolygons = 64;
/** Pixels around a mask up to which a cut is shown while the line is drawn. */
const cutShownUpTo = 600_000;

/** Changing masks by hand. What is tried is never recorded; what is done is one mark a gesture. */
export class EditingState {
  /** Diameter of brush and eraser in image pixels. */
  brushSize = $state(Number(recall('brushSize')) || 24);
  /** How far, in pixels, the corners that are offered may leave the mask's border. */
  get tolerance(): number {
    return preferences.values.polygonTolerance;
  }
  set tolerance(pixels: number) {
    preferences.set('polygonTolerance', pixels);
  }
  polygonMode = $state<PolygonMode>('corners');
  corner = $state.raw<Corner | null>(null);
  operation = $state.raw<Operation | null>(null);
  #dragged = $state.raw<readonly PolygonPart[] | null>(null);
  #cutting = $state.raw<readonly PlacedMask[] | null>(null);
  #session = $state.raw<Session | null>(null);
  /** Grows with every stroke, as a session changes in place. */
  #strokes = $state(0);
  #wanted = 0;
  #frame = 0;
  readonly #operations = new MaskOperations();
  #working: Promise<void> = Promise.resolve();
  #applies = false;
  #queue: Promise<void> = Promise.resolve();
  /** Polygons by mask and tolerance, so that undo brings back the corners that were there. */
  readonly #polygons = new Map<string, readonly PolygonPart[]>();
  readonly #workbench: Workbench;

  /** The selected annotation. */
  readonly selected: Annotation | null = $derived.by(() => {
    const { canvas, images } = this.#workbench;
    return images.annotations.find(({ id }) => id === canvas.selectedId) ?? null;
  });
  /** The selected annotation's pixels. */
  readonly mask: PlacedMask | null = $derived(this.selected ? decoded(this.selected.mask) : null);
  readonly target: Target | null = $derived.by(() => this.#target());
  readonly polygon: readonly PolygonPart[] | null = $derived.by(() => this.#polygon());
  /** What a polygon covers while one of its corners is dragged. */
  readonly #draggedMask: PlacedMask | null = $derived.by(() => {
    const size = this.#size();
    return this.#dragged && size ? polygonsToPlaced(this.#dragged, size) : null;
  });
  /** Of the mask with what its polygon covers; null without one and while it is dragged. */
  readonly polygonIou: number | null = $derived.by(() => {
    const size = this.#size();
    if (!this.polygon || !size || this.#dragged) return null;
    return placedIou(this.mask, polygonsToPlaced(this.polygon, size));
  });
  readonly corners: number = $derived(this.polygon ? cornerCount(this.polygon) : 0);
  /** An annotation that the edit layer shows in place of the painter. */
  readonly hiddenId: number | null = $derived.by(() => {
    const isShown = this.#isPainting || this.polygon !== null || this.operation?.result || this.#cutting;
    return isShown ? (this.selected?.id ?? this.#openSession()?.annotationId ?? null) : null;
  });
  /** Whether the edit layer shows the agent's mask in place of the painter. */
  readonly hidesEpisode: boolean = $derived.by(
    () => this.#isPainting && (this.target?.kind === 'episode' || this.#openSession()?.episode != null),
  );
  readonly scene: EditScene | null = $derived.by(() => this.#scene());

  constructor(workbench: Workbench) {
    this.#workbench = workbench;
  }

  get #isPainting(): boolean {
    const { tool } = this.#workbench.canvas;
    return tool === 'brush' || tool === 'eraser';
  }

  setBrushSize(size: number): void {
    this.brushSize = clamp(Math.round(size), smallest, largest);
    remember('brushSize', String(this.brushSize));
  }

  /** A fifth larger (1) or smaller (−1), at least by a pixel. */
  stepBrush(direction: 1 | -1): void {
    const step = Math.max(1, Math.round(this.brushSize * 0.15));
    this.setBrushSize(this.brushSize + direction * step);
  }

  /** Lets go of the mask that is being painted: the next stroke makes a new one. */
  startNew(): void {
    this.#workbench.canvas.selectedId = null;
  }

  /** Everything that was painted is in the project. */
  settled(): Promise<void> {
    return this.#queue;
  }

  /** Nothing is being tried any more; called when image or tool change. */
  clear(): void {
    this.#dropOperation();
    this.#dragged = null;
    this.#cutting = null;
    this.corner = null;
    this.polygonMode = 'corners';
  }

  /** Escape: false when nothing was being tried. */
  cancel(): boolean {
    if (this.operation) this.#dropOperation();
    else if (this.polygonMode !== 'corners') this.polygonMode = 'corners';
    else if (this.corner) this.corner = null;
    else return false;
    return true;
  }

  // Operations on the selected mask

  /** Why the selected mask cannot be changed, or null. */
  get obstacle(): string | null {
    if (!this.selected) return text.editing.selectFirst;
    return this.selected.locked ? text.editing.locked : null;
  }

  /** Shows what an operation would do; again with the same kind: stops showing it. */
  start(kind: OperationKind): void {
    if (this.operation?.kind === kind) {
      this.#dropOperation();
      return;
    }
    const { app } = this.#workbench;
    if (this.obstacle) app.toast('info', this.obstacle, '');
    else if (kind === 'join' && this.#workbench.canvas.alsoSelected.length === 0) {
      app.toast('info', text.editing.joinNeedsTwo, text.editing.joinNeedsTwoHint);
    } else this.#try(kind, Number(recall(`edit.${kind}`)) || (amounts[kind]?.start ?? 0));
  }

  setAmount(amount: number): void {
    const { operation } = this;
    if (!operation || operation.kind === 'cut') return;
    const most = amounts[operation.kind]?.most ?? 0;
    const next = clamp(Math.round(amount), 1, most);
    remember(`edit.${operation.kind}`, String(next));
    this.#wanted = next;
    // A large mask takes longer than a slider's next step: only the latest counts.
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#showWanted());
  }

  #showWanted(): void {
    if (this.#frame !== 0) cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { operation } = this;
    if (operation && operation.kind !== 'cut' && this.#wanted !== operation.amount) {
      this.#try(operation.kind, this.#wanted);
    }
  }

  #try(kind: OperationKind, amount: number): void {
    this.#wanted = amount;
    this.#workOut(this.#described(kind, amount), amount);
  }

  #described(kind: OperationKind, amount: number): MaskOperation {
    const masksOf = (annotations: readonly Annotation[]): Rle[] => annotations.map(({ mask }) => mask);
    switch (kind) {
      case 'fill':
      case 'largest':
      case 'split':
        return { kind };
      case 'smooth':
      case 'grow':
      case 'shrink':
        return { kind, amount };
      case 'subtract':
        return { kind, others: masksOf(this.#others()) };
      case 'join':
        return { kind, others: masksOf(this.#joined()) };
    }
  }

  /** Shows what an operation would make: small masks at once, large ones when a worker has it. */
  #workOut(what: MaskOperation, amount: number): void {
    const before = this.selected?.mask;
    if (!before) return;
    const result = this.#operations.run(before, what);
    const shown: Operation = { kind: what.kind, amount, before, result: null };
    if ('masks' in result) {
      this.operation = { ...shown, result };
      return;
    }
    this.operation = shown;
    this.#working = this.#workbench.app
      .attempt(() => result)
      .then((made) => {
        if (this.operation === shown) this.operation = made ? { ...shown, result: made } : null;
      });
  }

  #dropOperation(): void {
    this.operation = null;
    this.#operations.giveUp();
  }

  /** The image's other annotations; crowds stand for many objects and take nothing away. */
  #others(): Annotation[] {
    return this.#workbench.images.annotations.filter(
      ({ id, iscrowd }) => id !== this.selected?.id && !iscrowd,
    );
  }

  /** Whether joining would give masks another class. */
  get joinsClasses(): boolean {
    return this.#joined().some(({ categoryId }) => categoryId !== this.selected?.categoryId);
  }

  #joined(): Annotation[] {
    const { alsoSelected } = this.#workbench.canvas;
    return this.#workbench.images.annotations.filter(
      ({ id }) => id !== this.selected?.id && alsoSelected.includes(id),
    );
  }

  /** Makes what is shown, once it is worked out: one mark. */
  async apply(): Promise<void> {
    if (this.#applies) return;
    this.#applies = true;
    this.#showWanted();
    await this.#working;
    if (await this.#applied()) {
      this.#dropOperation();
      this.#workbench.canvas.alsoSelected = [];
    }
    this.#applies = false;
  }

  /** False when what is shown stays. */
  async #applied(): Promise<boolean> {
    const { operation, selected } = this;
    if (!operation?.result || !selected) return false;
    const { app } = this.#workbench;
    const [first, ...rest] = operation.result.masks;
    if (!operation.result.changes) {
      if (operation.kind === 'cut') app.toast('info', text.editing.notCut, text.editing.notCutHint);
      else app.toast('info', text.editing.unchanged, '');
      return true;
    }
    if (!first) {
      app.toast('info', text.editing.nothingLeft, text.editing.nothingLeftHint);
      return false;
    }
    return this.#edit({
      kind: operation.kind,
      updates: [{ annotationId: selected.id, mask: first }],
      creates: rest.map((mask) => this.#like(selected, mask)),
      deletes: operation.kind === 'join' ? this.#joined().map(({ id }) => id) : [],
    });
  }

  #like(annotation: Annotation, mask: Rle, imageId = annotation.imageId): MaskEdit['creates'][number] {
    const { categoryId, query } = annotation;
    return { imageId, mask, categoryId, query, like: annotation.id };
  }

  /** The selected masks, or all, also on the next image of the list; goes there. */
  async copyToNext(): Promise<void> {
    const { app, canvas, images } = this.#workbench;
    await this.settled();
    const wanted = this.selected
      ? [this.selected.id, ...canvas.alsoSelected]
      : images.annotations.map(({ id }) => id);
    const copied = images.annotations.filter(({ id }) => wanted.includes(id));
    if (copied.length === 0) {
      app.toast('info', text.editing.nothingToCopy, '');
      return;
    }
    const from = images.selectedId;
    await images.selectOffset(1);
    const next = images.selected;
    if (!next || next.id === from) {
      app.toast('info', text.editing.lastImage, '');
      return;
    }
    const moved = copied.flatMap((annotation) => {
      const result = moveToImage(annotation.mask, next);
      return result ? [{ annotation, ...result }] : [];
    });
    const clipped = moved.filter((one) => one.clipped > 0).length;
    const outside = copied.length - moved.length;
    const done =
      moved.length === 0 ||
      (await this.#edit({
        kind: 'copy',
        updates: [],
        creates: moved.map(({ annotation, mask }) => this.#like(annotation, mask, next.id)),
        deletes: [],
      }));
    if (!done) return;
    const notes = [
      ...(clipped > 0 ? [text.editing.clipped(clipped)] : []),
      ...(outside > 0 ? [text.editing.outside(outside)] : []),
    ];
    app.toast(moved.length > 0 ? 'done' : 'info', text.editing.copied(moved.length), notes.join(' '));
  }

  // Polygons

  /** Closes what was drawn in the modes `add` and `hole`; false when a new mask is meant. */
  async closeRing(points: readonly Point[]): Promise<boolean> {
    const { polygon, polygonMode, mask } = this;
    const size = this.#size();
    if (!polygon || !mask || !size || polygonMode === 'corners') return false;
    const ring = points.flatMap(({ x, y }) => [x, y]);
    const drawn = { outer: ring, holes: [] };
    const holed = polygonMode === 'hole' ? addHole(polygon, ring) : null;
    const pixels = polygonsToPlaced([drawn], size);
    const result = holed
      ? polygonsToPlaced(holed, size)
      : polygonMode === 'hole'
        ? pixels && subtractPlaced(mask, [pixels])
        : pixels && unionPlaced([mask, pixels]);
    this.polygonMode = 'corners';
    if (!result) this.#workbench.app.toast('info', text.polygon.empty, text.polygon.emptyHint);
    else await this.#changePolygon(result, holed);
    return true;
  }

  /** Delete: takes the selected corner away; false when there is none. */
  removeCorner(): boolean {
    const { corner, polygon } = this;
    if (!corner || !polygon) return false;
    this.corner = null;
    this.#setPolygon(removeCorner(polygon, corner));
    return true;
  }

  #setPolygon(parts: readonly PolygonPart[]): void {
    const size = this.#size();
    const result = size && polygonsToPlaced(parts, size);
    if (result) void this.#changePolygon(result, parts);
    else {
      this.#dragged = null;
      this.#workbench.app.toast('info', text.polygon.empty, text.editing.nothingLeftHint);
    }
  }

  /** @param parts the corners of the mask, when they are known */
  async #changePolygon(result: PlacedMask, parts: readonly PolygonPart[] | null): Promise<void> {
    const { selected } = this;
    const size = this.#size();
    if (!selected || !size) return;
    const mask = encodePlaced(result, size);
    if (parts) this.#rememberPolygon(mask, parts);
    if (mask.counts !== selected.mask.counts) {
      await this.#edit({
        kind: 'polygon',
        updates: [{ annotationId: selected.id, mask }],
        creates: [],
        deletes: [],
      });
    }
    this.#dragged = null;
  }

  #rememberPolygon(mask: Rle, parts: readonly PolygonPart[]): void {
    const key = polygonKey(mask, this.tolerance);
    this.#polygons.delete(key);
    this.#polygons.set(key, parts);
    const oldest = this.#polygons.keys().next();
    if (this.#polygons.size > rememberedPolygons && !oldest.done) this.#polygons.delete(oldest.value);
  }

  #polygon(): readonly PolygonPart[] | null {
    const { selected, mask } = this;
    if (this.#workbench.canvas.tool !== 'polygon' || !selected || !mask) return null;
    if (this.#dragged) return this.#dragged;
    return this.#polygons.get(polygonKey(selected.mask, this.tolerance)) ?? outlineMask(mask, this.tolerance);
  }

  // What the canvas shows and tells

  #size(): Size | null {
    const image = this.#workbench.images.selected;
    return image ? { width: image.width, height: image.height } : null;
  }

  #target(): Target | null {
    const { images, episode } = this.#workbench;
    if (images.selectedId === null) return null;
    if (this.selected) return { kind: 'annotation', annotation: this.selected };
    const mask = episode.activeObject?.mask;
    if (episode.open && this.#workbench.canAccept && mask && hasPixels(mask)) {
      const nodeId = episode.looking ? episode.shownId : null;
      return { kind: 'episode', episodeId: episode.open.episodeId, mask, nodeId };
    }
    return { kind: 'new' };
  }

  /** The session whose edits are still under way, when it is about what is on the canvas. */
  #openSession(): Session | null {
    void this.#strokes;
    const session = this.#session;
    const { canvas, images } = this.#workbench;
    if (!session || session.waiting === 0 || session.imageId !== images.selectedId) return null;
    return canvas.selectedId === session.annotationId ? session : null;
  }

  #maskOf(target: Target): PlacedMask | null {
    const session = this.#openSession();
    if (session) return session.mask;
    if (target.kind === 'new') return null;
    return decoded(target.kind === 'annotation' ? target.annotation.mask : target.mask);
  }

  #scene(): EditScene | null {
    const { canvas, objects, project } = this.#workbench;
    const { target, selected } = this;
    if (!target) return null;
    const color = selected ? objects.colorOf(selected) : (project.category?.color ?? authorColor.human);
    const cuts = canvas.tool === 'cut' && selected !== null;
    const base = { color, mask: null, preview: null, large: null, polygon: null, brush: null, cuts };
    if (this.operation) return { ...base, ...previewOf(this.operation) };
    if (this.#isPainting) {
      const brush = { diameter: this.brushSize, erases: canvas.tool === 'eraser' };
      return { ...base, mask: this.#maskOf(target), brush };
    }
    if (this.polygon && this.polygonMode === 'corners') {
      const mask = this.#dragged ? this.#draggedMask : this.mask;
      return { ...base, mask, polygon: { parts: this.polygon, selected: this.corner } };
    }
    if (this.polygon) return { ...base, mask: this.mask };
    return cuts ? { ...base, mask: this.#cutting && this.mask, preview: this.#cutting } : null;
  }

  readonly events: EditEvents = {
    strokeBegan: (erases) => this.#strokeBegan(erases),
    strokeEnded: (painted, erases) => this.#strokeEnded(painted, erases),
    brushStepped: (direction) => this.stepBrush(direction),
    polygonDragged: (parts, corner) => {
      this.#dragged = parts;
      this.corner = corner;
    },
    polygonEdited: (parts) => this.#setPolygon(parts),
    cornerSelected: (corner) => {
      this.corner = corner;
    },
    cornersJoined: (a, b) => {
      const joined = this.polygon && joinRings(this.polygon, a, b);
      if (joined) {
        this.corner = null;
        this.#setPolygon(joined);
      } else this.#workbench.app.toast('info', text.editing.cannotJoin, text.editing.cannotJoinHint);
    },
    cutDrawn: (from, to) => {
      const box = this.selected && rleBox(this.selected.mask);
      this.#cutting = box && boxArea(box) <= cutShownUpTo ? this.#cut(from, to) : null;
    },
    cutEnded: (from, to) => void this.#cutEnded(from, to),
  };

  #cut(from: Point, to: Point): readonly PlacedMask[] | null {
    const pieces = this.mask && cutMask(this.mask, [from, to]);
    return pieces && pieces.length > 1 ? pieces : null;
  }

  async #cutEnded(from: Point, to: Point): Promise<void> {
    const { obstacle } = this;
    if (obstacle) this.#workbench.app.toast('info', obstacle, '');
    else {
      this.#workOut({ kind: 'cut', line: [from, to] }, 0);
      await this.apply();
      // A cut is not tried and then made: where it failed nothing is left to apply.
      if (this.operation?.kind === 'cut') this.#dropOperation();
    }
    this.#cutting = null;
  }

  #strokeBegan(erases: boolean): PaintedMask | null {
    const { target } = this;
    const { app, question } = this.#workbench;
    const size = this.#size();
    if (!target || !size || question) return null;
    if (target.kind === 'annotation' && target.annotation.locked) {
      app.toast('info', text.editing.locked, '');
      return null;
    }
    const mask = this.#maskOf(target);
    if (erases && !mask) {
      app.toast('info', text.editing.nothingToErase, text.editing.selectFirst);
      return null;
    }
    return new PaintedMask(mask, size);
  }

  #strokeEnded(painted: PaintedMask, erases: boolean): void {
    const { target } = this;
    const { episode, images, project } = this.#workbench;
    const imageId = images.selectedId;
    if (!target || imageId === null) return;
    const mask = painted.taken();
    const before = this.#maskOf(target);
    if (placedIou(mask, before) === 1) return;
    const session = this.#openSession() ?? {
      imageId,
      choice: project.category && { categoryId: project.category.id },
      query: episode.query.trim() || null,
      annotationId: target.kind === 'annotation' ? target.annotation.id : null,
      episode: target.kind === 'episode' ? target : null,
      mask,
      waiting: 0,
    };
    session.mask = mask;
    session.waiting++;
    this.#session = session;
    this.#strokes++;
    this.#queue = this.#queue.then(async () => {
      const kept = await this.#store(session, mask, painted.size, erases ? 'erase' : 'paint');
      session.waiting--;
      // What could not be stored is not shown as if it were.
      if (!kept) session.mask = null;
      if (session.waiting === 0 && this.#session === session) this.#session = null;
      this.#strokes++;
    });
  }

  /** Makes one stroke's mask durable; false when it was not. */
  async #store(session: Session, mask: PlacedMask | null, size: Size, kind: MaskEditKind): Promise<boolean> {
    if (session.episode) {
      const agents = session.episode;
      session.episode = null;
      const made = await this.#acceptAgents(session, agents);
      if (!made) return false;
      session.annotationId = made.id;
    }
    const { annotationId } = session;
    if (annotationId === null) return mask ? this.#create(session, encodePlaced(mask, size)) : false;
    const edit: MaskEdit = { kind, updates: [], creates: [], deletes: [] };
    if (!mask) this.#workbench.app.toast('info', text.editing.erased, text.editing.erasedHint);
    return this.#edit(
      mask
        ? { ...edit, updates: [{ annotationId, mask: encodePlaced(mask, size) }] }
        : { ...edit, deletes: [annotationId] },
    );
  }

  /** The agent's answer is accepted as it is; what the person does to it is a mark of its own. Stays on the image. */
  async #acceptAgents(
    session: Session,
    { episodeId, mask, nodeId }: Extract<Target, { kind: 'episode' }>,
  ): Promise<Annotation | null> {
    const { app, canvas, episode, history, host, images, project, queue } = this.#workbench;
    const choice = session.choice ?? (await this.#workbench.classForMask());
    if (!choice) return null;
    episode.busy = true;
    queue.hold(episodeId);
    const accepted = await app.attempt(() =>
      host.connection.call('episode.accept', {
        episodeId,
        ...choice,
        ...(nodeId === null ? {} : { nodeId }),
      }),
    );
    episode.busy = false;
    if (!accepted) {
      queue.release(episodeId);
      return null;
    }
    app.saved();
    const isShown = images.selectedId === session.imageId;
    const made = accepted.annotations.find(({ mask: { counts } }) => counts === mask.counts) ?? null;
    if (made) project.categoryId = made.categoryId;
    if (!isShown) return made;
    history.marks = accepted.history;
    episode.review.follow();
    canvas.clear();
    await images.refreshSelected();
    if (images.selectedId === session.imageId) canvas.selectedId = made?.id ?? null;
    return made;
  }

  async #create(session: Session, mask: Rle): Promise<boolean> {
    const { canvas, images, project } = this.#workbench;
    const choice = session.choice ?? (await this.#workbench.classForMask());
    if (!choice) return false;
    const { imageId, query } = session;
    const done = await this.#edit({
      kind: 'paint',
      updates: [],
      creates: [{ imageId, mask, ...choice, query, like: null }],
      deletes: [],
    });
    const [made] = this.#created;
    if (!done || !made) return false;
    session.annotationId = made.id;
    project.categoryId = made.categoryId;
    if (images.selectedId === imageId) canvas.selectedId = made.id;
    return true;
  }

  #created: readonly Annotation[] = [];

  /** One mark. False when it was refused, which is said. */
  async #edit(edit: MaskEdit): Promise<boolean> {
    const { app, canvas, history, host, images } = this.#workbench;
    const change = await app.attempt(() => host.connection.call('annotations.edit', edit));
    if (!change) return false;
    this.#created = change.created;
    history.marks = change.history;
    app.saved();
    if (edit.deletes.includes(canvas.selectedId ?? -1)) canvas.selectedId = null;
    await images.refreshSelected();
    return true;
  }
}

/** Before and after, decoded unless one of them is too large for that. */
function previewOf({ before, result }: Operation): Pick<EditScene, 'mask' | 'preview' | 'large'> {
  if (!result) return { mask: null, preview: null, large: null };
  const shapes = [before, ...result.masks].map(shapeOf);
  if (shapes.every((shape) => shape === null || shape.piece !== null)) {
    return {
      mask: decoded(before),
      preview: result.masks.flatMap((mask) => decoded(mask) ?? []),
      large: null,
    };
  }
  const runs = (mask: Rle | null): MaskRuns | null => (mask && shapeOf(mask)?.runs) ?? null;
  const { masks, stays, comes, goes } = result;
  const [height, width] = before.size;
  return {
    mask: null,
    preview: null,
    large: {
      size: { width, height },
      change: masks.length === 1 ? [stays, comes, goes].map(runs) : null,
      parts: masks.flatMap((mask) => runs(mask) ?? []),
    },
  };
}

const masks = new Map<string, PlacedMask | null>();
const rememberedMasks = 32;

/** The same mask for the same counts, so that what is drawn of it is kept. */
function decoded(rle: Rle): PlacedMask | null {
  const key = `${rle.size.join(' ')} ${rle.counts}`;
  const known = masks.get(key);
  if (known !== undefined) return known;
  const mask = decodePlaced(rle);
  masks.set(key, mask);
  const oldest = masks.keys().next();
  if (masks.size > rememberedMasks && !oldest.done) masks.delete(oldest.value);
  return mask;
}

function polygonKey(mask: Rle, tolerance: number): string {
  return `${tolerance} ${mask.counts}`;
}
