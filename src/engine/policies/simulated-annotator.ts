import type { Gesture } from '@shared/contract/methods';
import { boxArea, boxCenter } from '@shared/geometry/box';
import type { Box, Point } from '@shared/geometry/types';
import { type Coordinates, maxCoordinate } from '@shared/geometry/view';
import { type Bitmap, bitmapBox, subtractBitmaps } from '@shared/mask/bitmap';
import { interiorMaximum } from '@shared/mask/distance';
import { gaussian, seededRandom } from '@shared/random';
import { callOf, isGestureInView } from '@shared/tools/gesture';
import { formatTurn } from '@shared/tools/prompt-text';
import { counted, type GroundTruth, iouOfState, overlap } from '../environment/ground-truth';
import { activeObjectOf, type EnvironmentState } from '../environment/state';
import type { Policy, PolicyInput, Proposal } from './policy';

export interface SimulatedAnnotatorOptions {
  /** First prompt: the ground truth's box, or a click at its interior maximum. */
  start: 'box' | 'point';
  /** Standard deviation of each box side's error, as a share of the box's size. */
  boxJitter: number;
  /** Standard deviation of a click's error, as a share of its distance to the region's border. */
  clickJitter: number;
  /** Finishes once this IoU is reached; a low one stops early. */
  targetIou: number;
  /** Clicks that it still tries when it could finish: it stops late. */
  lateClicks: number;
  /** Finishes after this many clicks in a row that gained nothing, … */
  patience: number;
  /** … or less IoU than this. */
  leastGain: number;
  /** Targets smaller than this share of the view are zoomed at first; 0 never zooms. */
  zoomBelow: number;
  /** Box of something else (image pixels) that it takes for the target at first, and gives up; null: none. */
  wrongFirst: Box | null;
  /** The target's objects, segmented one after the other; with fewer than two the target is one object. */
  parts: readonly Bitmap[];
  seed: number;
}

/** IoU differences below this are noise of rasterisation, not gain or loss. */
const epsilon = 1e-4;

export const defaultSimulatedAnnotator: SimulatedAnnotatorOptions = {
  start: 'box',
  boxJitter: 0,
  clickJitter: 0,
  targetIou: 0.95,
  lateClicks: 0,
  patience: 4,
  leastGain: epsilon,
  zoomBelow: 0,
  wrongFirst: null,
  parts: [],
  seed: 0,
};

/**
 * The annotator that sees the ground truth. Standard protocol of interactive segmentation (Sofiiuk et al., RITM;
 * SAM's evaluation): a box or central click first, then a click at the maximum of the distance transform of the
 * larger error region. A click that lowers the IoU is reverted and its place not used again; it finishes on its
 * best mask. Ignored pixels are neither missing nor too much.
 */
export function simulatedAnnotator(
  groundTruth: GroundTruth,
  options: Partial<SimulatedAnnotatorOptions> = {},
): Policy {
  const annotator = new SimulatedAnnotator(groundTruth, { ...defaultSimulatedAnnotator, ...options });
  return {
    identity: { kind: 'simulated', name: 'simulated annotator' },
    author: 'simulator',
    readsPrompt: false,
    async propose(input: PolicyInput): Promise<Proposal> {
      const { thought, gesture, wrongOnPurpose = false } = annotator.decide(input.state, input.coordinates);
      const call = callOf(gesture, input.view, input.coordinates);
      return { thought, call, problem: null, wrongOnPurpose, raw: formatTurn(thought, call), usage: {} };
    },
    async close() {},
  };
}

interface Decision {
  thought: string;
  gesture: Gesture;
  wrongOnPurpose?: boolean;
}

class SimulatedAnnotator {
  private readonly random: () => number;
  private readonly ious = new WeakMap<EnvironmentState, number>();
  private spentPlaces: Point[] = [];
  private lastClick: Point | null = null;
  private failures = 0;
  private lateClicks: number;
  private triedWrong = false;
  /** The mask there is, is of the wrong thing. */
  private isLost = false;
  /** Turns spent when the present object was begun; what was tried before is none to go back to. */
  private begunAt = 0;
  private zoomedFor = 0;
  private coordinates: Coordinates = 'norm1000';

  constructor(
    private readonly groundTruth: GroundTruth,
    private readonly settings: SimulatedAnnotatorOptions,
  ) {
    this.random = seededRandom(settings.seed);
    this.lateClicks = settings.lateClicks;
  }

