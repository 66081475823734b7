import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { insightCsv } from './csv';
import { dayIn, daysBetween, isTimeZone } from './days';
import type { EpisodeFacts } from './episode-facts';
import { drawingTimes, factsOfMark, type JournalEntry } from './journal-facts';
import { type InsightRecord, summarise } from './summarise';

const everything = { from: null, to: null, categoryId: null, policy: null, runId: null };
const options = { filter: everything, timeZone: 'UTC', now: '2026-03-03T12:00:00.000Z' };

const episode = (id: string, change: Partial<EpisodeFacts> = {}): EpisodeFacts => ({
  id,
  imageId: 'i',
  runId: null,
  policy: { kind: 'llama', name: 'small' },
  status: 'accepted',
  category: { id: 1, name: 'cup' },
  createdAt: '2026-03-01T09:00:00.000Z',
  settledAt: '2026-03-01T10:00:00.000Z',
  calls: [{ author: 'agent', tool: 'segment_box', fate: 'accepted', invalid: false }],
  turns: { agent: 1, person: 0, simulator: 0 },
  objects: 1,
  proposalIou: 1,
  time: { agentMs: 500, personMs: 4000, pauses: 0 },
  ...change,
});

const insert = (categoryId: number, trajectoryId: string | null) => ({
  table: 'annotations',
  before: null,
  after: { category_id: categoryId, trajectory_id: trajectoryId, mask_counts: 'x' },
});
const moved = (from: string, to: string) => ({
  table: 'images',
  before: { state: from },
  after: { state: to },
});
const settled = (status: string) => ({
  table: 'trajectories',
  before: { status: 'open' },
  after: { status },
});
const entry = (
  seq: number,
  at: string,
  changes: Parameters<typeof factsOfMark>[0] | null,
  change: Partial<JournalEntry> = {},
): JournalEntry => ({
  seq,
  kind: 'mark',
  target: null,
  at,
  facts: changes && factsOfMark(changes),
  ...change,
});

const record = (change: Partial<InsightRecord> = {}): InsightRecord => ({
  episodes: [],
  unreadable: 0,
  journal: [],
  now: { todo: 1, review: 0, done: 2 },
  categories: [
    { id: 1, name: 'cup' },
    { id: 2, name: 'bus' },
  ],
  runs: [],
  ...change,
});

/** Day 1: one accepted, one drawn. Day 2: one rejected, one drawn and undone. Day 3: nothing. */
const journal: JournalEntry[] = [
  entry(1, '2026-03-01T10:00:00.000Z', [insert(1, 't1'), settled('accepted'), moved('review', 'done')]),
  entry(2, '2026-03-01T10:00:30.000Z', [insert(2, null), moved('todo', 'done')]),
  entry(3, '2026-03-02T08:00:00.000Z', [settled('rejected'), moved('review', 'todo')]),
  entry(4, '2026-03-02T08:00:10.000Z', [insert(2, null), moved('todo', 'done')]),
  entry(5, '2026-03-02T08:00:12.000Z', null, { kind: 'undo', target: 4 }),
];

