import { randomInt, randomUUID } from 'node:crypto';
import { isCancelled, MaskwrightError } from '@shared/contract/errors';
import { seededRandom } from '@shared/random';
import { type RawCall, toolNames } from '@shared/tools/definitions';
import { toolJsonSchemas } from '@shared/tools/json-schema';
import { parseTurn } from '@shared/tools/parse';
import { systemText } from '@shared/tools/system-text';
import type { DatasetTarget } from '../datasets';
import { type EnvironmentItem, openSentItem, openTargetItem } from './environment-items';
import {
  InvalidMessage,
  maxTextLength,
  type ObservationReply,
  parseStep,
  type ResetData,
  type StateReply,
  type ToolListing,
  type WireObservation,
} from './environment-messages';
import { type EpisodeSettings, HostedEpisode } from './hosted-episode';

/** What all sessions of a server share. */
export interface EnvironmentWorld extends EpisodeSettings {
  targets: readonly DatasetTarget[];
  /** Whether observations tell IoU, Dice and the terms of the reward. */
  metrics: boolean;
}

interface Playing {
  episode: HostedEpisode;
  id: string;
  seed: number | null;
  index: number | null;
}

/** Requests of one session that wait for the one before them; an honest client has none. */
const mostWaiting = 8;

/**
 * A client's session: it plays one episode after another. Its requests run one at a time, in order, whatever transport
 * they come by.
 */
export class EnvironmentSession {
  private playing: Playing | null = null;
  /** Ends what runs, and the encoder's work ahead of the first call. */
  private running: AbortController | null = null;
  private ahead: AbortController | null = null;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private closed = false;
  /** When the last request came or ended, ms of `performance.now()`. */
  lastUsed = performance.now();

  constructor(private readonly world: EnvironmentWorld) {}

  /** A request of it runs or waits. */
  get isBusy(): boolean {
    return this.waiting > 0;
  }

  /** Its episode has ended. */
  get isOver(): boolean {
    return this.playing !== null && this.playing.episode.latest.state.ended !== null;
  }

  /**
   * Begins an episode; the one before is dropped.
   *
   * @param at where in the message the data stood
   * @throws InvalidMessage for an index that there is not, MaskwrightError IMAGE_UNREADABLE; CANCELLED by the signal or by {@link close}
   */
  reset(data: ResetData, signal: AbortSignal, at: readonly string[]): Promise<ObservationReply> {
    return this.run(signal, async () => {
      const { item, seed, index } = await this.choose(data, at);
      if (this.closed) throw closedSession();
      this.ahead?.abort();
      const episode = new HostedEpisode(item, this.world);
      const playing = { episode, id: data.episode_id ?? randomUUID(), seed, index };
      this.playing = playing;
      this.encodeAhead(item);
      const observation: WireObservation = {
        ...(await this.observe(playing)),
        episode_id: playing.id,
        prompt: this.world.conventions.prompt,
        system: systemText(this.world.conventions),
        tools: toolListings(this.world),
      };
      return { observation, reward: null, done: false };
    });
  }

  /**
   * Runs a step's data: a call, a model's text, or one of OpenEnv's own actions for tools.
   *
   * @throws InvalidMessage, MaskwrightError as {@link call}
   */
  async step(
    value: unknown,
    signal: AbortSignal,
    at: readonly string[] = ['data'],
  ): Promise<ObservationReply> {
    const data = parseStep(value, at);
    if ('text' in data) {
      // The call stands at the end; reading leniently takes long where a text is long.
      const { call, problem } = parseTurn(data.text.slice(-maxTextLength));
      return (await this.call(call, problem, signal)).reply;
    }
    if ('name' in data) {
      return (await this.call({ name: data.name, arguments: data.arguments }, null, signal)).reply;
    }
    if (data.type === 'list_tools') {
      return { observation: { tools: toolListings(this.world) }, reward: null, done: false };
    }
    const { reply } = await this.call({ name: data.tool_name, arguments: data.arguments }, null, signal);
    return { ...reply, observation: { tool_name: data.tool_name, result: reply.observation, error: null } };
  }

  /**
   * Runs one call.
   *
   * @throws MaskwrightError INVALID_REQUEST before a reset, EPISODE_OVER after the end, CANCELLED by the signal or by
   *   {@link close}, of the segmenter SEGMENTER_FAILED; the episode then stands where it stood
   */
  call(
    call: RawCall | null,
    problem: string | null,
    signal: AbortSignal,
  ): Promise<{ reply: ObservationReply; invalid: string | null }> {
    return this.run(signal, async (stop) => {
      if (!this.playing) {
        throw new MaskwrightError('INVALID_REQUEST', 'There is no episode yet.', { hint: 'Reset first.' });
      }
      const { playing } = this;
      const { invalid, state } = await playing.episode.step(call, problem, stop);
      const done = state.ended !== null;
      const reward = done ? (playing.episode.score()?.reward ?? null) : null;
      return { reply: { observation: await this.observe(playing), reward, done }, invalid };
    });
  }