  decide(state: EnvironmentState, coordinates: Coordinates): Decision {
    this.coordinates = coordinates;
    const { settings } = this;
    const aim = this.aimOf(state);
    const target = bitmapBox(aim);
    const turnsLeft = state.turnBudget - state.turn;
    const wrong = this.triedWrong ? null : settings.wrongFirst;
    if (wrong && turnsLeft >= (target ? 3 : 2)) {
      this.triedWrong = true;
      this.isLost = true;
      return {
        thought: 'A box around the target.',
        gesture: { name: 'segment_box', box: this.jittered(wrong) },
        wrongOnPurpose: true,
      };
    }
    if (!target) return { thought: 'Nothing in the image matches.', gesture: { name: 'report_no_target' } };
    if (this.isLost || !activeObjectOf(state).mask) return this.begin(state, target, turnsLeft);

    const iou = this.iouOf(state);
    const best = this.bestTurn(state);
    if (this.lastClick) this.failures = iou > best.iou + settings.leastGain ? 0 : this.failures + 1;
    if (iou < best.iou - epsilon) {
      this.spendClick(state);
      return {
        thought: 'That made it worse; back to the better mask.',
        gesture: { name: 'revert', turn: best.turn },
      };
    }
    this.spendClick(state);
    const isGood = iou >= settings.targetIou;
    // A click may have to be reverted before the mask is submitted: that takes three turns. Each object to come takes two.
    const mayClick = turnsLeft - 2 * this.partsLeft(state) >= 3 && this.failures < settings.patience;
    if (isGood && this.lateClicks === 0) return this.conclude(state, 'The mask fits.', turnsLeft);
    const click = mayClick ? this.nextClick(state) : null;
    if (!click) return this.conclude(state, 'This is the best mask so far.', turnsLeft);
    if (!isGestureInView(click.gesture, state.view)) {
      return { thought: 'The place to correct is outside this view.', gesture: { name: 'zoom_out' } };
    }
    if (isGood) this.lateClicks -= 1;
    this.lastClick = click.place;
    return click;
  }

