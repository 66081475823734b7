import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  box,
  emptyTrajectory,
  finish,
  noTarget,
  point,
  revertTo,
  rowsMask,
  settled,
  withTurns,
  withVerdict,
  zoomOut,
} from '../../../tests/support/trajectories';
import type { Trajectory } from '../trajectory/schema';
import { defaultAnnotatorMix, drawPlan, parseAnnotatorMix } from './annotator-mix';
import {
  defaultFilterOptions,
  type EpisodeSummary,
  filterEpisodes,
  summaryOfEpisode,
  toolSet,
} from './filters';
import { leaksOf } from './leaks';
import { thoughtTemplates } from './thought-templates';
import { templateThought } from './thoughts';
import { type VisibleTurn, visibleTurns } from './visible';

const negative = { name: 'add_point', arguments: { x: 300, y: 900, label: 'negative' } };
const farBox = { name: 'segment_box', arguments: { x1: 800, y1: 800, x2: 990, y2: 990 } };
const zoom = { name: 'zoom', arguments: { x1: 0, y1: 0, x2: 200, y2: 200 } };
const newObject = { name: 'new_object', arguments: {} };

/** One episode with every situation that a thought is written for. */
function everything(change: (node: number) => { iou: number; seed: number }): Trajectory {
  const calls = [
    zoom,
    zoomOut,
    box,
    farBox,
    box,
    point,
    negative,
    revertTo(5),
    newObject,
    box,
    noTarget,
    finish,
  ];
  const rows = [null, null, 20, 40, 30, 32, 31, 30, 30, 33, 33, 33];
  const turns = calls.map((call, index) => ({
    call,
    rows: rows[index] ?? null,
    node: { iou: change(index).iou, timings: { policyMs: change(index).seed, environmentMs: 0 } },
  }));
  return settled(withTurns(emptyTrajectory({ query: 'the cup' }), null, turns));
}

const thoughtsOf = (trajectory: Trajectory, seed = 1): string[] =>
  visibleTurns(trajectory).map(({ visible }) => templateThought(visible, seed));