  state(): StateReply {
    const { playing } = this;
    const now = playing?.episode.latest;
    return {
      episode_id: playing?.id ?? null,
      step_count: now?.state.turn ?? 0,
      query: playing?.episode.item.query ?? null,
      turn: now?.state.turn ?? 0,
      turns_left: now?.observation.turnsLeft ?? 0,
      ended: now?.state.ended ?? null,
      seed: playing?.seed ?? null,
      index: playing?.index ?? null,
      image_width: playing?.episode.item.image.width ?? null,
      image_height: playing?.episode.item.image.height ?? null,
    };
  }

  close(): void {
    this.closed = true;
    this.running?.abort();
    this.ahead?.abort();
    this.playing = null;
  }

  private async choose(
    data: ResetData,
    at: readonly string[],
  ): Promise<{ item: EnvironmentItem; seed: number | null; index: number | null }> {
    const { targets } = this.world;
    if (data.image !== undefined && data.query !== undefined) {
      return { item: await openSentItem(data.image, data.query), seed: data.seed ?? null, index: null };
    }
    if (targets.length === 0) {
      throw new MaskwrightError('INVALID_REQUEST', 'This server has no data set.', {
        hint: 'Send an image with a query.',
      });
    }
    const seed = data.seed ?? (data.index === undefined ? randomInt(2 ** 32) : null);
    const index = data.index ?? Math.floor(seededRandom(seed ?? 0)() * targets.length);
    const target = targets[index];
    if (!target) {
      const msg = `There are ${targets.length} items, from 0 to ${targets.length - 1}.`;
      throw new InvalidMessage([{ type: 'too_big', loc: [...at, 'index'], msg }]);
    }
    return { item: await openTargetItem(target), seed, index };
  }

  /** The encoder begins while the policy looks at the image; it yields to calls that wait for it. */
  private encodeAhead({ image }: EnvironmentItem): void {
    const { segmenter } = this.world;
    this.ahead = new AbortController();
    // A failure is told to the call that needs the embedding.
    segmenter.encode(image, { priority: 'prefetch', signal: this.ahead.signal }).catch(() => undefined);
  }

  private async observe({ episode }: Playing): Promise<WireObservation> {
    const { observation, state } = episode.latest;
    const { png } = await episode.image();
    const { box } = observation.view;
    const score = this.world.metrics ? episode.score() : null;
    return {
      text: observation.text,
      images: [Buffer.from(png).toString('base64')],
      query: episode.item.query,
      turn: observation.turn,
      turns_left: observation.turnsLeft,
      view: [box.x1, box.y1, box.x2, box.y2],
      truncated: state.ended === 'truncated',
      ...(score
        ? {
            metrics: {
              iou: score.iou,
              dice: score.dice,
              reward: score.reward,
              form: score.terms.form,
              answer: score.terms.answer,
              penalty: score.terms.penalty,
              regression: score.terms.regression,
              turns: score.terms.turns,
              invalid_calls: score.terms.invalidCalls,
              improvement: score.terms.improvement,
              process: score.turn?.process.reward ?? null,
              gain: score.turn?.process.gain ?? null,
              click: score.turn?.process.click ?? null,
              box: score.turn?.process.box ?? null,
            },
          }
        : {}),
    };
  }

  /** One at a time. What waits is not begun once its client is gone. */
  private async run<T>(signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    if (this.waiting >= mostWaiting) {
      throw new MaskwrightError('CONFLICT', `${mostWaiting} requests of this session wait already.`, {
        hint: 'Wait for an answer before the next request.',
      });
    }
    this.waiting++;
    this.lastUsed = performance.now();
    const before = this.last;
    const mine = (async () => {
      await before.catch(() => undefined);
      if (this.closed || signal.aborted) throw closedSession();
      const running = new AbortController();
      const stop = (): void => running.abort();
      signal.addEventListener('abort', stop, { once: true });
      this.running = running;
      try {
        return await work(running.signal);
      } finally {
        signal.removeEventListener('abort', stop);
        this.running = null;
      }
    })();
    this.last = mine.catch(() => undefined);
    try {
      return await mine;
    } catch (error) {
      throw this.closed && isCancelled(error) ? closedSession(error) : error;
    } finally {
      this.waiting--;
      this.lastUsed = performance.now();
    }
  }
}

function closedSession(cause?: unknown): MaskwrightError {
  return new MaskwrightError('CANCELLED', 'The session was closed.', { cause });
}

export function toolListings({ conventions }: Pick<EpisodeSettings, 'conventions'>): ToolListing[] {
  return toolJsonSchemas(toolNames, conventions.coordinates).map(({ function: tool }) => ({
    name: tool.name,
    description: tool.description,
    input_schema: { ...tool.parameters },
  }));
}