  /** The last click is not made again, nor one that would be written with the same coordinates. */
  private spendClick({ view }: EnvironmentState): void {
    const click = this.lastClick;
    this.lastClick = null;
    if (!click) return;
    const { width } = maxCoordinate(view, this.coordinates);
    const reach = Math.floor((view.box.x2 - view.box.x1) / width);
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) this.spentPlaces.push({ x: click.x + dx, y: click.y + dy });
    }
  }

  /** The mask that the active object is to get. */
  private aimOf(state: EnvironmentState): Bitmap {
    const part = this.hasParts(state) ? this.settings.parts[state.objects.length - 1] : undefined;
    return part ? counted(part, this.groundTruth) : this.groundTruth.mask;
  }

  /** Each object takes two turns; where that is more than there are, the target is segmented as one. */
  private hasParts({ turnBudget }: EnvironmentState): boolean {
    const { parts } = this.settings;
    return parts.length > 1 && 2 * parts.length <= turnBudget;
  }

  private partsLeft(state: EnvironmentState): number {
    return this.hasParts(state) ? Math.max(0, this.settings.parts.length - state.objects.length) : 0;
  }

  private iouOf(state: EnvironmentState): number {
    const known = this.ious.get(state);
    if (known !== undefined) return known;
    const iou = this.hasParts(state) ? this.iouOfPart(state) : iouOfState(state, this.groundTruth);
    this.ious.set(state, iou);
    return iou;
  }

  private iouOfPart(state: EnvironmentState): number {
    const { mask } = activeObjectOf(state);
    if (!mask) return 0;
    const { intersection, union } = overlap([mask], { ...this.groundTruth, mask: this.aimOf(state) });
    return union === 0 ? 1 : intersection / union;
  }

  /** The earlier turn of this object with the highest IoU, the latest one of equals. */
  private bestTurn(state: EnvironmentState): { turn: number; iou: number } {
    let best = { turn: 0, iou: 0 };
    for (const past of state.past) {
      if (past.turn <= this.begunAt || past.activeObject !== state.activeObject) continue;
      if (!activeObjectOf(past).mask) continue;
      const iou = this.iouOf(past);
      if (iou >= best.iou) best = { turn: past.turn, iou };
    }
    return best;
  }

  private begin(state: EnvironmentState, target: Box, turnsLeft: number): Decision {
    const { settings } = this;
    const share = boxArea(target) / boxArea(state.view.box);
    const isVisible = isGestureInView({ name: 'segment_box', box: target }, state.view);
    if (!isVisible && turnsLeft > 1) {
      return { thought: 'The target is outside this view.', gesture: { name: 'zoom_out' } };
    }
    if (share < settings.zoomBelow && this.mayZoom(state, turnsLeft)) {
      this.zoomedFor = state.activeObject;
      return {
        thought: 'The target is small; look closer first.',
        gesture: { name: 'zoom', box: this.surroundings(target) },
      };
    }
    this.begunAt = state.turn;
    const aim = this.aimOf(state);
    // On a wrong mask a point would only refine it.
    const place = settings.start === 'point' && !this.isLost ? interiorMaximum(aim) : null;
    this.isLost = false;
    if (place) {
      return {
        thought: 'One click in the middle of the target.',
        gesture: { name: 'add_point', point: { x: place.x, y: place.y }, label: 'positive' },
      };
    }
    return {
      thought: 'A box around the target.',
      gesture: { name: 'segment_box', box: this.jittered(target) },
    };
  }

  /** Once for an object, and where the turns suffice: for a box and the end, and for the view and two calls of each to come. */
  private mayZoom(state: EnvironmentState, turnsLeft: number): boolean {
    const left = this.partsLeft(state);
    const needed = 2 + 2 * left + (left > 0 ? 1 : 0);
    return turnsLeft > needed && this.zoomedFor < state.activeObject;
  }

  /** Ends the object: with the next one, or with the episode. */
  private conclude(state: EnvironmentState, thought: string, turnsLeft: number): Decision {
    if (this.partsLeft(state) === 0 || turnsLeft < 3) return { thought, gesture: { name: 'finish' } };
    this.spentPlaces = [];
    this.failures = 0;
    this.lateClicks = this.settings.lateClicks;
    return { thought, gesture: { name: 'new_object' } };
  }

  private nextClick(state: EnvironmentState): (Decision & { place: Point }) | null {
    const aim = this.aimOf(state);
    const active = activeObjectOf(state).mask;
    const masks = this.hasParts(state) ? [active] : state.objects.map(({ mask }) => mask);
    const missing = masks.reduce<Bitmap>((left, mask) => (mask ? subtractBitmaps(left, mask) : left), aim);
    const excess = active ? counted(subtractBitmaps(active, aim), this.groundTruth) : null;
    const inMissing = interiorMaximum(missing, this.spentPlaces);
    const inExcess = excess ? interiorMaximum(excess, this.spentPlaces) : null;
    const isPositive = (inMissing?.distance ?? 0) >= (inExcess?.distance ?? 0);
    const chosen = isPositive ? inMissing : inExcess;
    if (!chosen) return null;
    const noise = this.settings.clickJitter * chosen.distance;
    const point = {
      x: clampTo(chosen.x + noise * gaussian(this.random), aim.width),
      y: clampTo(chosen.y + noise * gaussian(this.random), aim.height),
    };
    return {
      thought: isPositive ? 'A part of the target is missing here.' : 'The mask covers too much here.',
      gesture: { name: 'add_point', point, label: isPositive ? 'positive' : 'negative' },
      place: { x: chosen.x, y: chosen.y },
    };
  }

  /** A square around a small target, within the image; with jitter the target is not in its very middle. */
  private surroundings(target: Box): Box {
    const { width, height } = this.groundTruth.mask;
    const longest = Math.max(target.x2 - target.x1, target.y2 - target.y1);
    const isExact = this.settings.boxJitter === 0;
    const drawn = (low: number, high: number, usual: number): number =>
      isExact ? usual : low + (high - low) * this.random();
    const side = Math.min(longest * drawn(1.8, 3.5, 2.5), width, height);
    const room = (side - longest) / 2;
    const center = boxCenter(target);
    const start = (middle: number, limit: number): number =>
      clampTo(middle - side / 2 + room * drawn(-0.6, 0.6, 0), Math.max(0, limit - side));
    const x1 = start(center.x, width);
    const y1 = start(center.y, height);
    return { x1, y1, x2: x1 + side, y2: y1 + side };
  }

  private jittered(box: Box): Box {
    const sigma = this.settings.boxJitter;
    if (sigma === 0) return box;
    const { width, height } = this.groundTruth.mask;
    const dx = (box.x2 - box.x1) * sigma;
    const dy = (box.y2 - box.y1) * sigma;
    const x1 = clampTo(box.x1 + dx * gaussian(this.random), width);
    const y1 = clampTo(box.y1 + dy * gaussian(this.random), height);
    const x2 = clampTo(box.x2 + dx * gaussian(this.random), width);
    const y2 = clampTo(box.y2 + dy * gaussian(this.random), height);
    return x2 - x1 < 1 || y2 - y1 < 1 ? box : { x1, y1, x2, y2 };
  }
}

function clampTo(value: number, limit: number): number {
  return Math.min(Math.max(value, 0), limit);
}
