/**
 * Does correcting cost less? Gestures that a scripted person needs until the mask fits, starting from an agent's proposal
 * and starting from nothing, on the same targets with the same segmenter. Method and limits: docs/correction-cost.md.
 */
import { Environment } from '@engine/environment/environment';
import { iouOfState } from '@engine/environment/ground-truth';
import { activeObjectOf, type EnvironmentState } from '@engine/environment/state';
import type { Policy } from '@engine/policies/policy';
import type { ImageSource, LowResMask, Segmentation, Segmenter } from '@engine/segmenters/segmenter';
import type { Gesture } from '@shared/contract/methods';
import type { Point } from '@shared/geometry/types';
import { defaultViewConfig } from '@shared/geometry/view';
import { type Bitmap, bitmapBox, subtractBitmaps } from '@shared/mask/bitmap';
import { interiorMaximum } from '@shared/mask/distance';
import { toolNames } from '@shared/tools/definitions';
import { callOf } from '@shared/tools/gesture';

/** The mask fits from here on. */
export const wantedIou = 0.85;
/** A person who has not got there after so many gestures counts with this number. */
export const gestureBudget = 10;
/** Below this IoU the second person drags a new box instead of clicking into the proposal. */
export const hopelessIou = 0.5;

/** What the scripted person does first with a proposal: clicks into it, or drags a new box where it is hopeless. */
export type Person = 'clicks' | 'redraws';

export interface Course {
  /** IoU before the first gesture; 0 from nothing. */
  start: number;
  /** IoU after each gesture, the last one being where it stopped. */
  ious: number[];
  /** Gestures until the IoU was reached, or the budget. */
  gestures: number;
  reached: boolean;
}

export function environmentFor(image: ImageSource, segmenter: Segmenter): Environment {
  return new Environment({
    image,
    segmenter,
    coordinates: 'norm1000',
    viewConfig: defaultViewConfig('norm1000'),
    turnBudget: 1000,
  });
}

/** Answers prompts that it was given before without running the model: courses from several starts often meet. */
export function remembering(segmenter: Segmenter): Segmenter {
  const answers = new Map<string, Promise<Segmentation>>();
  const numbers = new WeakMap<LowResMask, number>();
  let known = 0;
  return {
    identity: segmenter.identity,
    encode: (image, options) => segmenter.encode(image, options),
    segment: (image, prompt, options) => {
      const { box, points, lowRes } = prompt;
      if (lowRes && !numbers.has(lowRes)) numbers.set(lowRes, known++);
      const from = lowRes ? numbers.get(lowRes) : null;
      const key = JSON.stringify([image.hash, box, points, from, options?.candidate]);
      const answer = answers.get(key) ?? segmenter.segment(image, prompt, options);
      answers.set(key, answer);
      return answer;
    },
    close: () => segmenter.close(),
  };
}

/** Lets a policy make its calls, at most `turns` of them. Its `finish` is not run: the person goes on from the mask. */
export async function proposalOf(
  environment: Environment,
  policy: Policy,
  turns: number,
): Promise<EnvironmentState> {
  let { state } = environment.reset();
  for (let turn = 0; turn < turns; turn++) {
    const proposal = await policy.propose({
      messages: [],
      tools: toolNames,
      coordinates: environment.options.coordinates,
      prompt: 'full',
      view: state.view,
      state,
    });
    if (proposal.call?.name === 'finish' || proposal.call?.name === 'report_no_target') break;
    ({ state } = await environment.step(state, proposal.call, { problem: proposal.problem }));
  }
  return state;
}

/**
 * The scripted person of interactive segmentation's standard protocol: a box around the target when there is no mask,
 * then clicks at the deepest point of the larger error (missing or too much). Never undoes, never clicks twice at a
 * place. Gestures are rounded to calls as the application rounds a person's.
 */
export async function finishByHand(
  environment: Environment,
  from: EnvironmentState,
  target: Bitmap,
  person: Person,
): Promise<Course> {
  const truth = { mask: target, ignore: null };
  const start = activeObjectOf(from).mask ? iouOfState(from, truth) : 0;
  const ious: number[] = [];
  const clicked: Point[] = [];
  let state = from;
  let iou = start;
  while (iou < wantedIou && ious.length < gestureBudget) {
    const isFirst = ious.length === 0;
    const redraws = isFirst && person === 'redraws' && start < hopelessIou;
    const gesture = redraws ? boxAround(target) : nextGesture(state, target, clicked);
    if (!gesture) break;
    const call = callOf(gesture, state.view, environment.options.coordinates);
    ({ state } = await environment.step(state, call, { unbounded: true }));
    iou = iouOfState(state, truth);
    ious.push(iou);
  }
  const reached = iou >= wantedIou;
  return { start, ious, gestures: reached ? ious.length : gestureBudget, reached };
}

function boxAround(target: Bitmap): Gesture {
  const box = bitmapBox(target);
  if (!box) throw new Error('The target has no pixels.');
  return { name: 'segment_box', box };
}

function nextGesture(state: EnvironmentState, target: Bitmap, clicked: Point[]): Gesture | null {
  const { mask } = activeObjectOf(state);
  if (!mask) return boxAround(target);
  const missing = interiorMaximum(subtractBitmaps(target, mask), clicked);
  const excess = interiorMaximum(subtractBitmaps(mask, target), clicked);
  const isMissing = (missing?.distance ?? 0) >= (excess?.distance ?? 0);
  const place = isMissing ? missing : excess;
  if (!place) return null;
  clicked.push({ x: place.x, y: place.y });
  return {
    name: 'add_point',
    point: { x: place.x, y: place.y },
    label: isMissing ? 'positive' : 'negative',
  };
}
