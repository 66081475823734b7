import type { View } from '@shared/geometry/view';
import type { Bitmap } from '@shared/mask/bitmap';
import type { Prompt } from '../segmenters/segmenter';

/** One object being segmented: its prompts in image pixels and the mask that they gave. */
export interface EnvironmentObject {
  id: number;
  prompt: Prompt;
  mask: Bitmap | null;
  predictedIou: number | null;
}

/** The environment's whole state. Immutable: a step makes a new one, so a tree of turns keeps one for each node. */
export interface EnvironmentState {
  view: View;
  objects: readonly EnvironmentObject[];
  /** Id of the object that the next call acts on. */
  activeObject: number;
  /** Turns spent so far. */
  turn: number;
  turnBudget: number;
  ended: 'finished' | 'no_target' | 'truncated' | null;
  /** States after turn 0 (reset), 1, 2, … before this one; `revert` restores the active object from them. */
  past: readonly EnvironmentState[];
}
