import { SvelteSet } from 'svelte/reactivity';

/** What the person is about to do to a turn. `edit`: other numbers for its call. */
export type Draft =
  | { kind: 'edit'; node: string }
  | { kind: 'insert'; node: string; place: 'before' | 'after' };

/** Turns a second while the turns are played. */
export const paces = [0.5, 1, 2, 4] as const;
export type Pace = (typeof paces)[number];

/** How the person looks through the turns of the episode on the canvas. Nothing of it is recorded. */
export class ReviewState {
  /** The turn that is looked at in place of the head; null: the head, wherever it moves. */
  at = $state.raw<{ node: string | null } | null>(null);
  playing = $state(false);
  pace = $state<Pace>(1);
  /** Two turns laid over each other; null as a turn: before the first. */
  compared = $state.raw<{ a: string | null; b: string | null } | null>(null);
  draft = $state.raw<Draft | null>(null);
  /** The numbers typed for it make no call. */
  draftUnfit = $state(false);
  /** The turn whose prompt is shown; null as a node: the call that is pending. */
  explained = $state.raw<{ node: string | null } | null>(null);
  /** First nodes of branches whose later turns are listed. */
  readonly expanded = new SvelteSet<string>();

  look(node: string | null): void {
    this.at = { node };
    if (this.draft?.node !== node) this.draft = null;
  }

  /** Back to where the episode stands. */
  follow(): void {
    this.at = null;
    this.playing = false;
    this.draft = null;
  }

  /** Another episode is on the canvas. */
  reset(): void {
    this.follow();
    this.compared = null;
    this.explained = null;
    this.expanded.clear();
  }

  toggleBranch(node: string): void {
    if (!this.expanded.delete(node)) this.expanded.add(node);
  }
}
