import { MaskwrightError } from '@shared/contract/errors';
import type { AgentConventions } from '@shared/tools/conventions';
import { viewGrammar } from '@shared/tools/grammar';
import { parseTurn } from '@shared/tools/parse';
import type { SpawnModelChild } from '../models/child-protocol';
import type { RuntimeTimeouts } from '../models/child-session';
import { LlamaNodeRuntime } from '../models/llama-node-runtime';
import type { VisionRuntime } from '../models/vision-runtime';
import { renderChatMl } from './chatml';
import type { Policy, PolicyInput, Proposal, ProposeOptions } from './policy';

export interface LlamaCppPolicyOptions {
  /** Path of the GGUF. */
  model: string;
  /** Path of the mmproj GGUF; null: searched beside the model. */
  mmproj?: string | null;
  /** What the model's file declares, see `checkVisionModel`. */
  conventions?: Partial<AgentConventions>;
  spawnModelChild: SpawnModelChild;
  /** Tokens; holds system text, tools, two images of at most 768 tokens each, and the turns. */
  contextSize?: number;
  gpuLayers?: 'auto' | number;
  threads?: number | null;
  /** Most tokens of an answer. */
  maxTokens?: number;
  /** Most characters of a thought, which the grammar enforces. */
  maxThoughtChars?: number;
  seed?: number;
  /** 0: always the likeliest token. */
  temperature?: number;
  timeouts?: Partial<RuntimeTimeouts>;
  maxRespawns?: number;
}

const defaults = {
  contextSize: 8192,
  maxTokens: 1024,
  maxThoughtChars: 600,
  seed: 0,
  temperature: 0,
};

const cutProblem = 'The answer was cut off at its limit of tokens before the call was complete.';

class LlamaCppPolicy implements Policy {
  readonly identity: { kind: string; name: string };
  readonly author = 'agent';
  readonly readsPrompt = true;

  constructor(
    private readonly runtime: VisionRuntime,
    name: string,
    readonly conventions: Partial<AgentConventions>,
    private readonly sampling: {
      maxTokens: number;
      maxThoughtChars: number;
      seed: number;
      temperature: number;
    },
  ) {
    this.identity = { kind: 'llama-cpp', name };
  }

  async propose(input: PolicyInput, options: ProposeOptions = {}): Promise<Proposal> {
    const { maxTokens, maxThoughtChars, temperature } = this.sampling;
    const seed = options.seed ?? this.sampling.seed;
    const { prompt, images } = renderChatMl(input.messages, input);
    const grammar = viewGrammar(input.tools, input.coordinates, input.view, maxThoughtChars);
    const answer = await this.runtime.complete(
      { prompt, images, grammar, maxTokens, seed, temperature },
      options,
    );
    const { promptTokens, completionTokens, cachedTokens } = answer;
    const parsed = parseTurn(answer.text);
    const isCut = answer.stop !== 'end' && !answer.text.includes('</tool_call>');
    if (isCut && answer.stop === 'context') {
      throw new MaskwrightError('POLICY_FAILED', 'The answer was cut off because the context was full.', {
        hint: 'Use fewer turns, or a model with a longer context.',
      });
    }
    return {
      thought: parsed.thought,
      call: isCut ? null : parsed.call,
      problem: isCut ? cutProblem : parsed.problem,
      raw: answer.text,
      usage: { promptTokens, completionTokens, cachedTokens },
    };
  }

  close(): Promise<void> {
    return this.runtime.close();
  }
}

/** A policy on any local runtime; the model is loaded at the first proposal. */
export function localPolicy(
  runtime: VisionRuntime,
  options: Pick<
    LlamaCppPolicyOptions,
    'model' | 'conventions' | 'maxTokens' | 'maxThoughtChars' | 'seed' | 'temperature'
  >,
): Policy {
  const name = options.model.split(/[\\/]/).pop() ?? options.model;
  return new LlamaCppPolicy(runtime, name.replace(/\.gguf$/i, ''), options.conventions ?? {}, {
    maxTokens: options.maxTokens ?? defaults.maxTokens,
    maxThoughtChars: options.maxThoughtChars ?? defaults.maxThoughtChars,
    seed: options.seed ?? defaults.seed,
    temperature: options.temperature ?? defaults.temperature,
  });
}

/**
 * A local GGUF vision model with its mmproj, run by llama.cpp in a child process. Its answers are held to the
 * canonical turn by a grammar made for the tools and the view. Files are checked at the first proposal.
 */
export function llamaCppPolicy(options: LlamaCppPolicyOptions): Policy {
  const runtime = new LlamaNodeRuntime({
    model: options.model,
    mmproj: options.mmproj ?? null,
    spawnModelChild: options.spawnModelChild,
    contextSize: options.contextSize ?? defaults.contextSize,
    gpuLayers: options.gpuLayers ?? 'auto',
    threads: options.threads ?? null,
    timeouts: options.timeouts,
    maxRespawns: options.maxRespawns,
  });
  return localPolicy(runtime, options);
}
