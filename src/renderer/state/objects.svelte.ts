import type { AttributeValue, AttributeValues } from '@shared/attributes';
import type { Annotation } from '@shared/contract/methods';
import { paletteColor } from '@shared/palette';
import type { Host } from '../lib/host';
import { recall, remember } from '../lib/storage';
import { text } from '../lib/text';
import type { AppState } from './app.svelte';
import type { CanvasState } from './canvas.svelte';
import type { HistoryState } from './history.svelte';
import type { ImagesState } from './images.svelte';
import type { ClassChoice, ProjectState } from './project.svelte';

/** The parts of the window that it works with. */
interface Surroundings {
  readonly host: Host;
  readonly app: AppState;
  readonly project: ProjectState;
  readonly images: ImagesState;
  readonly canvas: CanvasState;
  readonly history: HistoryState;
  askClass(title: string): Promise<ClassChoice | null>;
}

/** What the colour of a mask says. */
export type ColorBy = 'class' | 'object';

/** The finished masks of the image as a list: which are chosen, shown, locked, and in which order. */
export class ObjectsState {
  colorBy = $state<ColorBy>(recall('color by') === 'object' ? 'object' : 'class');
  /** From the topmost to the lowest, as the list shows them. */
  readonly list: readonly Annotation[] = $derived.by(() => [...this.#workbench.images.annotations].reverse());
  readonly chosen: ReadonlySet<number> = $derived.by(() => {
    const { selectedId, alsoSelected } = this.#workbench.canvas;
    return new Set(selectedId === null ? [] : [selectedId, ...alsoSelected]);
  });
  /** The one whose attributes are shown. */
  readonly single: Annotation | null = $derived.by(() =>
    this.chosen.size === 1 ? (this.list.find(({ id }) => this.chosen.has(id)) ?? null) : null,
  );
  readonly anyHidden: boolean = $derived.by(() => this.list.some(({ hidden }) => hidden));

  readonly #workbench: Surroundings;
  /** Where a range chosen with Shift begins. */
  #anchor: number | null = null;
  #answering: Promise<void> = Promise.resolve();

  constructor(workbench: Surroundings) {
    this.#workbench = workbench;
  }

  colorOf(annotation: Annotation): string {
    if (this.colorBy === 'object') return paletteColor(annotation.id);
    return this.#workbench.project.categoryOf(annotation.categoryId)?.color ?? '#888888';
  }

  setColorBy(colorBy: ColorBy): void {
    this.colorBy = colorBy;
    remember('color by', colorBy);
  }

  isLocked(id: number): boolean {
    return this.#workbench.images.annotations.some((annotation) => annotation.id === id && annotation.locked);
  }

  // What is chosen

  /** Chooses one; with `add` it joins or leaves the others, with `range` all from the last chosen one on join. */
  choose(id: number, how: 'one' | 'add' | 'range' = 'one'): void {
    const { canvas } = this.#workbench;
    canvas.tool = 'select';
    if (how === 'range' && this.#anchor !== null) {
      const ids = this.list.map((annotation) => annotation.id);
      const [from, to] = [ids.indexOf(this.#anchor), ids.indexOf(id)].sort((a, b) => a - b);
      if (from !== undefined && from >= 0) this.#set([id, ...ids.slice(from, (to ?? from) + 1)]);
      return;
    }
    this.#anchor = id;
    if (how !== 'add') {
      const isAlone = canvas.selectedId === id && canvas.alsoSelected.length === 0;
      this.#set(isAlone ? [] : [id]);
      return;
    }
    const others = [...this.chosen].filter((other) => other !== id);
    this.#set(this.chosen.has(id) ? others : [id, ...others]);
  }

  chooseAll(): void {
    this.#set(this.list.map(({ id }) => id));
  }

  /** Moves the choice up or down the list; with `range` it grows. */
  step(by: 1 | -1, range: boolean): void {
    const ids = this.list.map(({ id }) => id);
    if (ids.length === 0) return;
    const at = ids.indexOf(this.#workbench.canvas.selectedId ?? -1);
    const next = ids[at < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, at + by))];
    if (next === undefined) return;
    if (range) this.choose(next, 'range');
    else {
      this.#anchor = next;
      this.#set([next]);
    }
  }

  #set(ids: readonly number[]): void {
    const [first, ...others] = new Set(ids);
    this.#workbench.canvas.selectedId = first ?? null;
    this.#workbench.canvas.alsoSelected = others;
  }

  // What is seen

  async toggleHidden(ids: readonly number[]): Promise<void> {
    const hide = ids.some((id) => this.list.some((one) => one.id === id && !one.hidden));
    const hidden = this.list.filter((one) => (ids.includes(one.id) ? hide : one.hidden));
    await this.#setHidden(hidden.map(({ id }) => id));
  }

  /** Shows one alone; when it is alone already, all. */
  async solo(id: number): Promise<void> {
    const isAlone = this.list.every((one) => one.hidden === (one.id !== id));
    await this.#setHidden(isAlone ? [] : this.list.map((one) => one.id).filter((other) => other !== id));
  }

  async showAll(): Promise<void> {
    await this.#setHidden([]);
  }

  async #setHidden(annotationIds: number[]): Promise<void> {
    const { app, host, images } = this.#workbench;
    const imageId = images.selectedId;
    if (imageId === null) return;
    await app.attempt(() => host.connection.call('annotations.setHidden', { imageId, annotationIds }));
    await images.refreshSelected();
  }

  // What is changed, each one step of undo

  async toggleLocked(ids: readonly number[]): Promise<void> {
    const locked = ids.some((id) => !this.isLocked(id));
    await this.#change(ids, { locked });
  }

  async setCategory(ids: readonly number[], choice: ClassChoice): Promise<void> {
    await this.#change(ids, choice);
  }

  /** Asks for a class for what is chosen. */
  async askCategory(ids: readonly number[]): Promise<void> {
    const choice = await this.#workbench.askClass(text.category.titleChange);
    if (choice) await this.setCategory(ids, choice);
  }

  async #change(ids: readonly number[], patch: ClassChoice | { locked: boolean }): Promise<void> {
    if (ids.length === 0) return;
    const { connection } = this.#workbench.host;
    await this.#make(() => connection.call('annotations.updateMany', { annotationIds: [...ids], ...patch }));
  }

