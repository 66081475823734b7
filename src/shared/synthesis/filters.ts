import { hashText } from '../random';
import { episodeReward, type RewardTurn } from '../rewards/episode-reward';
import { toolNames } from '../tools/definitions';
import { formatCall } from '../tools/prompt-text';
import { type JudgedTrajectory, judgeTrajectory } from '../trajectory/learnable';
import type { Trajectory } from '../trajectory/schema';

export interface FilterOptions {
  /** Least final IoU. */
  minIou: number;
  /** Least final IoU for each call that segmented: what takes many calls has to end well. */
  minGain: number;
  /** Most invalid calls. */
  maxInvalid: number;
  /** Whether episodes that ran out of turns are kept. */
  keepTruncated: boolean;
  /**
   * Most of what is kept that may have the same number of turns, as a share. Where there are too few numbers for it,
   * they are kept in equal shares.
   */
  maxLengthShare: number;
  /** Most of what is kept that may have used the same set of tools, likewise. */
  maxToolsShare: number;
  /** Decides which of too many are kept. */
  seed: number;
}

export const defaultFilterOptions: FilterOptions = {
  minIou: 0.7,
  minGain: 0.12,
  maxInvalid: 1,
  keepTruncated: false,
  maxLengthShare: 0.5,
  maxToolsShare: 0.6,
  seed: 0,
};

/** In the order in which they are looked at; the first that holds is the one that is told. */
export const dropReasons = [
  'failed',
  'low_iou',
  'truncated',
  'invalid_calls',
  'low_gain',
  'nothing_to_learn',
  'duplicate',
  'tools_quota',
  'length_quota',
] as const;
export type DropReason = (typeof dropReasons)[number];

/** What the filters and the report need of an episode; its trajectory stays in its file. */
export interface EpisodeSummary {
  key: string;
  image: string;
  query: string;
  /** The calls in words, and the IoU after each turn. */
  calls: string[];
  ious: (number | null)[];
  tools: string[];
  finalIou: number | null;
  invalidCalls: number;
  segmentations: number;
  isTruncated: boolean;
  unusable: JudgedTrajectory['unusable'];
  /** Turns that may be imitated, and those of them that lowered the IoU. */
  underLoss: number;
  loweredUnderLoss: number;
  /** Null where no ground truth is known. */
  reward: number | null;
  /** Image, query and calls. */
  fingerprint: string;
}

export interface Dropped {
  key: string;
  reason: DropReason;
  detail: string;
}

export function summaryOfEpisode(key: string, trajectory: Trajectory): EpisodeSummary {
  const judged = judgeTrajectory(trajectory, { minIou: 0 });
  const { header } = trajectory;
  const nodes = judged.turns.map(({ node }) => node);
  const calls = nodes.map(({ call }) => (call ? formatCall(call) : 'no call'));
  const learnt = judged.turns.filter(({ reason }) => reason === null);
  const lowered = learnt.filter(
    ({ iou, iouBefore }) => iou !== null && iouBefore !== null && iou < iouBefore,
  );
  return {
    key,
    image: header.image.name,
    query: header.query,
    calls,
    ious: judged.turns.map(({ iou }) => iou),
    tools: nodes.map(({ call }) => toolNames.find((name) => name === call?.name) ?? 'none'),
    finalIou: judged.finalIou,
    invalidCalls: nodes.filter(({ invalid }) => invalid !== null).length,
    segmentations: nodes.filter(
      ({ call, invalid }) => invalid === null && (call?.name === 'segment_box' || call?.name === 'add_point'),
    ).length,
    isTruncated: nodes.at(-1)?.ended === 'truncated',
    unusable: judged.unusable,
    underLoss: learnt.length,
    loweredUnderLoss: lowered.length,
    reward: rewardOf(judged),
    fingerprint: JSON.stringify([header.image.hash, header.query, calls]),
  };
}

