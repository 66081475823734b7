import type { View } from '@shared/geometry/view';
import type { Bitmap } from '@shared/mask/bitmap';
import type { Prompt } from '../segmenters/segmenter';

/** One object being segmented: its prompts in image pixels and the mask that they gave. */
export interface EnvironmentObject {
  id: number;
  prompt: Prompt;
  mask: Bitmap | null;
  predictedIou: number | null;
  /** Index of the decoder's candidate that a person chose; null when nobody did. */
  candidate: number | null;
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

export function activeObjectOf(state: EnvironmentState): EnvironmentObject {
  const active = state.objects.find((object) => object.id === state.activeObject);
  if (!active) throw new Error(`State has no object ${state.activeObject}`);
  return active;
}

/** The masks that the state would submit: none after `report_no_target`, else one for each object that has pixels. */
export function submittedMasks(state: EnvironmentState): Bitmap[] {
  if (state.ended === 'no_target') return [];
  return state.objects.flatMap((object) => (object.mask?.data.includes(1) ? [object.mask] : []));
}

/** An object that has no prompt yet. */
export function emptyObject(id: number): EnvironmentObject {
  return {
    id,
    prompt: { box: null, points: [], lowRes: null },
    mask: null,
    predictedIou: null,
    candidate: null,
  };
}
