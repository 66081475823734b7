import { z } from 'zod';
import { pauseMs } from './episode-facts';

/** What the journal tells about a day's work: decisions, and how images moved between to do, in review and done. */

const rowSchema = z.looseObject({
  status: z.string().optional(),
  state: z.enum(['todo', 'review', 'done']).optional(),
  category_id: z.number().optional(),
  trajectory_id: z.string().nullable().optional(),
  mask_counts: z.string().optional(),
});
const changeSchema = z.object({
  table: z.string(),
  /** Present where one column of many rows was changed at once. */
  keys: z.array(z.number()).optional(),
  before: z.unknown(),
  after: z.unknown(),
});
export const recordedChangesSchema = z.array(changeSchema);
export type RecordedChange = z.infer<typeof changeSchema>;

export const imageStates = ['todo', 'review', 'done'] as const;
type StateDelta = Record<(typeof imageStates)[number], number>;

export interface Decisions {
  /** Results of the agent, or of agent and person together, that were accepted or rejected. */
  accepted: number;
  rejected: number;
  /** Masks made without an episode: brush, polygon, copies. */
  drawn: number;
  /** Masks that got other pixels or another class, or were deleted. */
  changed: number;
}

/** One mark of the journal. */
export interface MarkFacts extends Decisions {
  /** Classes of what was drawn, one entry an object. */
  drawnCategories: number[];
  /** By how much each number of images changed. */
  moved: StateDelta;
}

export interface JournalEntry {
  seq: number;
  kind: 'mark' | 'undo' | 'redo' | 'event';
  /** The mark that was undone or redone. */
  target: number | null;
  at: string;
  /** Null for what is no mark. */
  facts: MarkFacts | null;
}

const noMoves = (): StateDelta => ({ todo: 0, review: 0, done: 0 });

export function factsOfMark(changes: readonly RecordedChange[]): MarkFacts {
  const facts: MarkFacts = {
    accepted: 0,
    rejected: 0,
    drawn: 0,
    changed: 0,
    drawnCategories: [],
    moved: noMoves(),
  };
  for (const { table, keys, before, after } of changes) {
    if (keys !== undefined) {
      facts.changed += 1;
      continue;
    }
    const old = rowSchema.safeParse(before).data ?? null;
    const fresh = rowSchema.safeParse(after).data ?? null;
    if (table === 'trajectories') {
      if (fresh?.status === 'accepted') facts.accepted += 1;
      else if (fresh?.status === 'rejected') facts.rejected += 1;
    } else if (table === 'images') {
      if (old?.state) facts.moved[old.state] -= 1;
      if (fresh?.state) facts.moved[fresh.state] += 1;
    } else if (table === 'annotations') annotationChanged(facts, old, fresh);
  }
  return facts;
}

function annotationChanged(
  facts: MarkFacts,
  old: z.infer<typeof rowSchema> | null,
  fresh: z.infer<typeof rowSchema> | null,
): void {
  if (old === null && fresh !== null) {
    // The masks of an accepted episode belong to the acceptance.
    if (typeof fresh.trajectory_id === 'string') return;
    facts.drawn += 1;
    facts.drawnCategories.push(fresh.category_id ?? 0);
  } else if (fresh === null || fresh.mask_counts !== undefined || fresh.category_id !== undefined) {
    facts.changed += 1;
  }
}

/**
 * The marks that are not undone, oldest first, each with the moment of what was done before it. Making a class is a part
 * of what it is made for.
 */
export function standingMarks(
  journal: readonly JournalEntry[],
): { at: string; before: string | null; facts: MarkFacts }[] {
  const standing = new Map<number, boolean>();
  for (const { seq, kind, target } of journal) {
    if (kind === 'mark') standing.set(seq, true);
    else if (kind !== 'event' && target !== null) standing.set(target, kind === 'redo');
  }
  const marks: { at: string; before: string | null; facts: MarkFacts }[] = [];
  let before: string | null = null;
  for (const { seq, at, facts } of journal) {
    if (facts !== null && standing.get(seq)) marks.push({ at, before, facts });
    if (facts === null || isWork(facts)) before = at;
  }
  return marks;
}

function isWork({ accepted, rejected, drawn, changed, moved }: MarkFacts): boolean {
  return accepted + rejected + drawn + changed > 0 || imageStates.some((name) => moved[name] !== 0);
}

/** Every movement of images in the order of time: marks, their undoing and their redoing. */
export function movements(journal: readonly JournalEntry[]): { at: string; moved: StateDelta }[] {
  const bySeq = new Map(journal.flatMap(({ seq, facts }) => (facts === null ? [] : [[seq, facts]])));
  const list: { at: string; moved: StateDelta }[] = [];
  for (const { seq, kind, target, at } of journal) {
    const facts = bySeq.get(kind === 'mark' ? seq : (target ?? -1));
    if (facts === undefined || kind === 'event') continue;
    const sign = kind === 'undo' ? -1 : 1;
    const { todo, review, done } = facts.moved;
    if (todo !== 0 || review !== 0 || done !== 0) {
      list.push({ at, moved: { todo: sign * todo, review: sign * review, done: sign * done } });
    }
  }
  return list;
}

/** What is quicker was not drawn: a copy, a part split off, the second of two that were made at once. */
const shortestDrawingMs = 500;

/**
 * Milliseconds a hand-drawn object took: from the decision before it, on whatever image. After a pause, as the first
 * one, or where it came too quickly to be drawn, its beginning is not known: null.
 */
export function drawingTimes(
  journal: readonly JournalEntry[],
): { at: string; categoryId: number; ms: number | null }[] {
  return standingMarks(journal).flatMap(({ at, before, facts }) => {
    const gap = before === null ? null : Date.parse(at) - Date.parse(before);
    const ms =
      gap === null || gap < shortestDrawingMs * facts.drawn || gap > pauseMs ? null : gap / facts.drawn;
    return facts.drawnCategories.map((categoryId) => ({ at, categoryId, ms }));
  });
}
