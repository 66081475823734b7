import type { Coordinates } from '../geometry/view';
import type { RawCall } from '../tools/definitions';
import type { Observation, Trajectory } from '../trajectory/schema';
import { acceptedPath } from '../trajectory/tree';

/** A call that was made, and what was seen after it. */
export interface SeenTurn {
  call: RawCall | null;
  observation: Observation;
}

/**
 * All that a policy has seen when it makes a call, and the call. Thoughts are written from this and nothing else, so
 * they cannot tell what only the ground truth knows: no IoU, outcome, verdict or later turn is in here.
 */
export interface VisibleTurn {
  query: string;
  coordinates: Coordinates;
  /** The observation of the reset. */
  start: Observation;
  /** The turns before this one. */
  earlier: readonly SeenTurn[];
  call: RawCall;
}

/** What was visible at each turn of the accepted path that made a call, with the turn's node. */
export function visibleTurns(trajectory: Trajectory): { node: string; visible: VisibleTurn }[] {
  const { header, root } = trajectory;
  const seen: SeenTurn[] = [];
  return acceptedPath(trajectory).flatMap(({ id, call, observation }) => {
    if (observation === null) return [];
    const earlier = [...seen];
    seen.push({ call, observation });
    if (call === null) return [];
    const visible = { query: header.query, coordinates: header.coordinates, start: root, earlier, call };
    return [{ node: id, visible }];
  });
}

/** The observation that the call answers. */
export function observationBefore({ start, earlier }: VisibleTurn): Observation {
  return earlier.at(-1)?.observation ?? start;
}