/** Of the recorded IoUs: Dice follows from them, and clicks and boxes are no part of an episode's reward. */
function rewardOf({ turns }: JudgedTrajectory): number | null {
  const last = turns.at(-1);
  if (!last || last.iou === null) return null;
  const measured = turns.map(({ node, iou }): RewardTurn => {
    const value = iou ?? 0;
    return {
      tool: toolNames.find((name) => name === node.call?.name) ?? null,
      valid: node.invalid === null,
      iou: value,
      dice: (2 * value) / (1 + value),
      clickIsRight: null,
      boxIou: null,
    };
  });
  // Before the first turn nothing is submitted, which is the whole answer only where there is nothing.
  const noTarget = turns[0]?.iouBefore === 1;
  return episodeReward(measured, { ended: last.node.ended, noTarget }).reward;
}

/** Which episodes are kept, in their order, and why the others are not. */
export function filterEpisodes(
  episodes: readonly EpisodeSummary[],
  options: FilterOptions,
): { kept: EpisodeSummary[]; dropped: Dropped[] } {
  const dropped: Dropped[] = [];
  const seen = new Set<string>();
  let kept = episodes.filter((episode) => {
    const fault = faultOf(episode, options) ?? duplicateOf(episode, seen);
    if (fault) dropped.push({ key: episode.key, ...fault });
    return fault === null;
  });
  const quotas: [DropReason, number, (episode: EpisodeSummary) => string][] = [
    ['tools_quota', options.maxToolsShare, toolSet],
    ['length_quota', options.maxLengthShare, ({ calls }) => `${calls.length} turns`],
  ];
  // Who is dropped makes the whole smaller, of which the shares are: until all of them hold.
  for (let before = -1; kept.length !== before; ) {
    before = kept.length;
    for (const [reason, share, groupOf] of quotas) {
      const over = overQuota(kept, groupOf, share, options.seed);
      for (const { key, group } of over.values()) dropped.push({ key, reason, detail: group });
      kept = kept.filter(({ key }) => !over.has(key));
    }
  }
  return { kept, dropped };
}

type Fault = Omit<Dropped, 'key'>;

function faultOf(episode: EpisodeSummary, options: FilterOptions): Fault | null {
  const { finalIou, invalidCalls, segmentations } = episode;
  if (finalIou !== null && finalIou < options.minIou) {
    return { reason: 'low_iou', detail: `final IoU ${finalIou.toFixed(3)}` };
  }
  if (episode.isTruncated && !options.keepTruncated) {
    return { reason: 'truncated', detail: `${episode.calls.length} turns` };
  }
  if (invalidCalls > options.maxInvalid) {
    return { reason: 'invalid_calls', detail: `${invalidCalls} invalid calls` };
  }
  const isReport = episode.tools.at(-1) === 'report_no_target';
  if (finalIou !== null && !isReport && finalIou < options.minGain * segmentations) {
    return { reason: 'low_gain', detail: `IoU ${finalIou.toFixed(3)} by ${segmentations} calls` };
  }
  if (episode.unusable !== null) return { reason: 'nothing_to_learn', detail: episode.unusable };
  return null;
}

function duplicateOf({ fingerprint }: EpisodeSummary, seen: Set<string>): Fault | null {
  if (seen.has(fingerprint)) return { reason: 'duplicate', detail: 'the same image, query and calls' };
  seen.add(fingerprint);
  return null;
}

/** The tools that were used, without order and number, as one word for a report. */
export function toolSet({ tools }: EpisodeSummary): string {
  return [...toolNames, 'none'].filter((name) => tools.includes(name)).join(' + ');
}

/** Those that are too many of their group: all but the first `share` of the whole, by a seeded order. */
function overQuota(
  episodes: readonly EpisodeSummary[],
  groupOf: (episode: EpisodeSummary) => string,
  share: number,
  seed: number,
): Map<string, { key: string; group: string }> {
  const groups = new Set(episodes.map(groupOf));
  // As close as sums of fractions are.
  const most = Math.floor(Math.max(share, 1 / groups.size) * episodes.length + 1e-9);
  const taken = new Map<string, number>();
  const over = new Map<string, { key: string; group: string }>();
  const order = (key: string): number => hashText(`${seed} ${key}`);
  const shuffled = [...episodes].sort((a, b) => order(a.key) - order(b.key) || (a.key < b.key ? -1 : 1));
  for (const episode of shuffled) {
    const group = groupOf(episode);
    const count = (taken.get(group) ?? 0) + 1;
    taken.set(group, count);
    if (count > most) over.set(episode.key, { key: episode.key, group });
  }
  return over;
}
