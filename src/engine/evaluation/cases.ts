import type { Sample } from '@shared/evaluation/sample';
import { createBitmap, intersectBitmaps, subtractBitmaps, unionBitmaps } from '@shared/mask/bitmap';
import { decodeMask } from '@shared/mask/rle';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
import { acceptedPath } from '@shared/trajectory/tree';
import sharp from 'sharp';
import type { ProgressLog } from '../batch/progress-log';
import { type Dataset, type DatasetTarget, openTargetImage } from '../datasets';
import { ObservationRenderer } from '../environment/observation-image';
import { defaultOverlayStyle, drawMask } from '../environment/overlay';
import type { ImageSource, RgbImage } from '../segmenters/segmenter';
import { truthOf } from './scores';

/** Pictures are small, so that a page with all of them stays a few megabytes. */
const pictureSide = 512;
const thumbnailSide = 220;

/** Colours of a case's picture; the page's legend has them too. */
export const caseColors = {
  hit: [38, 190, 110],
  missed: [64, 132, 255],
  excess: [245, 130, 32],
  ignored: [150, 150, 150],
} as const;

export interface CaseTurn {
  /** Data URI. */
  picture: string;
  call: string;
  thought: string;
  invalid: string | null;
  iou: number | null;
}

/** A sample as pictures: ground truth against answer, and what the policy saw after each of its turns. */
export interface Case {
  sample: Sample;
  /** Data URI. */
  picture: string;
  width: number;
  height: number;
  turns: CaseTurn[];
}

/** The samples that were answered worst, worst first. One whose image is gone meanwhile is left out. */
export async function worstCases(
  dataset: Dataset,
  samples: readonly Sample[],
  log: ProgressLog,
  count: number,
): Promise<Case[]> {
  const worst = samples
    .filter((sample) => sample.error === null && sample.iou < 1)
    .sort((a, b) => a.iou - b.iou)
    .slice(0, count);
  const wanted = new Map(worst.map((sample) => [sample.id, sample]));
  const cases = new Map<string, Case>();
  const renderer = new ObservationRenderer();
  if (wanted.size === 0) return [];
  for await (const target of dataset.targets()) {
    const sample = wanted.get(target.key);
    if (!sample) continue;
    wanted.delete(target.key);
    const trajectory = await recorded(log, target.key);
    const made = trajectory && (await caseOf(sample, target, trajectory, renderer).catch(() => null));
    if (made) cases.set(target.key, made);
    if (wanted.size === 0) break;
  }
  return worst.flatMap(({ id }) => cases.get(id) ?? []);
}

async function recorded(log: ProgressLog, key: string): Promise<Trajectory | null> {
  for await (const json of log.trajectories([key])) return parseTrajectory(JSON.parse(json));
  return null;
}

async function caseOf(
  sample: Sample,
  target: DatasetTarget,
  trajectory: Trajectory,
  renderer: ObservationRenderer,
): Promise<Case> {
  const image = await openTargetImage(target);
  const drawn = await comparisonPicture(image, target, trajectory, renderer);
  const turns: CaseTurn[] = [];
  for (const [index, node] of acceptedPath(trajectory).entries()) {
    if (!node.observation) continue;
    const { png } = await renderer.render(image, node.observation, trajectory.header.overlay);
    const small = await sharp(png)
      .resize(thumbnailSide, thumbnailSide, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 70 })
      .toBuffer();
    turns.push({
      picture: dataUri(small),
      call: node.call ? `${node.call.name}${argumentText(node.call.arguments)}` : 'no call',
      thought: node.thought,
      invalid: node.invalid,
      iou: sample.iou_by_turn[index] ?? null,
    });
  }
  const encoded = await sharp(drawn.data, {
    raw: { width: drawn.width, height: drawn.height, channels: 3 },
  })
    .webp({ quality: 78 })
    .toBuffer();
  return { sample, picture: dataUri(encoded), width: drawn.width, height: drawn.height, turns };
}

/** The whole image with what the answer hit, missed and has too much. */
async function comparisonPicture(
  image: ImageSource,
  target: DatasetTarget,
  trajectory: Trajectory,
  renderer: ObservationRenderer,
): Promise<RgbImage> {
  const { width, height } = image;
  const scale = Math.min(1, pictureSide / Math.max(width, height));
  const view = {
    box: { x1: 0, y1: 0, x2: width, y2: height },
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
  const plain = await renderer.plain(image, view);
  const canvas: RgbImage = { ...plain, data: plain.data.slice() };
  const truth = truthOf(target, [height, width]);
  if (!truth) return canvas;
  const wanted = decodeMask(truth.lisa);
  const ignored = truth.ignore ? decodeMask(truth.ignore) : createBitmap(width, height);
  const answer = trajectory.outcome.masks.map(decodeMask).reduce(unionBitmaps, createBitmap(width, height));
  const counted = subtractBitmaps(answer, ignored);
  const style = { ...defaultOverlayStyle, alpha: 0.5, contourPx: 2 };
  drawMask(canvas, ignored, view, caseColors.ignored, style);
  drawMask(canvas, intersectBitmaps(counted, wanted), view, caseColors.hit, style);
  drawMask(canvas, subtractBitmaps(wanted, counted), view, caseColors.missed, style);
  drawMask(canvas, subtractBitmaps(counted, wanted), view, caseColors.excess, style);
  return canvas;
}

/** The values of a call's arguments, which are few and always in the same order. */
function argumentText(given: unknown): string {
  const values = typeof given === 'object' && given !== null ? Object.values(given) : [];
  return values
    .map((value) => ` ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join('');
}

function dataUri(webp: Buffer): string {
  return `data:image/webp;base64,${webp.toString('base64')}`;
}
