import type { Policy } from './policy';
import { withProposals } from './with-proposals';

/** The same policy for one of several episodes: closing the episode's does not close what the others use. `seed` is the episode's. */
export function sharedPolicy(policy: Policy, seed?: number): Policy {
  return withProposals(
    policy,
    (input, options) => policy.propose(input, { seed, ...options }),
    async () => {},
  );
}
