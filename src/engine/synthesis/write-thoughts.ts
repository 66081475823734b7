import { hashText } from '@shared/random';
import { leaksOf } from '@shared/synthesis/leaks';
import { namedThought } from '@shared/synthesis/named-thoughts';
import type { Naming } from '@shared/synthesis/naming';
import type { ThoughtSource } from '@shared/synthesis/thought-source';
import { templateThought } from '@shared/synthesis/thoughts';
import { type VisibleTurn, visibleTurns } from '@shared/synthesis/visible';
import { formatTurn } from '@shared/tools/prompt-text';
import type { Trajectory } from '@shared/trajectory/schema';
import type { WrittenThought } from './thought-log';

export interface WithThoughts {
  trajectory: Trajectory;
  counts: Record<ThoughtSource, number>;
}

/**
 * The trajectory with the thoughts that it is to be exported with. A teacher's where it wrote one; else the agent's own,
 * unless it is empty or says what nobody could see; else one from a template. The simulated annotator has none of its
 * own. Where things have names the template's thought names them. Only a thought is changed, and of a simulated turn the text that is made of it: an agent's stays as it came.
 */
export function withThoughts(
  trajectory: Trajectory,
  written: ReadonlyMap<string, WrittenThought> | undefined,
  seed: number,
  naming: Naming | undefined,
): WithThoughts {
  const counts: Record<ThoughtSource, number> = { template: 0, own: 0, teacher: 0, fallback: 0 };
  const visible = new Map(visibleTurns(trajectory).map(({ node, visible }) => [node, visible]));
  const nodes = trajectory.nodes.map((node) => {
    const seen = visible.get(node.id);
    if (!seen) return node;
    const chosen = written?.get(node.id) ?? thoughtOf(node, seen, seedOf(trajectory, seed), naming);
    counts[chosen.by] += 1;
    const raw = node.author === 'simulator' ? formatTurn(chosen.thought, node.call) : node.raw;
    return { ...node, thought: chosen.thought, raw };
  });
  return { trajectory: { ...trajectory, nodes }, counts };
}

function thoughtOf(
  node: Trajectory['nodes'][number],
  visible: VisibleTurn,
  seed: number,
  naming: Naming | undefined,
): WrittenThought {
  const isSimulated = node.author === 'simulator';
  // An agent that was not shown the answer may name the coordinates that it calls.
  const leaks = isSimulated
    ? []
    : leaksOf(node.thought, visible).filter(({ kind }) => kind === 'empty' || kind === 'forbidden_word');
  if (!isSimulated && leaks.length === 0) return { thought: node.thought, by: 'own' };
  return { thought: ownThought(visible, seed, naming), by: isSimulated ? 'template' : 'fallback' };
}

/** What is written where nobody else wrote a thought. */
export function ownThought(visible: VisibleTurn, seed: number, naming: Naming | undefined): string {
  return naming ? namedThought(visible, naming) : templateThought(visible, seed);
}

/** Of the thoughts of one trajectory. */
export function seedOf(trajectory: Trajectory, seed: number): number {
  return hashText(`${seed} ${trajectory.header.id}`);
}
