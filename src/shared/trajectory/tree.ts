import type {
  Author,
  Observation,
  Outcome,
  Trajectory,
  TrajectoryHeader,
  TrajectoryNode,
  Verdict,
} from './schema';

/** Operations on the append-only tree of turns. All are pure: they return a new trajectory. */

export function newTrajectory(header: TrajectoryHeader, root: Observation): Trajectory {
  return {
    header,
    root,
    nodes: [],
    verdicts: [],
    outcome: { status: 'open', node: null, masks: [], category: null, message: null },
  };
}

/** The id that the next appended node gets. Ids count up, so that a file reads in the order of events. */
export function nextNodeId(trajectory: Trajectory): string {
  return `n${trajectory.nodes.length + 1}`;
}

/** @throws Error when the node's id is taken or its parent is unknown. */
export function appendNode(trajectory: Trajectory, node: TrajectoryNode): Trajectory {
  if (findNode(trajectory, node.id)) throw new Error(`Trajectory already has a node ${node.id}`);
  if (node.parent !== null) nodeById(trajectory, node.parent);
  return { ...trajectory, nodes: [...trajectory.nodes, node] };
}

/** @throws Error when the verdict names a node that the trajectory does not have. */
export function appendVerdict(trajectory: Trajectory, verdict: Verdict): Trajectory {
  nodeById(trajectory, verdict.node);
  if (verdict.replacement !== null) nodeById(trajectory, verdict.replacement);
  return { ...trajectory, verdicts: [...trajectory.verdicts, verdict] };
}

export function withOutcome(trajectory: Trajectory, outcome: Outcome): Trajectory {
  return { ...trajectory, outcome };
}

export function findNode(trajectory: Trajectory, id: string): TrajectoryNode | undefined {
  return trajectory.nodes.find((node) => node.id === id);
}

export function nodeById(trajectory: Trajectory, id: string): TrajectoryNode {
  const node = findNode(trajectory, id);
  if (!node) throw new Error(`Trajectory has no node ${id}`);
  return node;
}

/** Children in the order in which they were made; of null: the first turns. */
export function childrenOf(trajectory: Trajectory, id: string | null): TrajectoryNode[] {
  return trajectory.nodes.filter((node) => node.parent === id);
}

/** The turns from the first to the node, both included; empty for null. */
export function pathTo(trajectory: Trajectory, id: string | null): TrajectoryNode[] {
  const path: TrajectoryNode[] = [];
  for (let current = id; current !== null; ) {
    const node = nodeById(trajectory, current);
    path.push(node);
    current = node.parent;
  }
  return path.reverse();
}

/** The observation that a policy sees at a node: its own, or the root's for null. */
export function observationAt(trajectory: Trajectory, id: string | null): Observation {
  if (id === null) return trajectory.root;
  const { observation } = nodeById(trajectory, id);
  if (!observation) throw new Error(`Node ${id} was never run, so nothing was observed there`);
  return observation;
}

/** The verdict that counts: the last one about the node. */
export function verdictOf(trajectory: Trajectory, id: string): Verdict | undefined {
  return trajectory.verdicts.filter((verdict) => verdict.node === id).at(-1);
}

/**
 * The path that is the trajectory's answer: to the outcome's node, else down the latest branch that was run and
 * not rejected or replaced.
 */
export function acceptedPath(trajectory: Trajectory): TrajectoryNode[] {
  if (trajectory.outcome.node !== null) return pathTo(trajectory, trajectory.outcome.node);
  let head: string | null = null;
  for (;;) {
    const next = childrenOf(trajectory, head)
      .filter((node) => node.observation !== null && !isDiscarded(trajectory, node.id))
      .at(-1);
    if (!next) return pathTo(trajectory, head);
    head = next.id;
  }
}

/** Whether a person rejected or replaced the node. */
export function isDiscarded(trajectory: Trajectory, id: string): boolean {
  const verdict = verdictOf(trajectory, id)?.verdict;
  return verdict === 'rejected' || verdict === 'corrected';
}

/** Who made the turns of a path: one author, or `human` as soon as a person had a hand in it. */
export function authorOfPath(path: readonly TrajectoryNode[]): Author {
  if (path.some((node) => node.author === 'human')) return 'human';
  return path[0]?.author ?? 'human';
}
