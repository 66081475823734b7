import { z } from 'zod';
import { MaskwrightError } from '../contract/errors';
import { seededRandom } from '../random';

const share = z.number().min(0).max(1);
const range = z
  .tuple([z.number().min(0).max(1), z.number().min(0).max(1)])
  .refine(([low, high]) => low <= high, 'the first is the smaller one');

/**
 * How the simulated annotator behaves over many episodes: shares of episodes, and ranges from which each draws its own.
 * What is left out of a configuration keeps its default.
 */
export const annotatorMixSchema = z.strictObject({
  /** Episodes whose first hypothesis is something else, where the image has something else. */
  wrongFirst: share.default(0.15),
  /** Episodes that begin with a point rather than a box. */
  pointStart: share.default(0.1),
  /** Episodes that zoom to a small target before they place anything, … */
  zoom: share.default(0.8),
  /** … which is one whose box covers less than this share of the view. */
  zoomBelow: share.default(0.03),
  /** Error of a box's sides, as a share of its size (standard deviation); of a click, of its room. */
  boxJitter: range.default([0, 0.06]),
  clickJitter: range.default([0, 0.3]),
  /** IoU at which an episode is content, … */
  targetIou: range.default([0.88, 0.96]),
  /** … or at which those that stop early are. */
  earlyStop: share.default(0.1),
  earlyIou: range.default([0.75, 0.85]),
  /** Episodes that stop late: they try up to so many clicks more. */
  lateStop: share.default(0.08),
  lateClicks: z.number().int().min(1).max(8).default(2),
  /** Clicks in a row that gain less than `leastGain` before an episode is content with what it has. */
  patience: z.number().int().min(1).max(8).default(2),
  leastGain: share.default(0.01),
});
export type AnnotatorMix = z.infer<typeof annotatorMixSchema>;

export const defaultAnnotatorMix: AnnotatorMix = annotatorMixSchema.parse({});

/** How one episode is to go. */
export interface AnnotatorPlan {
  seed: number;
  start: 'box' | 'point';
  wrongFirst: boolean;
  zoomBelow: number;
  boxJitter: number;
  clickJitter: number;
  targetIou: number;
  lateClicks: number;
  patience: number;
  leastGain: number;
}

/** The same for the same seed. Every number is drawn whether it is used or not, so that one share does not move another. */
export function drawPlan(mix: AnnotatorMix, seed: number): AnnotatorPlan {
  const random = seededRandom(seed);
  const happens = (chance: number): boolean => random() < chance;
  const within = ([low, high]: [number, number]): number => low + (high - low) * random();
  const wrongFirst = happens(mix.wrongFirst);
  const isPoint = happens(mix.pointStart);
  const zooms = happens(mix.zoom);
  const boxJitter = within(mix.boxJitter);
  const clickJitter = within(mix.clickJitter);
  const usualIou = within(mix.targetIou);
  const earlyIou = within(mix.earlyIou);
  const stop = random();
  const isEarly = stop < mix.earlyStop;
  const isLate = !isEarly && stop < mix.earlyStop + mix.lateStop;
  const late = 1 + Math.floor(random() * mix.lateClicks);
  return {
    seed: Math.floor(random() * 2 ** 32),
    start: isPoint ? 'point' : 'box',
    wrongFirst,
    zoomBelow: zooms ? mix.zoomBelow : 0,
    boxJitter,
    clickJitter,
    targetIou: isEarly ? earlyIou : usualIou,
    lateClicks: isLate ? late : 0,
    patience: mix.patience,
    leastGain: mix.leastGain,
  };
}

/** @throws MaskwrightError INVALID_REQUEST that names the first field that is wrong */
export function parseAnnotatorMix(value: unknown): AnnotatorMix {
  const parsed = annotatorMixSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MaskwrightError(
    'INVALID_REQUEST',
    `The annotator's mix cannot be used: ${issue?.path.join('.') || 'value'}: ${issue?.message ?? 'wrong form'}.`,
    { hint: 'docs/synthesis.md lists its fields.' },
  );
}