  /** Deletes all of them that are not locked, and says how many are. */
  async remove(ids: readonly number[]): Promise<void> {
    const { app, canvas, host } = this.#workbench;
    const free = ids.filter((id) => !this.isLocked(id));
    if (free.length < ids.length) {
      app.toast('info', text.objects.lockedKept(ids.length - free.length), text.objects.lockedHint);
    }
    if (free.length === 0) return;
    const done = await this.#make(() =>
      host.connection.call('annotations.deleteMany', { annotationIds: [...free] }),
    );
    if (!done) return;
    if (canvas.selectedId !== null && free.includes(canvas.selectedId)) this.#set([]);
  }

  /** Moves what is chosen one place up or down, or `end` to the top or bottom. */
  async move(ids: readonly number[], by: 1 | -1, end = false): Promise<void> {
    const order = this.#workbench.images.annotations.map(({ id }) => id);
    const moving = new Set(ids);
    const next = end
      ? by > 0
        ? [...order.filter((id) => !moving.has(id)), ...order.filter((id) => moving.has(id))]
        : [...order.filter((id) => moving.has(id)), ...order.filter((id) => !moving.has(id))]
      : shifted(order, moving, by);
    await this.#reorder(order, next);
  }

  /** Puts what is chosen directly above (in the list: before) another. */
  async moveAbove(ids: readonly number[], target: number | null): Promise<void> {
    const order = this.#workbench.images.annotations.map(({ id }) => id);
    const moving = order.filter((id) => ids.includes(id));
    const rest = order.filter((id) => !ids.includes(id));
    const at = target === null ? 0 : rest.indexOf(target) + 1;
    await this.#reorder(order, [...rest.slice(0, at), ...moving, ...rest.slice(at)]);
  }

  async #reorder(before: readonly number[], after: number[]): Promise<void> {
    const imageId = this.#workbench.images.selectedId;
    if (imageId === null || before.every((id, index) => id === after[index])) return;
    const { connection } = this.#workbench.host;
    await this.#make(() => connection.call('annotations.reorder', { imageId, annotationIds: after }));
  }

  /** Answers one attribute; null: no answer. One after another, so that each goes by the answers before it. */
  async setAttribute(annotationId: number, name: string, value: AttributeValue | null): Promise<void> {
    this.#answering = this.#answering.then(() => this.#setAttribute(annotationId, name, value));
    await this.#answering;
  }

  async #setAttribute(annotationId: number, name: string, value: AttributeValue | null): Promise<void> {
    const annotation = this.list.find(({ id }) => id === annotationId);
    if (!annotation || (annotation.attributes[name] ?? null) === value) return;
    const attributes: AttributeValues = { ...annotation.attributes };
    if (value === null) delete attributes[name];
    else attributes[name] = value;
    const { connection } = this.#workbench.host;
    await this.#make(
      async () => (await connection.call('annotations.update', { annotationId, attributes })).history,
    );
  }

  async #make(act: () => Promise<HistoryState['marks']>): Promise<boolean> {
    const { app, history, images } = this.#workbench;
    const marks = await app.attempt(act);
    if (!marks) return false;
    history.marks = marks;
    app.saved();
    await images.refreshSelected();
    return true;
  }
}

/** Every chosen one changes its place with the next that is not chosen; at the end it stays. */
function shifted(order: readonly number[], moving: ReadonlySet<number>, by: 1 | -1): number[] {
  const next = [...order];
  const indices = next.map((_, index) => index);
  for (const index of by > 0 ? indices.reverse() : indices) {
    const other = index + by;
    const here = next[index];
    const there = next[other];
    if (here === undefined || there === undefined || !moving.has(here) || moving.has(there)) continue;
    next[index] = there;
    next[other] = here;
  }
  return next;
}
