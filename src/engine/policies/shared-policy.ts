import type { Policy } from './policy';

/** The same policy for one of several episodes: closing the episode's does not close what the others use. `seed` is the episode's. */
export function sharedPolicy(policy: Policy, seed?: number): Policy {
  return {
    // Some learn their name from the server at the first proposal.
    get identity() {
      return policy.identity;
    },
    author: policy.author,
    readsPrompt: policy.readsPrompt,
    conventions: policy.conventions,
    propose: (input, options) => policy.propose(input, { seed, ...options }),
    async close() {},
  };
}
