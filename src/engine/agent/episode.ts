import { encodeMask } from '@shared/mask/rle';
import { type AgentConventions, defaultConventions } from '@shared/tools/conventions';
import type { Outcome, Trajectory, TrajectoryHeader } from '@shared/trajectory/schema';
import { newTrajectory, withOutcome } from '@shared/trajectory/tree';
import { applicationName, applicationVersion } from '../application';
import type { Environment, StepResult } from '../environment/environment';
import type { ObservationRenderer } from '../environment/observation-image';
import { defaultOverlayStyle } from '../environment/overlay';
import { submittedMasks } from '../environment/state';
import type { Policy } from '../policies/policy';
import { propose, takeTurn } from './turn';

/** Header of a new trajectory in an environment; the prompt's conventions are the defaults where they are left out. */
export function headerOf(
  environment: Environment,
  details: {
    id: string;
    imageName: string;
    query: string;
    policy: { kind: string; name: string };
    seed: number | null;
  } & Partial<Omit<AgentConventions, 'coordinates'>>,
): TrajectoryHeader {
  const { image, segmenter, coordinates, turnBudget, viewConfig } = environment.options;
  return {
    schemaVersion: 1,
    id: details.id,
    createdAt: new Date().toISOString(),
    application: { name: applicationName, version: applicationVersion },
    image: { hash: image.hash, name: details.imageName, width: image.width, height: image.height },
    query: details.query,
    coordinates,
    prompt: details.prompt ?? defaultConventions.prompt,
    viewPixels: details.viewPixels ?? defaultConventions.viewPixels,
    turnBudget,
    policy: { kind: details.policy.kind, name: details.policy.name },
    segmenter: { name: segmenter.identity.name, signature: segmenter.identity.signature },
    view: viewConfig,
    overlay: defaultOverlayStyle,
    seed: details.seed,
  };
}

/**
 * Plays one episode to its end without a person: propose, step, until finish, no target or the budget's end.
 *
 * @throws MaskwrightError of policy or segmenter; the turns so far are lost with it
 */
export async function runEpisode(
  environment: Environment,
  policy: Policy,
  header: TrajectoryHeader,
  renderer: ObservationRenderer,
  options: { signal?: AbortSignal } = {},
): Promise<{ trajectory: Trajectory; final: StepResult }> {
  let final = environment.reset();
  let trajectory = newTrajectory(header, final.observation);
  let head: string | null = null;
  while (final.state.ended === null) {
    const proposal = await propose(policy, trajectory, head, environment, final.state, renderer, options);
    const turn = await takeTurn(trajectory, head, policy.author, proposal, environment, final.state, options);
    trajectory = turn.trajectory;
    head = turn.node.id;
    final = turn.result;
  }
  const outcome: Outcome = {
    status: final.state.ended,
    node: head,
    masks: submittedMasks(final.state).map(encodeMask),
    category: null,
    message: null,
  };
  return { trajectory: withOutcome(trajectory, outcome), final };
}