describe('thoughts from templates', () => {
  it('are a function of what is visible: neither IoU, outcome, verdicts nor later turns change them', () => {
    const plain = everything(() => ({ iou: 0.5, seed: 0 }));
    const thoughts = thoughtsOf(plain);
    expect(thoughts).toHaveLength(12);
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (ious, length) => {
          const other = everything((index) => ({ iou: ious[index] ?? 0, seed: index }));
          const judged = withVerdict(other, 'n4', { verdict: 'rejected', by: 'simulator' });
          const settledOtherwise = settled(judged, {
            status: 'accepted',
            masks: [rowsMask(7)],
            node: `n${length}`,
            category: 'secret',
          });
          expect(thoughtsOf(settledOtherwise)).toEqual(thoughts.slice(0, length));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('pass the filter that a teacher’s have to pass, whatever the query and the seed', () => {
    const queries = fc.oneof(
      fc.constantFrom(
        'the dog',
        'What keeps you dry in the rain?',
        'all apples',
        'the true box {name}',
        '7 birds',
      ),
      fc.string({ minLength: 1, maxLength: 40 }),
    );
    fc.assert(
      fc.property(queries, fc.integer(), (query, seed) => {
        const trajectory = everything(() => ({ iou: 0.5, seed: 0 }));
        const asked = { ...trajectory, header: { ...trajectory.header, query } };
        for (const { visible } of visibleTurns(asked)) {
          const thought = templateThought(visible, seed);
          expect(leaksOf(thought, visible), thought).toEqual([]);
          expect(thought).not.toMatch(/[{}]name|undefined/);
        }
      }),
    );
  });

  it('repeat themselves for a seed and vary over seeds', () => {
    const trajectory = everything(() => ({ iou: 0.5, seed: 0 }));
    expect(thoughtsOf(trajectory, 3)).toEqual(thoughtsOf(trajectory, 3));
    const different = new Set(Array.from({ length: 20 }, (_, seed) => thoughtsOf(trajectory, seed).join()));
    expect(different.size).toBeGreaterThan(15);
    for (const templates of Object.values(thoughtTemplates)) {
      expect(new Set(templates).size).toBe(templates.length);
    }
  });

  it('say where a box lies, and what a point does', () => {
    const trajectory = settled(
      withTurns(emptyTrajectory({ query: 'the cup' }), null, [
        { call: box, rows: 30 },
        { call: farBox, rows: 30 },
      ]),
    );
    const [first = '', second = ''] = thoughtsOf(trajectory, 0);
    expect(first).toMatch(/upper left|middle|the cup/);
    expect(second).toContain('in the lower right corner');
  });
});

describe('the filter of thoughts', () => {
  const seen = (): VisibleTurn => {
    const trajectory = settled(
      withTurns(emptyTrajectory({ query: 'the 12 cups' }), null, [
        {
          call: box,
          rows: 30,
          observation: { text: 'Object 1 (active): box 10 10 500 480, area 46.9 %, predicted IoU 0.91.' },
        },
        { call: point, rows: 32 },
      ]),
    );
    const turn = visibleTurns(trajectory)[1];
    if (!turn) throw new Error('no turn');
    return turn.visible;
  };

  it.each([
    ['The mask misses its lower part.', []],
    ['It covers 46.9 % of the image, about 47 %, with a predicted IoU of 0.91.', []],
    ['Of the 12 cups the first 2 are covered; the box was 10 10 500 500.', []],
    ['   ', ['empty']],
    ['x'.repeat(601), ['too_long']],
    ['The ground truth goes on below.', ['forbidden_word']],
    ['The ground-truth mask is larger.', ['forbidden_word']],
    ['According to the annotation it is a cup.', ['forbidden_word']],
    ['The IoU is low.', ['forbidden_word']],
    ['I was told to click here.', ['forbidden_word']],
    ['The next call is a click.', ['forbidden_word']],
    // The point that is about to be called has not been shown by anything yet.
    ['I click at 300, 301.', ['unseen_number', 'unseen_number']],
    ['The IoU with the true mask is 0.83.', ['forbidden_word', 'forbidden_word', 'unseen_number']],
  ])('%s', (thought, kinds) => {
    expect(
      leaksOf(thought, seen())
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual([...kinds].sort());
  });

  it('lets the words of the query be said', () => {
    const visible = { ...seen(), query: 'the oracle in the temple' };
    expect(leaksOf('I see the oracle on the left.', visible)).toEqual([]);
  });
});

describe('plans of the simulated annotator', () => {
  it('follow the shares of the mix, by seed', () => {
    const plans = Array.from({ length: 4000 }, (_, seed) => drawPlan(defaultAnnotatorMix, seed * 7919));
    const share = (of: (plan: (typeof plans)[number]) => boolean): number => plans.filter(of).length / 4000;
    expect(share(({ wrongFirst }) => wrongFirst)).toBeCloseTo(0.15, 1);
    expect(share(({ start }) => start === 'point')).toBeCloseTo(0.1, 1);
    expect(share(({ zoomBelow }) => zoomBelow > 0)).toBeCloseTo(0.8, 1);
    expect(share(({ targetIou }) => targetIou <= 0.85)).toBeCloseTo(0.1, 1);
    expect(share(({ lateClicks }) => lateClicks > 0)).toBeCloseTo(0.08, 1);
    for (const { boxJitter, clickJitter } of plans) {
      expect(boxJitter).toBeLessThanOrEqual(0.06);
      expect(clickJitter).toBeLessThanOrEqual(0.3);
    }
    expect(drawPlan(defaultAnnotatorMix, 5)).toEqual(plans[0] && drawPlan(defaultAnnotatorMix, 5));
  });

  it('leave all else alone when one share changes', () => {
    const changed = parseAnnotatorMix({ wrongFirst: 1 });
    for (let seed = 0; seed < 50; seed++) {
      expect(drawPlan(changed, seed)).toEqual({ ...drawPlan(defaultAnnotatorMix, seed), wrongFirst: true });
    }
  });

  it('are refused by the name of the field', () => {
    expect(() => parseAnnotatorMix({ wrong: 1 })).toThrow(/wrong/);
    expect(() => parseAnnotatorMix({ zoom: 2 })).toThrow(/zoom/);
    expect(() => parseAnnotatorMix({ boxJitter: [0.2, 0.1] })).toThrow(/boxJitter/);
  });
});

describe('filters', () => {
  const episode = (key: string, change: Partial<EpisodeSummary> = {}): EpisodeSummary => ({
    key,
    image: 'a.jpg',
    query: 'q',
    calls: ['a', 'b'],
    ious: [0.9, 0.9],
    tools: ['segment_box', 'finish'],
    finalIou: 0.9,
    invalidCalls: 0,
    segmentations: 1,
    isTruncated: false,
    unusable: null,
    underLoss: 2,
    loweredUnderLoss: 0,
    reward: 1,
    fingerprint: key,
    ...change,
  });
  const open = { ...defaultFilterOptions, maxLengthShare: 1, maxToolsShare: 1 };

  it('tell the first reason that holds', () => {
    const { kept, dropped } = filterEpisodes(
      [
        episode('good'),
        episode('low', { finalIou: 0.69 }),
        episode('cut', { isTruncated: true }),
        episode('wild', { invalidCalls: 2 }),
        episode('slow', { segmentations: 8 }),
        episode('empty', { unusable: 'nothing_to_learn' }),
        episode('again', { fingerprint: 'good' }),
        episode('unknown', { finalIou: null }),
        episode('none', { finalIou: 1, segmentations: 0, tools: ['report_no_target'] }),
      ],
      open,
    );
    expect(kept.map(({ key }) => key)).toEqual(['good', 'unknown', 'none']);
    expect(dropped.map(({ key, reason }) => [key, reason])).toEqual([
      ['low', 'low_iou'],
      ['cut', 'truncated'],
      ['wild', 'invalid_calls'],
      ['slow', 'low_gain'],
      ['empty', 'nothing_to_learn'],
      ['again', 'duplicate'],
    ]);
    expect(
      filterEpisodes([episode('cut', { isTruncated: true })], { ...open, keepTruncated: true }).dropped,
    ).toEqual([]);
  });

  it('keep no more of a length or of a set of tools than their quota, by seed', () => {
    const short = Array.from({ length: 80 }, (_, i) => episode(`short ${i}`));
    const long = Array.from({ length: 20 }, (_, i) =>
      episode(`long ${i}`, { calls: ['a', 'b', 'c'], tools: ['segment_box', 'add_point', 'finish'] }),
    );
    const all = [...short, ...long];
    const { kept, dropped } = filterEpisodes(all, { ...open, maxToolsShare: 0.6 });
    // 30 of 50 are 60 %.
    expect(kept).toHaveLength(50);
    expect(kept.filter((one) => toolSet(one) === 'segment_box + finish')).toHaveLength(30);
    expect(
      dropped.every(({ reason, detail }) => reason === 'tools_quota' && detail === 'segment_box + finish'),
    ).toBe(true);
    // Two lengths cannot be 30 % each: they are kept in equal shares.
    const byLength = filterEpisodes(all, { ...open, maxLengthShare: 0.3 });
    expect(byLength.kept).toHaveLength(40);
    expect(byLength.kept.map(({ key }) => key).filter((key) => key.startsWith('short'))).toHaveLength(20);
    expect(filterEpisodes(all, { ...open, maxLengthShare: 0.3 })).toEqual(byLength);
    const other = filterEpisodes(all, { ...open, maxLengthShare: 0.3, seed: 2 });
    expect(other.kept.map(({ key }) => key)).not.toEqual(byLength.kept.map(({ key }) => key));
  });

  it('balance what is kept by both quotas at once, and drop all of no group', () => {
    const many = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 3 })), {
      minLength: 1,
      maxLength: 60,
    });
    const shares = fc.double({ min: 0.1, max: 1, noNaN: true });
    fc.assert(
      fc.property(many, shares, shares, (shapes, maxLengthShare, maxToolsShare) => {
        const sets = [['finish'], ['segment_box'], ['add_point'], ['zoom', 'finish']];
        const all = shapes.map(([length, set], i) =>
          episode(`e${i}`, { calls: Array(length).fill('a'), tools: sets[set] ?? [] }),
        );
        const { kept, dropped } = filterEpisodes(all, { ...open, maxLengthShare, maxToolsShare });
        expect(kept.length).toBeGreaterThan(0);
        expect(kept.length + dropped.length).toBe(all.length);
        for (const [share, groupOf] of [
          [maxLengthShare, (one: EpisodeSummary) => `${one.calls.length}`],
          [maxToolsShare, toolSet],
        ] as const) {
          const names = kept.map(groupOf);
          const most = Math.max(share, 1 / new Set(names).size) * kept.length + 1e-6;
          for (const name of names) {
            expect(names.filter((other) => other === name).length).toBeLessThanOrEqual(most);
          }
        }
      }),
    );
    const alike = Array.from({ length: 7 }, (_, i) => episode(`e${i}`));
    expect(filterEpisodes(alike, defaultFilterOptions).kept).toHaveLength(7);
  });

  it('summarise an episode with its turns under loss and its reward', () => {
    const trajectory = settled(
      withTurns(emptyTrajectory(), null, [
        { call: box, rows: 30, node: { iou: 0.6 } },
        { call: point, rows: 20, node: { iou: 0.5 } },
        { call: revertTo(1), rows: 30, node: { iou: 0.6 } },
        { call: finish, rows: 30, node: { iou: 0.6, ended: 'finished' } },
      ]),
    );
    const summary = summaryOfEpisode('k', trajectory);
    expect(summary).toMatchObject({ underLoss: 3, loweredUnderLoss: 0, segmentations: 2, finalIou: 0.6 });
    // Worked out by hand: 0.2 + 0.8 · (0.675 − 0.03 + 0.1 · (0.6 + 0.1))
    expect(summary.reward).toBeCloseTo(0.2 + 0.8 * 0.715, 9);
  });
});
