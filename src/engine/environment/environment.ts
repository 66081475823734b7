import { MaskwrightError } from '@shared/contract/errors';
import type { Gesture } from '@shared/contract/methods';
import { type Coordinates, fullView, type View, type ViewConfig, zoomView } from '@shared/geometry/view';
import type { Bitmap } from '@shared/mask/bitmap';
import { encodeMask } from '@shared/mask/rle';
import type { RawCall } from '@shared/tools/definitions';
import { gestureOf } from '@shared/tools/gesture';
import type { Observation } from '@shared/trajectory/schema';
import type { ImageSource, Prompt, Segmentation, Segmenter, SegmentOptions } from '../segmenters/segmenter';
import { type GroundTruth, iouOfState } from './ground-truth';
import { checkCall } from './invalid-calls';
import { observationText } from './observation-text';
import { activeObjectOf, type EnvironmentObject, type EnvironmentState, emptyObject } from './state';

export interface EnvironmentOptions {
  image: ImageSource;
  segmenter: Segmenter;
  coordinates: Coordinates;
  viewConfig: ViewConfig;
  turnBudget: number;
  /** Stays inside: it gives the IoU for logs and rewards and never reaches an observation. */
  groundTruth?: GroundTruth | null;
}

export interface StepResult {
  state: EnvironmentState;
  observation: Observation;
  /** Why the call was refused; null when it ran. */
  invalid: string | null;
  /** IoU of the union of all masks with the ground truth, 0..1; null without ground truth. */
  iou: number | null;
}

export interface StepOptions extends SegmentOptions {
  /** A person is not held to the agent's turn budget. */
  unbounded?: boolean;
}

/**
 * The segmentation environment: a Markov decision process in which a tool call becomes an observation. The app,
 * batch annotation, evaluation and training all step this one class. It holds no state of its own.
 */
export class Environment {
  readonly options: EnvironmentOptions;

  constructor(options: EnvironmentOptions) {
    this.options = options;
  }

  /** The state before the first call: the whole image, one empty object. */
  reset(): StepResult {
    const { image, viewConfig, turnBudget } = this.options;
    const state: EnvironmentState = {
      view: fullView(image, viewConfig),
      objects: [emptyObject(1)],
      activeObject: 1,
      turn: 0,
      turnBudget,
      ended: null,
      past: [],
    };
    return this.result(state, null, []);
  }

  /**
   * Runs one call. An invalid one spends the turn, changes nothing else and says why. The last turn of the budget
   * submits what there is and marks the episode truncated.
   *
   * @param call as a policy wrote it, or null when its answer held none; `problem` then says why
   * @throws MaskwrightError EPISODE_OVER after the end; from the segmenter SEGMENTER_FAILED, MODEL_MISSING, CANCELLED.
   *   The state is unchanged
   */
  async step(
    state: EnvironmentState,
    call: RawCall | null,
    options: StepOptions & { problem?: string | null } = {},
  ): Promise<StepResult> {
    const { coordinates } = this.options;
    if (state.ended !== null) {
      throw new MaskwrightError('EPISODE_OVER', `The episode ended already: ${state.ended}.`);
    }
    const checked = checkCall(state, call, coordinates, options.problem ?? null);
    const spent: EnvironmentState = { ...state, turn: state.turn + 1, past: [...state.past, state] };
    const outOfTurns = !options.unbounded && spent.turn >= state.turnBudget;
    if ('invalid' in checked) {
      const after = outOfTurns ? { ...spent, ended: 'truncated' as const } : spent;
      return this.result(after, checked.invalid, []);
    }
    const notes: string[] = [];
    const changed = await this.apply(spent, gestureOf(checked.call, state.view, coordinates), notes, options);
    const after =
      outOfTurns && changed.ended === null ? { ...changed, ended: 'truncated' as const } : changed;
    return this.result(after, null, notes);
  }

  /**
   * All masks that a call at this state would give, without running it; null when it is invalid or gives none.
   *
   * @throws MaskwrightError as {@link step} from the segmenter
   */
  async candidates(
    state: EnvironmentState,
    call: RawCall,
    options: SegmentOptions,
  ): Promise<Segmentation | null> {
    const { coordinates, image, segmenter } = this.options;
    const checked = checkCall(state, call, coordinates, null);
    if ('invalid' in checked) return null;
    const gesture = gestureOf(checked.call, state.view, coordinates);
    if (gesture.name !== 'segment_box' && gesture.name !== 'add_point') return null;
    return segmenter.segment(image, promptOf(gesture, activeObjectOf(state)), options);
  }

