import type { Policy } from './policy';

/**
 * The same policy with proposals that are made otherwise.
 *
 * @param close left out: closing it closes `inner`
 */
export function withProposals(
  inner: Policy,
  propose: Policy['propose'],
  close: Policy['close'] = () => inner.close(),
): Policy {
  return {
    // Some learn their name from the server at the first proposal, and an agent may be set up anew.
    get identity() {
      return inner.identity;
    },
    get author() {
      return inner.author;
    },
    get readsPrompt() {
      return inner.readsPrompt;
    },
    get conventions() {
      return inner.conventions;
    },
    propose,
    close,
  };
}
