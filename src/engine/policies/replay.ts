import { MaskwrightError } from '@shared/contract/errors';
import type { Trajectory } from '@shared/trajectory/schema';
import { acceptedPath } from '@shared/trajectory/tree';
import type { Policy, PolicyInput, Proposal } from './policy';

export interface ReplayPolicy extends Policy {
  /** Turns on the recorded path. */
  readonly length: number;
}

/**
 * Plays the accepted path of a recorded trajectory: at turn n it proposes what was recorded as turn n + 1, also when
 * a person replaced an earlier turn.
 */
export function replayPolicy(trajectory: Trajectory): ReplayPolicy {
  const path = acceptedPath(trajectory);
  const { policy } = trajectory.header;
  return {
    identity: { kind: 'replay', name: policy.name },
    author: path[0]?.author === 'simulator' ? 'simulator' : 'agent',
    readsPrompt: false,
    length: path.length,
    async propose({ state }: PolicyInput, options): Promise<Proposal> {
      const node = path[state.turn];
      if (!node) {
        throw new MaskwrightError(
          'EPISODE_OVER',
          `The recording has ${path.length} turns; all were played.`,
          {
            hint: 'Accept the result, or go on by hand.',
          },
        );
      }
      options?.onText?.(node.raw);
      return {
        thought: node.thought,
        call: node.call,
        problem: node.invalid,
        raw: node.raw,
        usage: node.usage,
      };
    },
    async close() {},
  };
}