describe('progress', () => {
  it('counts back from now, and forgets what was undone', () => {
    const { days } = summarise(record({ journal }), options).progress;
    expect(days).toEqual([
      { day: '2026-03-01', todo: 0, review: 1, done: 2, accepted: 1, rejected: 0, drawn: 1, changed: 0 },
      { day: '2026-03-02', todo: 1, review: 0, done: 2, accepted: 0, rejected: 1, drawn: 0, changed: 0 },
      { day: '2026-03-03', todo: 1, review: 0, done: 2, accepted: 0, rejected: 0, drawn: 0, changed: 0 },
    ]);
  });

  it('counts what was done again after an undo', () => {
    const again = entry(6, '2026-03-03T09:00:00.000Z', null, { kind: 'redo', target: 4 });
    const { days } = summarise(
      record({ journal: [...journal, again], now: { todo: 0, review: 0, done: 3 } }),
      options,
    ).progress;
    expect(days.map(({ done, drawn }) => [done, drawn])).toEqual([
      [2, 1],
      [2, 1],
      [3, 0],
    ]);
  });

  it('has the days of the person, also across midnight in another time zone', () => {
    const dayOf = dayIn('Asia/Shanghai');
    expect(dayOf('2026-03-01T15:59:59.999Z')).toBe('2026-03-01');
    expect(dayOf('2026-03-01T16:00:00.000Z')).toBe('2026-03-02');
    // 45 minutes past the hour.
    expect(dayIn('Asia/Kathmandu')('2026-03-01T18:14:59Z')).toBe('2026-03-01');
    expect(dayIn('Asia/Kathmandu')('2026-03-01T18:15:00Z')).toBe('2026-03-02');
    expect(isTimeZone('Europe/Berlin')).toBe(true);
    expect(isTimeZone('Middle/Earth')).toBe(false);
    expect(daysBetween('2026-02-27', '2026-03-02')).toHaveLength(4);
    expect(daysBetween('2026-03-02', '2026-03-01')).toEqual([]);
  });

  it('keeps the number of images whatever moves between states', () => {
    const state = fc.constantFrom('todo', 'review', 'done');
    const step = fc.record({ from: state, to: state, day: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const marks = steps
          .sort((a, b) => a.day - b.day)
          .map(({ from, to, day }, index) =>
            entry(index + 1, `2026-02-${String(day).padStart(2, '0')}T10:00:00Z`, [moved(from, to)]),
          );
        const now = { todo: 100, review: 100, done: 100 };
        const { days } = summarise(record({ journal: marks, now }), options).progress;
        for (const day of days) expect(day.todo + day.review + day.done).toBe(300);
        expect(days.at(-1)).toMatchObject(now);
      }),
    );
  });
});

describe('episodes', () => {
  const episodes = [
    episode('t1'),
    episode('t2', {
      category: { id: null, name: 'bus' },
      settledAt: '2026-03-02T10:00:00.000Z',
      policy: { kind: 'openai', name: 'large' },
      proposalIou: 0.5,
      turns: { agent: 2, person: 2, simulator: 0 },
      objects: 2,
      runId: 'r1',
      calls: [
        { author: 'agent', tool: 'segment_box', fate: 'corrected', invalid: false },
        { author: 'agent', tool: 'segment_box', fate: 'undecided', invalid: true },
        { author: 'human', tool: 'segment_box', fate: 'accepted', invalid: false },
      ],
      time: { agentMs: 2000, personMs: 12_000, pauses: 1 },
    }),
    episode('t3', { status: 'rejected', objects: 0, proposalIou: null }),
    episode('t4', { status: 'finished', settledAt: null, objects: 0, proposalIou: null }),
    episode('t5', {
      policy: { kind: 'human', name: 'person' },
      calls: [{ author: 'human', tool: 'segment_box', fate: 'accepted', invalid: false }],
      turns: { agent: 0, person: 3, simulator: 0 },
      proposalIou: null,
      time: { agentMs: 0, personMs: 9000, pauses: 0 },
    }),
  ];
  const full = record({
    episodes,
    runs: [
      { id: 'r1', label: 'first' },
      { id: 'r0', label: 'gone' },
    ],
  });

  it('are counted with their time, turns, calls and proposals', () => {
    const summary = summarise(full, options);
    expect(summary.episodes).toEqual({ all: 5, accepted: 3, rejected: 1, waiting: 1, unreadable: 0 });
    expect(summary.time.together).toMatchObject({ n: 2, mean: 5 });
    expect(summary.time.alone).toMatchObject({ n: 1, mean: 9 });
    expect(summary.time.agent).toMatchObject({ n: 2, mean: 0.75 });
    expect(summary.turns.all).toMatchObject({ n: 3, mean: 2 });
    expect(summary.turns.person.mean).toBeCloseTo(4 / 3, 12);
    expect(summary.proposals.iou).toMatchObject({ n: 2, mean: 0.75 });
    expect(summary.proposals.untouched).toMatchObject({ count: 1, of: 2 });
    // The person's own work is no failure of the agent.
    expect(summary.proposals.without).toBe(0);
    expect(summary.proposals.byDay.map(({ day, mean }) => [day, mean])).toEqual([
      ['2026-03-01', 1],
      ['2026-03-02', 0.5],
    ]);
    expect(summary.proposals.byClass.map(({ name, categoryId }) => [name, categoryId])).toEqual([
      ['bus', 2],
      ['cup', 1],
    ]);
    const boxes = summary.calls.find(({ author, tool }) => author === 'agent' && tool === 'segment_box');
    expect(boxes).toMatchObject({
      all: 5,
      undecided: 1,
      accepted: { count: 3, of: 4 },
      invalid: { count: 1, of: 5 },
    });
    expect(summary.choices.runs).toEqual([{ runId: 'r1', label: 'first', episodes: 1 }]);
    expect(summary.choices.policies.map(({ name, episodes: n }) => [name, n])).toEqual([
      ['small', 3],
      ['large', 1],
      ['person', 1],
    ]);
  });

  it('are filtered by class, policy, run and period, and offer the same choices', () => {
    const narrowed = (filter: Partial<typeof everything> | Record<string, unknown>) =>
      summarise(full, { ...options, filter: { ...everything, ...filter } });
    expect(narrowed({ categoryId: 2 }).episodes.all).toBe(1);
    expect(narrowed({ policy: 'openai: large' }).proposals.iou).toMatchObject({ n: 1, mean: 0.5 });
    expect(narrowed({ runId: 'r1' }).episodes.all).toBe(1);
    expect(narrowed({ from: '2026-03-02' }).episodes.all).toBe(1);
    expect(narrowed({ to: '2026-03-01' }).episodes.all).toBe(4);
    expect(narrowed({ runId: 'r1' }).choices).toEqual(summarise(full, options).choices);
  });

  it('have a drawn object time from the decision before it, if that was not long ago', () => {
    const { time } = summarise(record({ journal }), options);
    // The second mark came 30 s after the first; the fourth is undone.
    expect(time.drawn).toMatchObject({ n: 1, mean: 30 });
    expect(time.drawnUnknown).toBe(0);
    const alone = summarise(record({ journal: journal.slice(1, 2) }), options);
    expect(alone.time).toMatchObject({ drawn: { n: 0 }, drawnUnknown: 1 });
    const ofCups = summarise(record({ journal }), { ...options, filter: { ...everything, categoryId: 1 } });
    expect(ofCups.time.drawn.n).toBe(0);
  });
});

