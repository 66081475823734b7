import type { Trajectory, TrajectoryNode } from '@shared/trajectory/schema';
import { pathTo } from '@shared/trajectory/tree';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { iouChange, lineThrough, timeline, turnOf } from './timeline';

const at = '2026-01-01T00:00:00.000Z';

function observed(predictedIou: number | null, activeObject = 1): Trajectory['root'] {
  return {
    text: '',
    view: { box: { x1: 0, y1: 0, x2: 8, y2: 8 }, width: 256, height: 256 },
    objects: [{ id: activeObject, box: null, points: [], mask: null, predictedIou }],
    activeObject,
    turn: 0,
    turnsLeft: 8,
  };
}

/** Each node as [parent, ran?]; ids count up from n1. */
function treeOf(
  parents: readonly (readonly [parent: string | null, ran?: boolean])[],
  verdicts: readonly (readonly [string, 'accepted' | 'corrected' | 'rejected'])[] = [],
): Trajectory {
  const nodes = parents.map(
    ([parent, ran = true], index): TrajectoryNode => ({
      id: `n${index + 1}`,
      parent,
      author: 'agent',
      thought: '',
      call: null,
      raw: '',
      observation: ran ? observed(0.5) : null,
      invalid: null,
      ended: null,
      timings: { policyMs: 0, environmentMs: 0 },
      usage: {},
      iou: null,
      at,
    }),
  );
  return {
    header: {
      schemaVersion: 1,
      id: 't',
      createdAt: at,
      application: { name: 'Maskwright', version: '0' },
      image: { hash: 'h', name: 'a.jpg', width: 8, height: 8 },
      query: '',
      coordinates: 'norm1000',
      prompt: 'full',
      viewPixels: null,
      turnBudget: 8,
      policy: { kind: 'test', name: 'test' },
      segmenter: { name: 'test', signature: 'sam1' },
      view: { multiple: 32, minPixels: 1, maxPixels: 1 },
      overlay: { activeColor: [0, 0, 0], otherColor: [0, 0, 0], alpha: 0.5, contourPx: 1, markerPx: 1 },
      seed: null,
    },
    root: observed(null),
    nodes,
    verdicts: verdicts.map(([node, verdict]) => ({
      node,
      verdict,
      by: 'human',
      replacement: null,
      reason: null,
      at,
    })),
    outcome: { status: 'open', node: null, masks: [], category: null, message: null },
  };
}

const rows = (trajectory: Trajectory, head: string | null, expanded?: ReadonlySet<string>): string[] =>
  timeline(trajectory, head, expanded).map(
    ({ node, turn, depth, place }) => `${depth} ${node.id} ${turn} ${place}`,
  );

describe('timeline', () => {
  // n1 – n2 – n4, and n3 (with n5, n6 behind it) in place of n2; n7 is a ghost that was rejected after n4.
  const forked = treeOf(
    [[null], ['n1'], ['n1'], ['n2'], ['n3'], ['n5'], ['n4', false]],
    [
      ['n3', 'corrected'],
      ['n7', 'rejected'],
    ],
  );

  it('lists branches below the turn that took their place, indented', () => {
    expect(rows(forked, 'n4')).toEqual([
      '0 n1 1 path',
      '0 n2 2 path',
      '1 n3 2 branch',
      '0 n4 3 path',
      '1 n7 4 branch',
    ]);
    const n3 = timeline(forked, 'n4').find(({ node }) => node.id === 'n3');
    expect(n3?.branch).toEqual({ later: 2, last: 'n6' });
    expect(timeline(forked, 'n4').at(-1)?.branch).toEqual({ later: 0, last: null });
  });

  it('lists the later turns of a branch when it is expanded', () => {
    expect(rows(forked, 'n4', new Set(['n3']))).toEqual([
      '0 n1 1 path',
      '0 n2 2 path',
      '1 n3 2 branch',
      '1 n5 3 branch',
      '1 n6 4 branch',
      '0 n4 3 path',
      '1 n7 4 branch',
    ]);
  });

  it('shows what lies ahead of the head, and follows the head into a branch', () => {
    expect(rows(forked, 'n1')).toContain('0 n2 2 ahead');
    expect(rows(forked, 'n6')).toEqual([
      '0 n1 1 path',
      '0 n3 2 path',
      '1 n2 2 branch',
      '0 n5 3 path',
      '0 n6 4 path',
    ]);
  });

  it('scrubs through the branch that is looked at', () => {
    expect(lineThrough(forked, null, 'n4')).toEqual(['n1', 'n2', 'n4']);
    expect(lineThrough(forked, 'n5', 'n4')).toEqual(['n1', 'n3', 'n5', 'n6']);
    expect(turnOf(forked, 'n6')).toBe(4);
  });

  it('lists every turn once when all is expanded, whatever the tree', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 25 }),
        fc.nat(),
        (choices, pick) => {
          const parents: (readonly [string | null, boolean])[] = [];
          const ran: (string | null)[] = [null];
          for (const [choice, runs] of choices) {
            parents.push([ran[choice % ran.length] ?? null, runs]);
            if (runs) ran.push(`n${parents.length}`);
          }
          const tree = treeOf(parents);
          const head = ran[pick % ran.length] ?? null;
          const all = timeline(tree, head, new Set(tree.nodes.map(({ id }) => id)));
          expect(all.map(({ node }) => node.id).sort()).toEqual(tree.nodes.map(({ id }) => id).sort());
          expect(all.filter(({ place }) => place === 'path').map(({ node }) => node.id)).toEqual(
            pathTo(tree, head).map(({ id }) => id),
          );
          for (const { node, turn } of all) expect(turn).toBe(turnOf(tree, node.id));
        },
      ),
    );
  });

  it('says by how much a turn changed the predicted IoU of the same object', () => {
    const tree = treeOf([[null], ['n1'], ['n2']]);
    const [first, second, third] = tree.nodes;
    if (!first || !second || !third) throw new Error('three nodes');
    second.observation = observed(0.75);
    third.observation = observed(0.9, 2);
    expect(iouChange(tree, first)).toBeNull();
    expect(iouChange(tree, second)).toBeCloseTo(0.25);
    expect(iouChange(tree, third)).toBeNull();
  });
});
