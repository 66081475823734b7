import type { Trajectory, TrajectoryNode, Verdict } from '@shared/trajectory/schema';
import { childrenOf, findNode, isDiscarded, pathTo, verdictOf } from '@shared/trajectory/tree';

/** One turn as the agent panel lists it. */
export interface TurnItem {
  node: TrajectoryNode;
  /** 1 for the first turn. */
  turn: number;
  /** `path`: leads to the head, `ahead`: after the head on the same branch, `branch`: replaced by another turn. */
  place: 'path' | 'ahead' | 'branch';
  verdict: Verdict | undefined;
  /** Turns that hang below a branch and are not listed; `last` is where they end. */
  hidden: { count: number; last: string } | null;
}

/**
 * The turns in reading order: the path through the head and on to its latest continuation; each turn preceded by
 * the siblings that it replaced.
 */
export function timeline(trajectory: Trajectory, head: string | null): TurnItem[] {
  const items: TurnItem[] = [];
  const path = new Set(pathTo(trajectory, head).map((node) => node.id));
  let parent: string | null = null;
  for (let turn = 1; ; turn++) {
    const children: TrajectoryNode[] = childrenOf(trajectory, parent);
    if (children.length === 0) return items;
    const next: TrajectoryNode | undefined =
      children.find((node) => path.has(node.id)) ?? continuation(trajectory, children);
    for (const node of children) {
      if (node === next) continue;
      items.push({
        node,
        turn,
        place: 'branch',
        verdict: verdictOf(trajectory, node.id),
        hidden: below(trajectory, node),
      });
    }
    if (!next) return items;
    items.push({
      node: next,
      turn,
      place: path.has(next.id) ? 'path' : 'ahead',
      verdict: verdictOf(trajectory, next.id),
      hidden: null,
    });
    parent = next.id;
  }
}

function continuation(
  trajectory: Trajectory,
  children: readonly TrajectoryNode[],
): TrajectoryNode | undefined {
  const run = children.filter((node) => node.observation !== null);
  return run.filter((node) => !isDiscarded(trajectory, node.id)).at(-1) ?? run.at(-1);
}

function below(trajectory: Trajectory, node: TrajectoryNode): TurnItem['hidden'] {
  let last = node.id;
  let count = 0;
  for (;;) {
    const next = continuation(trajectory, childrenOf(trajectory, last));
    if (!next) return count === 0 ? null : { count, last };
    last = next.id;
    count++;
  }
}

/** Depth of a node, 1 for a first turn; 0 for none. */
export function turnOf(trajectory: Trajectory, id: string | null): number {
  return id !== null && findNode(trajectory, id) ? pathTo(trajectory, id).length : 0;
}
