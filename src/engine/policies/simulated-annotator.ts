import type { Gesture } from '@shared/contract/methods';
import { boxArea } from '@shared/geometry/box';
import type { Box, Point } from '@shared/geometry/types';
import { type Bitmap, bitmapBox, subtractBitmaps } from '@shared/mask/bitmap';
import { interiorMaximum } from '@shared/mask/distance';
import { seededRandom } from '@shared/random';
import { callOf, isGestureInView } from '@shared/tools/gesture';
import { formatTurn } from '@shared/tools/prompt-text';
import { iouOfState } from '../environment/ground-truth';
import { activeObjectOf, type EnvironmentState } from '../environment/state';
import type { Policy, PolicyInput, Proposal } from './policy';

export interface SimulatedAnnotatorOptions {
  /** First prompt: the ground truth's box, or a click at its interior maximum. */
  start: 'box' | 'point';
  /** Standard deviation of each box side's error, as a share of the box's size. */
  boxJitter: number;
  /** Standard deviation of a click's error, as a share of its distance to the region's border. */
  clickJitter: number;
  /** Finishes once this IoU is reached. */
  targetIou: number;
  /** Finishes after this many clicks in a row that gained nothing. */
  patience: number;
  /** Targets smaller than this share of the view are zoomed at first; 0 never zooms. */
  zoomBelow: number;
  seed: number;
}

export const defaultSimulatedAnnotator: SimulatedAnnotatorOptions = {
  start: 'box',
  boxJitter: 0,
  clickJitter: 0,
  targetIou: 0.95,
  patience: 4,
  zoomBelow: 0,
  seed: 0,
};

/** IoU differences below this are noise of rasterisation, not gain or loss. */
const epsilon = 1e-4;

/**
 * The annotator that sees the ground truth. Standard protocol of interactive segmentation (Sofiiuk et al., RITM;
 * SAM's evaluation): a box or central click first, then a click at the maximum of the distance transform of the
 * larger error region. A click that lowers the IoU is reverted and its place not used again; it finishes on its
 * best mask.
 */
