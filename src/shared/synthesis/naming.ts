import type { Box } from '../geometry/types';

/**
 * What the things of an image are called by anyone who sees it, where a data set knows. Names are noun phrases without
 * an article.
 */
export interface Naming {
  /** What the query names: "red cup"; of more than one thing "cups", "red things". */
  query: string;
  /** How many things it names; 0: it is not there. */
  count: number;
  /** First those that the query names, in the order in which they are segmented; then others. Boxes in image pixels. */
  things: readonly NamedThing[];
}

export interface NamedThing {
  name: string;
  box: Box;
}
