import type { Observation, Trajectory, TrajectoryNode, Verdict } from '@shared/trajectory/schema';
import { childrenOf, findNode, onward, pathTo, verdictOf } from '@shared/trajectory/tree';

/** One turn as the agent panel lists it. */
export interface TurnItem {
  node: TrajectoryNode;
  /** 1 for the first turn. */
  turn: number;
  /** `path`: leads to the head, `ahead`: after the head on the same branch, `branch`: replaced by another turn. */
  place: 'path' | 'ahead' | 'branch';
  /** 0 on the path and ahead of it, 1 for what they replaced, 2 for what was replaced there, … */
  depth: number;
  verdict: Verdict | undefined;
  /** On the first turn of a branch: the turns behind it, and the last one that ran, to which a switch leads. */
  branch: { later: number; last: string | null } | null;
}

/**
 * The turns in reading order: the path through the head and on to its latest continuation; below each turn the
 * branches that start at the same place, with their later turns where they are expanded.
 *
 * @param expanded first nodes of the branches whose later turns are listed
 */
export function timeline(
  trajectory: Trajectory,
  head: string | null,
  expanded: ReadonlySet<string> = new Set(),
): TurnItem[] {
  const items: TurnItem[] = [];
  const path = new Set(pathTo(trajectory, head).map((node) => node.id));
  const list = (
    node: TrajectoryNode,
    turn: number,
    depth: number,
    branch: TurnItem['branch'] = null,
  ): void => {
    const place = depth > 0 ? 'branch' : path.has(node.id) ? 'path' : 'ahead';
    items.push({ node, turn, place, depth, verdict: verdictOf(trajectory, node.id), branch });
  };
  const others = (
    next: TrajectoryNode | undefined,
    parent: string | null,
    turn: number,
    depth: number,
  ): void => {
    for (const node of childrenOf(trajectory, parent)) {
      if (node.id === next?.id) continue;
      const later = node.observation ? onward(trajectory, node.id, null) : [];
      const last = later.at(-1) ?? (node.observation ? node : undefined);
      list(node, turn, depth + 1, { later: later.length, last: last?.id ?? null });
      if (expanded.has(node.id)) follow(node.id, later, turn + 1, depth + 1);
    }
  };
  const follow = (
    from: string | null,
    turns: readonly TrajectoryNode[],
    first: number,
    depth: number,
  ): void => {
    let parent = from;
    for (const [index, node] of turns.entries()) {
      list(node, first + index, depth);
      others(node, parent, first + index, depth);
      parent = node.id;
    }
    others(undefined, parent, first + turns.length, depth);
  };
  follow(null, onward(trajectory, null, head), 1, 0);
  return items;
}

/** The turns to scrub through when a turn is looked at: those that lead to it and those behind it, all run. */
export function lineThrough(trajectory: Trajectory, shown: string | null, head: string | null): string[] {
  const main = onward(trajectory, null, head);
  if (shown === null || main.some((node) => node.id === shown)) return main.map((node) => node.id);
  return [...pathTo(trajectory, shown), ...onward(trajectory, shown, head)].map((node) => node.id);
}

/** Depth of a node, 1 for a first turn; 0 for none. */
export function turnOf(trajectory: Trajectory, id: string | null): number {
  return id !== null && findNode(trajectory, id) ? pathTo(trajectory, id).length : 0;
}

/** Predicted IoU of the active object, 0..1; null without a mask. */
export function predictedIouOf(observation: Observation | null): number | null {
  const active = observation?.objects.find((object) => object.id === observation.activeObject);
  return active?.predictedIou ?? null;
}

/** By how much a turn changed the predicted IoU of the object that it worked on; null where there is nothing to compare. */
export function iouChange(trajectory: Trajectory, node: TrajectoryNode): number | null {
  const before = node.parent === null ? trajectory.root : findNode(trajectory, node.parent)?.observation;
  if (!before || !node.observation || before.activeObject !== node.observation.activeObject) return null;
  const [was, is] = [predictedIouOf(before), predictedIouOf(node.observation)];
  return was === null || is === null ? null : is - was;
}