export function simulatedAnnotator(
  groundTruth: Bitmap,
  options: Partial<SimulatedAnnotatorOptions> = {},
): Policy {
  const settings = { ...defaultSimulatedAnnotator, ...options };
  const targetBox = bitmapBox(groundTruth);
  const random = seededRandom(settings.seed);
  const spentPlaces: Point[] = [];
  let lastClick: Point | null = null;
  let failures = 0;

  const decide = (state: EnvironmentState): { thought: string; gesture: Gesture } => {
    if (!targetBox)
      return { thought: 'Nothing in the image matches.', gesture: { name: 'report_no_target' } };
    const turnsLeft = state.turnBudget - state.turn;
    if (!activeObjectOf(state).mask) return firstCall(state, targetBox, turnsLeft);

    const iou = iouOfState(state, { mask: groundTruth });
    const best = bestTurn(state, groundTruth);
    if (lastClick) failures = iou > best.iou + epsilon ? 0 : failures + 1;
    if (iou < best.iou - epsilon) {
      if (lastClick) spentPlaces.push(lastClick);
      lastClick = null;
      return {
        thought: 'That made it worse; back to the better mask.',
        gesture: { name: 'revert', turn: best.turn },
      };
    }
    if (lastClick) spentPlaces.push(lastClick);
    lastClick = null;
    if (iou >= settings.targetIou) return { thought: 'The mask fits.', gesture: { name: 'finish' } };
    // A click may have to be reverted before the mask is submitted: that takes three turns.
    const click = turnsLeft >= 3 && failures < settings.patience ? nextClick(state) : null;
    if (!click) return { thought: 'This is the best mask so far.', gesture: { name: 'finish' } };
    if (!isGestureInView(click.gesture, state.view)) {
      return { thought: 'The place to correct is outside this view.', gesture: { name: 'zoom_out' } };
    }
    lastClick = click.place;
    return click;
  };

  const firstCall = (
    state: EnvironmentState,
    target: Box,
    turnsLeft: number,
  ): { thought: string; gesture: Gesture } => {
    const share = boxArea(target) / boxArea(state.view.box);
    if (share < settings.zoomBelow && turnsLeft > 2 && state.turn === 0) {
      return {
        thought: 'The target is small; look closer first.',
        gesture: { name: 'zoom', box: padded(target, 0.75) },
      };
    }
    if (settings.start === 'point') {
      const place = interiorMaximum(groundTruth);
      if (place) {
        return {
          thought: 'One click in the middle of the target.',
          gesture: { name: 'add_point', point: { x: place.x, y: place.y }, label: 'positive' },
        };
      }
    }
    return {
      thought: 'A box around the target.',
      gesture: { name: 'segment_box', box: jittered(target, settings.boxJitter, random, groundTruth) },
    };
  };

  const nextClick = (state: EnvironmentState): { thought: string; gesture: Gesture; place: Point } | null => {
    const masks = state.objects.flatMap((object) => (object.mask ? [object.mask] : []));
    const missing = masks.reduce(subtractBitmaps, groundTruth);
    const active = activeObjectOf(state).mask;
    const excess = active ? subtractBitmaps(active, groundTruth) : null;
    const inMissing = interiorMaximum(missing, spentPlaces);
    const inExcess = excess ? interiorMaximum(excess, spentPlaces) : null;
    const isPositive = (inMissing?.distance ?? 0) >= (inExcess?.distance ?? 0);
    const chosen = isPositive ? inMissing : inExcess;
    if (!chosen) return null;
    const noise = settings.clickJitter * chosen.distance;
    const point = {
      x: clampTo(chosen.x + noise * gaussian(random), groundTruth.width),
      y: clampTo(chosen.y + noise * gaussian(random), groundTruth.height),
    };
    return {
      thought: isPositive ? 'A part of the target is missing here.' : 'The mask covers too much here.',
      gesture: { name: 'add_point', point, label: isPositive ? 'positive' : 'negative' },
      place: { x: chosen.x, y: chosen.y },
    };
  };

  return {
    identity: { kind: 'simulated', name: 'simulated annotator' },
    author: 'simulator',
    readsPrompt: false,
    async propose(input: PolicyInput): Promise<Proposal> {
      const { thought, gesture } = decide(input.state);
      const call = callOf(gesture, input.view, input.coordinates);
      return { thought, call, problem: null, raw: formatTurn(thought, call), usage: {} };
    },
    async close() {},
  };
}

/** The earlier turn with the highest IoU, the latest one of equals. */
function bestTurn(state: EnvironmentState, groundTruth: Bitmap): { turn: number; iou: number } {
  let best = { turn: 0, iou: 0 };
  for (const past of state.past) {
    if (!activeObjectOf(past).mask) continue;
    const iou = iouOfState(past, { mask: groundTruth });
    if (iou >= best.iou) best = { turn: past.turn, iou };
  }
  return best;
}

function padded(box: Box, share: number): Box {
  const dx = (box.x2 - box.x1) * share;
  const dy = (box.y2 - box.y1) * share;
  return { x1: box.x1 - dx, y1: box.y1 - dy, x2: box.x2 + dx, y2: box.y2 + dy };
}

function jittered(
  box: Box,
  sigma: number,
  random: () => number,
  size: { width: number; height: number },
): Box {
  if (sigma === 0) return box;
  const dx = (box.x2 - box.x1) * sigma;
  const dy = (box.y2 - box.y1) * sigma;
  const x1 = clampTo(box.x1 + dx * gaussian(random), size.width);
  const y1 = clampTo(box.y1 + dy * gaussian(random), size.height);
  const x2 = clampTo(box.x2 + dx * gaussian(random), size.width);
  const y2 = clampTo(box.y2 + dy * gaussian(random), size.height);
  return x2 - x1 < 1 || y2 - y1 < 1 ? box : { x1, y1, x2, y2 };
}

function clampTo(value: number, limit: number): number {
  return Math.min(Math.max(value, 0), limit);
}

/** Standard normal (Box–Muller). */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
