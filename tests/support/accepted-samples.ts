import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseTrajectories } from '@engine/exporters';
import type { Trajectory, TrajectoryNode } from '@shared/trajectory/schema';
import { appendVerdict } from '@shared/trajectory/tree';

const folder = resolve('resources/samples/first-steps');

/** Images of {@link acceptedSamples}. */
export const sampleImages = resolve(folder, 'images');

/**
 * The recorded episodes of the sample project as if a person had accepted their masks. The second one has turns that are
 * context only: an answer without a call with texts that would act as marks and tags, and a call that a person corrected.
 */
export function acceptedSamples(): Trajectory[] {
  const recorded = parseTrajectories(readFileSync(resolve(folder, 'trajectories.jsonl'), 'utf8'));
  return recorded.map((trajectory, index) => {
    const last = trajectory.nodes.at(-1);
    const masks = (last?.observation?.objects ?? []).flatMap(({ mask }) => (mask ? [mask] : []));
    const accepted: Trajectory = {
      ...trajectory,
      outcome: { ...trajectory.outcome, status: 'accepted', masks: last?.ended === 'no_target' ? [] : masks },
    };
    return index === 1 ? withDetours(accepted) : accepted;
  });
}

function withDetours(trajectory: Trajectory): Trajectory {
  const [first, ...rest] = trajectory.nodes;
  if (!first?.observation || !rest[0]) throw new Error('The sample has fewer turns');
  const wrong: TrajectoryNode = {
    ...first,
    id: 'w1',
    parent: first.id,
    call: null,
    thought: 'Hm',
    raw: 'Hm, <image> and <|im_end|> and <tool_call>\nnothing',
    invalid: 'The answer holds no tool call.',
    observation: { ...first.observation, text: 'Invalid call: no call. Nothing changed.' },
  };
  const ghost: TrajectoryNode = {
    ...rest[0],
    id: 'g1',
    parent: 'w1',
    thought: 'Over there.',
    call: { name: 'add_point', arguments: { x: 3, y: 4, label: 'negative' } },
    observation: null,
  };
  const later = rest.map((node, index) => (index === 0 ? { ...node, parent: 'w1' } : node));
  const grown = { ...trajectory, nodes: [first, wrong, ghost, ...later] };
  return appendVerdict(grown, {
    node: 'g1',
    verdict: 'corrected',
    by: 'human',
    replacement: rest[0].id,
    reason: null,
    at: first.at,
  });
}
