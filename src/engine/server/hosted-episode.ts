import { bitmapArea } from '@shared/mask/bitmap';
import { type EpisodeReward, episodeReward, type RewardTurn } from '@shared/rewards/episode-reward';
import { type ProcessReward, processRewards } from '@shared/rewards/process-rewards';
import type { RewardWeights } from '@shared/rewards/weights';
import { type AgentConventions, viewConfigOf } from '@shared/tools/conventions';
import type { RawCall } from '@shared/tools/definitions';
import { Environment, type StepResult } from '../environment/environment';
import type { ObservationRenderer } from '../environment/observation-image';
import { defaultOverlayStyle } from '../environment/overlay';
import type { PngImage } from '../policies/policy';
import { measureTurn } from '../rewards/measure-turn';
import type { Segmenter } from '../segmenters/segmenter';
import type { EnvironmentItem } from './environment-items';

/** What all episodes of a host have in common. */
export interface EpisodeSettings {
  segmenter: Segmenter;
  conventions: AgentConventions;
  turnBudget: number;
  weights: RewardWeights;
  renderer: ObservationRenderer;
}

export interface EpisodeScore extends EpisodeReward {
  /** The last turn's numbers and its process reward; null before the first turn. */
  turn: (RewardTurn & { process: ProcessReward }) | null;
  iou: number;
  dice: number;
}

/** One episode that somebody outside plays, call by call: its environment, where it stands, and what rewards need. */
export class HostedEpisode {
  private readonly environment: Environment;
  private readonly turns: RewardTurn[] = [];
  /** What the last call gave; of the reset before the first. */
  latest: StepResult;

  constructor(
    readonly item: EnvironmentItem,
    private readonly settings: EpisodeSettings,
  ) {
    const { segmenter, conventions, turnBudget } = settings;
    this.environment = new Environment({
      image: item.image,
      segmenter,
      coordinates: conventions.coordinates,
      viewConfig: viewConfigOf(conventions),
      turnBudget,
      groundTruth: item.truth,
    });
    this.latest = this.environment.reset();
  }

  /** @throws MaskwrightError as Environment.step; the episode then stands where it stood */
  async step(call: RawCall | null, problem: string | null, signal: AbortSignal): Promise<StepResult> {
    const before = this.latest.state;
    const result = await this.environment.step(before, call, { problem, signal });
    const { truth } = this.item;
    if (truth) {
      const { coordinates } = this.settings.conventions;
      const measured = { call, invalid: result.invalid, view: before.view, coordinates };
      this.turns.push(measureTurn(measured, before, result.state, truth));
    }
    // Nothing goes back to an earlier state once it is over; they hold a mask each.
    this.latest = result.state.ended === null ? result : { ...result, state: { ...result.state, past: [] } };
    return this.latest;
  }

  /** The picture of where it stands: the view with masks and prompts over it. */
  async image(): Promise<PngImage> {
    return this.settings.renderer.render(this.item.image, this.latest.observation, defaultOverlayStyle);
  }

  /** What it would be worth if it ended here; null without ground truth. */
  score(): EpisodeScore | null {
    const { truth } = this.item;
    if (!truth) return null;
    const ending = { ended: this.latest.state.ended, noTarget: bitmapArea(truth.mask) === 0 };
    const { weights } = this.settings;
    const last = this.turns.at(-1);
    const process = processRewards(this.turns, ending, weights).at(-1);
    const empty = ending.noTarget ? 1 : 0;
    return {
      ...episodeReward(this.turns, ending, weights),
      turn: last && process ? { ...last, process } : null,
      iou: last?.iou ?? empty,
      dice: last?.dice ?? empty,
    };
  }
}
