import { MaskwrightError } from '@shared/contract/errors';
import { conflictingConvention } from '@shared/tools/conventions';
import { toolNames } from '@shared/tools/definitions';
import type { Author, Trajectory, TrajectoryNode } from '@shared/trajectory/schema';
import { appendNode, nextNodeId } from '@shared/trajectory/tree';
import type { Environment, StepOptions, StepResult } from '../environment/environment';
import type { ObservationRenderer } from '../environment/observation-image';
import type { EnvironmentState } from '../environment/state';
import type { Policy, Proposal, ProposeOptions } from '../policies/policy';
import { promptAt, renderPrompt } from './prompt';

/** A proposal with the time that it took. */
export interface TimedProposal {
  proposal: Proposal;
  policyMs: number;
  askedAt?: string;
  /** The turn whose call this is, when a person has it run again. */
  repeats?: string;
}

/**
 * Asks a policy what to do at a node.
 *
 * @throws MaskwrightError CONFLICT where the trajectory was begun with other conventions than the policy's own, and as
 *   the policy does
 */
export async function propose(
  policy: Policy,
  trajectory: Trajectory,
  head: string | null,
  environment: Environment,
  state: EnvironmentState,
  renderer: ObservationRenderer,
  options: ProposeOptions = {},
): Promise<TimedProposal> {
  const { image, coordinates } = environment.options;
  const { prompt } = trajectory.header;
  if (conflictingConvention(policy.conventions ?? {}, trajectory.header)) {
    throw new MaskwrightError('CONFLICT', `${policy.identity.name} cannot go on with this episode.`, {
      hint: 'It works with other views than those that the episode was begun with. Start a new episode.',
    });
  }
  const messages = policy.readsPrompt
    ? await renderPrompt(promptAt(trajectory, head), trajectory, image, renderer)
    : [];
  const start = performance.now();
  const proposal = await policy.propose(
    { messages, tools: toolNames, coordinates, prompt, view: state.view, state },
    options,
  );
  return { proposal, policyMs: performance.now() - start };
}

/** Runs a proposal at a node and records the turn. */
export async function takeTurn(
  trajectory: Trajectory,
  parent: string | null,
  author: Author,
  timed: TimedProposal,
  environment: Environment,
  state: EnvironmentState,
  options: StepOptions = {},
): Promise<{ trajectory: Trajectory; node: TrajectoryNode; result: StepResult }> {
  const start = performance.now();
  const { proposal, policyMs } = timed;
  const result = await environment.step(state, proposal.call, { ...options, problem: proposal.problem });
  const node: TrajectoryNode = {
    ...ghostNode(trajectory, parent, author, timed),
    observation: result.observation,
    invalid: result.invalid,
    ended: result.state.ended,
    timings: { policyMs, environmentMs: performance.now() - start },
    iou: result.iou,
  };
  return { trajectory: appendNode(trajectory, node), node, result };
}

/** A turn that was proposed and never run: it keeps its place in the tree as a rejected sibling. */
export function ghostNode(
  trajectory: Trajectory,
  parent: string | null,
  author: Author,
  { proposal, policyMs, askedAt, repeats }: TimedProposal,
): TrajectoryNode {
  return {
    id: nextNodeId(trajectory),
    parent,
    author,
    thought: proposal.thought,
    call: proposal.call,
    raw: proposal.raw,
    observation: null,
    invalid: null,
    ended: null,
    timings: { policyMs, environmentMs: 0 },
    usage: proposal.usage,
    iou: null,
    ...(proposal.wrongOnPurpose === undefined ? {} : { wrongOnPurpose: proposal.wrongOnPurpose }),
    ...(repeats === undefined ? {} : { repeats }),
    ...(askedAt === undefined ? {} : { askedAt }),
    at: new Date().toISOString(),
  };
}
