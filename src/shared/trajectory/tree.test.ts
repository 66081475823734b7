import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTrajectory } from './migrations';
import type { Trajectory, TrajectoryNode } from './schema';
import {
  acceptedPath,
  appendNode,
  appendVerdict,
  authorOfPath,
  childrenOf,
  newTrajectory,
  nextNodeId,
  pathTo,
  verdictOf,
  withOutcome,
} from './tree';

const at = '2026-01-01T00:00:00.000Z';
const observation: Trajectory['root'] = {
  text: 'Turn 0 of 8, 8 left.',
  view: { box: { x1: 0, y1: 0, x2: 64, y2: 64 }, width: 256, height: 256 },
  objects: [{ id: 1, box: null, points: [], mask: null, predictedIou: null }],
  activeObject: 1,
  turn: 0,
  turnsLeft: 8,
};

function empty(): Trajectory {
  return newTrajectory(
    {
      schemaVersion: 1,
      id: 't',
      createdAt: at,
      application: { name: 'Maskwright', version: '0' },
      image: { hash: 'h', name: 'a.jpg', width: 64, height: 64 },
      query: 'the cup',
      coordinates: 'norm1000',
      prompt: 'full',
      viewPixels: null,
      turnBudget: 8,
      policy: { kind: 'test', name: 'test' },
      segmenter: { name: 'test', signature: 'sam1' },
      view: { multiple: 32, minPixels: 1, maxPixels: 1 },
      overlay: { activeColor: [0, 255, 0], otherColor: [0, 0, 255], alpha: 0.5, contourPx: 2, markerPx: 6 },
      seed: null,
    },
    observation,
  );
}

function grow(
  trajectory: Trajectory,
  parent: string | null,
  change: Partial<TrajectoryNode> = {},
): Trajectory {
  return appendNode(trajectory, {
    id: nextNodeId(trajectory),
    parent,
    author: 'agent',
    thought: '',
    call: { name: 'finish', arguments: {} },
    raw: '',
    observation,
    invalid: null,
    ended: null,
    timings: { policyMs: 0, environmentMs: 0 },
    usage: {},
    iou: null,
    at,
    ...change,
  });
}

describe('trajectory tree', () => {
  it('keeps the replaced call as a sibling and leads the accepted path around it', () => {
    let tree = grow(empty(), null);
    tree = grow(tree, 'n1', { observation: null });
    tree = grow(tree, 'n1', { author: 'human' });
    tree = appendVerdict(tree, {
      node: 'n2',
      verdict: 'corrected',
      by: 'human',
      replacement: 'n3',
      reason: null,
      at,
    });
    expect(childrenOf(tree, 'n1').map((node) => node.id)).toEqual(['n2', 'n3']);
    expect(acceptedPath(tree).map((node) => node.id)).toEqual(['n1', 'n3']);
    expect(authorOfPath(acceptedPath(tree))).toBe('human');
    expect(verdictOf(tree, 'n2')?.replacement).toBe('n3');
  });

  it('answers with the path to the accepted node, whatever came later', () => {
    let tree = grow(grow(empty(), null), 'n1');
    tree = withOutcome(tree, { status: 'accepted', node: 'n1', masks: [], category: 'cup', message: null });
    expect(acceptedPath(tree).map((node) => node.id)).toEqual(['n1']);
  });

  it('refuses unknown parents, taken ids and verdicts about nothing', () => {
    const tree = grow(empty(), null);
    expect(() => grow(tree, 'n9')).toThrow(/no node n9/);
    expect(() => grow(tree, null, { id: 'n1' })).toThrow(/already has/);
    expect(() =>
      appendVerdict(tree, {
        node: 'n7',
        verdict: 'accepted',
        by: 'human',
        replacement: null,
        reason: null,
        at,
      }),
    ).toThrow(/no node n7/);
  });

  it('never changes what was recorded, and every path leads to the root', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 30 }), (choices) => {
        let tree = empty();
        for (const choice of choices) {
          const before = tree.nodes;
          const parents = [null, ...before.map((node) => node.id)];
          tree = grow(tree, parents[choice % parents.length] ?? null);
          expect(tree.nodes.slice(0, before.length)).toEqual(before);
        }
        for (const node of tree.nodes) {
          const path = pathTo(tree, node.id);
          expect(path[0]?.parent).toBeNull();
          expect(path.at(-1)).toBe(node);
          for (let i = 1; i < path.length; i++) expect(path[i]?.parent).toBe(path[i - 1]?.id);
        }
        expect(parseTrajectory(JSON.parse(JSON.stringify(tree)))).toEqual(tree);
      }),
    );
  });

  it('says which field of a stored trajectory is wrong, and when it is too new', () => {
    expect(() => parseTrajectory({ header: { schemaVersion: 99 } })).toThrow(/version 99/);
    expect(() => parseTrajectory({})).toThrow(/header/);
    expect(() => parseTrajectory('rubbish')).toThrow(/Not a trajectory/);
  });
});