describe('the saved table', () => {
  it('keeps names with commas and quotes, and hands no formula to a spreadsheet', () => {
    const named = record({
      categories: [{ id: 1, name: '=HYPERLINK("x"), or "cup"' }],
      episodes: [episode('t1', { category: { id: 1, name: 'cup' } })],
    });
    const csv = insightCsv(summarise(named, options), null);
    expect(csv.startsWith('table,row,measure,value,n,low,high\r\n')).toBe(true);
    expect(csv).toContain(`proposals by class,"'=HYPERLINK(""x""), or ""cup""",iou,1,1,,\r\n`);
    expect(csv).toContain('images,,done,2,,,\r\n');
  });
});

describe('the time a drawn object took', () => {
  const madeClass = { table: 'categories', before: null, after: { name: 'cup' } };

  it('is from the work before it, whatever class was made between', () => {
    const times = drawingTimes([
      entry(1, '2026-03-01T10:00:00.000Z', [insert(1, null)]),
      entry(2, '2026-03-01T10:00:08.000Z', [madeClass]),
      entry(3, '2026-03-01T10:00:08.100Z', [insert(2, null)]),
    ]);
    expect(times.map(({ ms }) => ms)).toEqual([null, 8100]);
  });

  it('is not known of what came too quickly to be drawn', () => {
    const times = drawingTimes([
      entry(1, '2026-03-01T10:00:00.000Z', [insert(1, null)]),
      entry(2, '2026-03-01T10:00:00.100Z', [insert(1, null)]),
      entry(3, '2026-03-01T10:00:02.100Z', [
        insert(1, null),
        insert(1, null),
        insert(1, null),
        insert(1, null),
      ]),
      entry(
        4,
        '2026-03-01T10:00:03.100Z',
        Array.from({ length: 4 }, () => insert(1, null)),
      ),
    ]);
    expect(times.map(({ ms }) => ms)).toEqual([null, null, 500, 500, 500, 500, null, null, null, null]);
  });
});

describe('a simulator', () => {
  it('is neither the agent nor the person', () => {
    const simulated = episode('s1', {
      calls: [{ author: 'simulator', tool: 'add_point', fate: 'undecided', invalid: false }],
      turns: { agent: 0, person: 0, simulator: 4 },
      proposalIou: null,
    });
    const { time, turns, proposals } = summarise(record({ episodes: [simulated] }), options);
    expect([time.together.n, time.alone.n, time.unknown, turns.all.n, proposals.without]).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });
});
