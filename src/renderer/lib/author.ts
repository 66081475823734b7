import type { Author } from '@shared/trajectory/schema';

/** Colours of authors on pictures; in the window they are custom properties. */
export const authorColor: Record<Author, string> = {
  agent: '#b497f0',
  human: '#21c48c',
  simulator: '#e6a93f',
};
