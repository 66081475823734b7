import { type Bitmap, bitmapArea } from '@shared/mask/bitmap';
import { decodeMask, type Rle } from '@shared/mask/rle';
import { type EpisodeReward, episodeReward, type RewardTurn } from '@shared/rewards/episode-reward';
import { type ProcessReward, processRewards } from '@shared/rewards/process-rewards';
import { defaultRewardWeights, type RewardWeights } from '@shared/rewards/weights';
import type { Observation, Trajectory, TrajectoryNode } from '@shared/trajectory/schema';
import { acceptedPath } from '@shared/trajectory/tree';
import type { GroundTruth } from '../environment/ground-truth';
import { measureTurn, type Scene } from './measure-turn';

export interface ScoredTrajectory extends EpisodeReward {
  /** The turns that were scored: those of a path that ran. */
  nodes: string[];
  turns: RewardTurn[];
  process: ProcessReward[];
}

/**
 * The rewards of a recorded episode, from its masks and the target's: the same numbers as while it ran.
 *
 * @param truth of the size of the trajectory's image; its mask is empty when there is no target
 * @param path from the first turn on; the accepted path when left out
 * @throws RangeError when the sizes differ
 */
export function scoreTrajectory(
  trajectory: Trajectory,
  truth: GroundTruth,
  options: { weights?: RewardWeights; path?: readonly TrajectoryNode[] } = {},
): ScoredTrajectory {
  const weights = options.weights ?? defaultRewardWeights;
  const path = (options.path ?? acceptedPath(trajectory)).filter((node) => node.observation !== null);
  const decoded = maskReader();
  let view = trajectory.root.view;
  let before = sceneOf(trajectory.root, null, decoded);
  const turns = path.map((node) => {
    const observation = node.observation ?? trajectory.root;
    const after = sceneOf(observation, node.ended, decoded);
    const { call, invalid } = node;
    const measured = { call, invalid, view, coordinates: trajectory.header.coordinates };
    const turn = measureTurn(measured, before, after, truth);
    view = observation.view;
    before = after;
    return turn;
  });
  const ending = { ended: path.at(-1)?.ended ?? null, noTarget: bitmapArea(truth.mask) === 0 };
  return {
    ...episodeReward(turns, ending, weights),
    nodes: path.map(({ id }) => id),
    turns,
    process: processRewards(turns, ending, weights),
  };
}

function sceneOf(
  observation: Observation,
  ended: TrajectoryNode['ended'],
  decode: (rle: Rle) => Bitmap,
): Scene {
  return {
    objects: observation.objects.map(({ id, mask }) => ({ id, mask: mask && decode(mask) })),
    activeObject: observation.activeObject,
    ended,
  };
}

/** Decodes each mask once: most turns leave most masks as they are. */
function maskReader(): (rle: Rle) => Bitmap {
  const known = new Map<string, Bitmap>();
  return (rle) => {
    const key = `${rle.size.join('x')} ${rle.counts}`;
    const mask = known.get(key) ?? decodeMask(rle);
    known.set(key, mask);
    return mask;
  };
}
