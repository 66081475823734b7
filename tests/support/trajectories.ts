import { createBitmap } from '@shared/mask/bitmap';
import { encodeMask, type Rle } from '@shared/mask/rle';
import type { RawCall } from '@shared/tools/definitions';
import type { Observation, Outcome, Trajectory, TrajectoryNode, Verdict } from '@shared/trajectory/schema';
import { appendNode, appendVerdict, newTrajectory, nextNodeId, withOutcome } from '@shared/trajectory/tree';

/** Trajectories made by hand: an image of 64×64, masks that are its first rows of pixels. */

export const someTime = '2026-01-01T00:00:00.000Z';

/** The first `rows` rows of the 64×64 image. */
export function rowsMask(rows: number): Rle {
  const mask = createBitmap(64, 64);
  mask.data.fill(1, 0, rows * 64);
  return encodeMask(mask);
}

function observationOf(turn: number, rows: number | null, change: Partial<Observation> = {}): Observation {
  const mask = rows === null ? null : rowsMask(rows);
  return {
    text: `Turn ${turn} of 8, ${8 - turn} left.`,
    view: { box: { x1: 0, y1: 0, x2: 64, y2: 64 }, width: 256, height: 256 },
    objects: [{ id: 1, box: null, points: [], mask, predictedIou: null }],
    activeObject: 1,
    turn,
    turnsLeft: 8 - turn,
    ...change,
  };
}

/** A trajectory without turns. */
export function emptyTrajectory(change: Partial<Trajectory['header']> = {}): Trajectory {
  return newTrajectory(
    {
      schemaVersion: 1,
      id: 't',
      createdAt: someTime,
      application: { name: 'Maskwright', version: '0' },
      image: { hash: 'h', name: 'a.png', width: 64, height: 64 },
      query: 'the cup',
      coordinates: 'norm1000',
      prompt: 'full',
      viewPixels: null,
      turnBudget: 8,
      policy: { kind: 'test', name: 'test' },
      segmenter: { name: 'test', signature: 'sam1' },
      view: { multiple: 32, minPixels: 65_536, maxPixels: 589_824 },
      overlay: { activeColor: [0, 255, 0], otherColor: [0, 0, 255], alpha: 0.5, contourPx: 2, markerPx: 6 },
      seed: null,
      ...change,
    },
    observationOf(0, null),
  );
}

/** A turn to append: its call, the mask after it in rows of pixels, and what else is to be said. */
export interface HandMadeTurn {
  call: RawCall | null;
  rows?: number | null;
  node?: Partial<TrajectoryNode>;
  observation?: Partial<Observation>;
}

/** Appends turns one behind the other, the first to `parent`. */
export function withTurns(
  trajectory: Trajectory,
  parent: string | null,
  turns: readonly HandMadeTurn[],
): Trajectory {
  let grown = trajectory;
  let last = parent;
  let depth = 0;
  for (let at = parent; at !== null; at = grown.nodes.find(({ id }) => id === at)?.parent ?? null) depth += 1;
  for (const turn of turns) {
    const id = nextNodeId(grown);
    depth += 1;
    grown = appendNode(grown, {
      id,
      parent: last,
      author: 'simulator',
      thought: `thought ${id}`,
      call: turn.call,
      raw: '',
      observation: observationOf(depth, turn.rows ?? null, turn.observation),
      invalid: null,
      ended: null,
      timings: { policyMs: 0, environmentMs: 0 },
      usage: {},
      iou: null,
      at: someTime,
      ...turn.node,
    });
    last = id;
  }
  return grown;
}

export function withVerdict(trajectory: Trajectory, node: string, change: Partial<Verdict>): Trajectory {
  return appendVerdict(trajectory, {
    node,
    verdict: 'rejected',
    by: 'human',
    replacement: null,
    reason: null,
    at: someTime,
    ...change,
  });
}

/** Settles a trajectory at its last node, or at the one given. */
export function settled(trajectory: Trajectory, change: Partial<Outcome> = {}): Trajectory {
  return withOutcome(trajectory, {
    status: 'finished',
    node: trajectory.nodes.at(-1)?.id ?? null,
    masks: [],
    category: null,
    message: null,
    ...change,
  });
}

export const box: RawCall = { name: 'segment_box', arguments: { x1: 10, y1: 10, x2: 500, y2: 500 } };
export const point: RawCall = { name: 'add_point', arguments: { x: 300, y: 300, label: 'positive' } };
export const zoomOut: RawCall = { name: 'zoom_out', arguments: {} };
export const finish: RawCall = { name: 'finish', arguments: {} };
export const noTarget: RawCall = { name: 'report_no_target', arguments: {} };
export const revertTo = (turn: number): RawCall => ({ name: 'revert', arguments: { turn } });