  private async apply(
    state: EnvironmentState,
    gesture: Gesture,
    notes: string[],
    options: SegmentOptions,
  ): Promise<EnvironmentState> {
    const active = activeObjectOf(state);
    const { image, viewConfig } = this.options;
    switch (gesture.name) {
      case 'segment_box':
      case 'add_point':
        return this.segment(state, promptOf(gesture, active), notes, options);
      case 'zoom': {
        const view = zoomView(image, gesture.box, viewConfig);
        if (sameView(view, state.view)) notes.push('The view is already there: nothing changed.');
        return { ...state, view };
      }
      case 'zoom_out': {
        const view = fullView(image, viewConfig);
        if (sameView(view, state.view))
          notes.push('The view already shows the whole image: nothing changed.');
        return { ...state, view };
      }
      case 'revert': {
        const then = state.past[gesture.turn]?.objects.find((object) => object.id === active.id);
        return replaceActive(state, then ?? emptyObject(active.id));
      }
      case 'new_object': {
        const id = Math.max(...state.objects.map((object) => object.id)) + 1;
        return { ...state, objects: [...state.objects, emptyObject(id)], activeObject: id };
      }
      case 'finish':
        return { ...state, ended: 'finished' };
      case 'report_no_target':
        return { ...state, ended: 'no_target' };
    }
  }

  private async segment(
    state: EnvironmentState,
    prompt: Prompt,
    notes: string[],
    options: SegmentOptions,
  ): Promise<EnvironmentState> {
    const before = activeObjectOf(state);
    const {
      candidates,
      best,
      chosen: index,
    } = await this.options.segmenter.segment(this.options.image, prompt, options);
    const chosen = candidates[best] ?? candidates[0];
    if (!chosen) throw new Error('The segmenter answered with no candidate');
    if (before.mask && equalMasks(before.mask, chosen.mask)) notes.push('The mask did not change.');
    return replaceActive(state, {
      id: before.id,
      prompt: { ...prompt, lowRes: chosen.lowRes },
      mask: chosen.mask,
      predictedIou: chosen.predictedIou,
      candidate: index ?? null,
    });
  }

  private result(state: EnvironmentState, invalid: string | null, notes: readonly string[]): StepResult {
    const { coordinates, image, viewConfig, groundTruth } = this.options;
    const observation: Observation = {
      text: observationText(state, { coordinates, full: fullView(image, viewConfig), invalid, notes }),
      view: state.view,
      objects: state.objects.map((object) => ({
        id: object.id,
        box: object.prompt.box,
        points: object.prompt.points.map(({ x, y, label }) => ({ x, y, label })),
        mask: object.mask ? encodeMask(object.mask) : null,
        predictedIou: object.predictedIou,
        ...(object.candidate === null ? {} : { candidate: object.candidate }),
      })),
      activeObject: state.activeObject,
      turn: state.turn,
      turnsLeft: Math.max(0, state.turnBudget - state.turn),
    };
    return { state, observation, invalid, iou: groundTruth ? iouOfState(state, groundTruth) : null };
  }
}

/** What the segmenter is asked for a box or point on an object. */
function promptOf(
  gesture: Extract<Gesture, { name: 'segment_box' | 'add_point' }>,
  { prompt }: EnvironmentObject,
): Prompt {
  if (gesture.name === 'segment_box') return { box: gesture.box, points: [], lowRes: null };
  return { ...prompt, points: [...prompt.points, { ...gesture.point, label: gesture.label }] };
}

function replaceActive(state: EnvironmentState, object: EnvironmentObject): EnvironmentState {
  return {
    ...state,
    objects: state.objects.map((other) => (other.id === state.activeObject ? object : other)),
  };
}

function sameView(a: View, b: View): boolean {
  return a.box.x1 === b.box.x1 && a.box.y1 === b.box.y1 && a.box.x2 === b.box.x2 && a.box.y2 === b.box.y2;
}

function equalMasks(a: Bitmap, b: Bitmap): boolean {
  return a.data.length === b.data.length && a.data.every((value, index) => value === b.data[index]);
}
