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

/**
 * The turns that lie behind a node: towards the head where that lies behind it, and on down the latest branch that was
 * run and not rejected. Only turns that ran.
 *
 * @param id null: the turns of the whole line
 */
export function onward(trajectory: Trajectory, id: string | null, head: string | null): TrajectoryNode[] {
  const toHead = new Set(pathTo(trajectory, head).map((node) => node.id));
  const turns: TrajectoryNode[] = [];
  for (let at = id; ; ) {
    const children = childrenOf(trajectory, at).filter((node) => node.observation !== null);
    const next = children.find((node) => toHead.has(node.id)) ?? continuation(trajectory, children);
    if (!next) return turns;
    turns.push(next);
    at = next.id;
  }
}

/** Of several turns at one place the one that counts: the latest that was not rejected, else the latest. */
function continuation(trajectory: Trajectory, run: readonly TrajectoryNode[]): TrajectoryNode | undefined {
  return run.filter((node) => !isDiscarded(trajectory, node.id)).at(-1) ?? run.at(-1);
}

/** The tree as it was when the node's policy was asked, without what was made or decided since. */
export function asAsked(trajectory: Trajectory, id: string): Trajectory {
  const index = trajectory.nodes.findIndex((node) => node.id === id);
  const node = nodeById(trajectory, id);
  const asked = Date.parse(node.askedAt ?? node.at);
  const nodes = trajectory.nodes.slice(0, index);
  const known = new Set(nodes.map((earlier) => earlier.id));
  const verdicts = trajectory.verdicts.filter(
    (verdict) => known.has(verdict.node) && Date.parse(verdict.at) <= asked,
  );
  return { ...trajectory, nodes, verdicts };
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
