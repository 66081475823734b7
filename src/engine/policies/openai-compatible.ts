import { MaskwrightError } from '@shared/contract/errors';
import { viewGrammar } from '@shared/tools/grammar';
import { toolJsonSchemas } from '@shared/tools/json-schema';
import { parseTurn } from '@shared/tools/parse';
import { z } from 'zod';
import { replayable } from '../models/replayable';
import { EndpointError } from './openai-compatible-errors';
import { cancelled, EndpointClient, type EndpointTimeouts, normalizeBaseUrl } from './openai-compatible-http';
import { hermesMessages, nativeMessages, plainMessages } from './openai-compatible-messages';
import type { Policy, PolicyInput, Proposal, ProposeOptions } from './policy';

export interface OpenAiPolicyOptions {
  /** Address of the API, for example `http://127.0.0.1:8080/v1`; a bare origin gets `/v1`. */
  baseUrl: string;
  /** Null: the first that the server lists. */
  model: string | null;
  /** Never stored, logged or put into an error. */
  apiKey: string | null;
  /** Milliseconds to the first text of an answer, prompt evaluation included. */
  timeoutMs?: number;
  /** Milliseconds between two pieces of a streamed answer. */
  stallMs?: number;
  maxRetries?: number;
  /** Milliseconds before the first retry; doubles with each. */
  backoffMs?: number;
  stream?: boolean;
  /** Most tokens of an answer. */
  maxTokens?: number;
  /** Most characters of a thought where a grammar holds it (llama-server). */
  maxThoughtChars?: number;
  temperature?: number;
  seed?: number;
  /**
   * How the model is asked to call. `grammar`: Hermes text held by GBNF (llama-server). `native`: `tools` with
   * `tool_choice`. `text`: Hermes text, not held by anything; for models trained on exported trajectories behind
   * other servers, and for brief prompts, because a server would write natively given tools into them. `auto`: grammar on a llama-server, else native, and text where the server refuses tools.
   */
  mode?: 'auto' | 'grammar' | 'native' | 'text';
}

const defaults = {
  timeoutMs: 300_000,
  stallMs: 60_000,
  maxRetries: 3,
  backoffMs: 500,
  maxTokens: 2048,
  maxThoughtChars: 600,
  temperature: 0,
  seed: 0,
};
const probeTimeout = 10_000;

/** What llama-server tells about itself (`/props`). */
const propsSchema = z.object({
  default_generation_settings: z.unknown(),
  total_slots: z.number(),
  modalities: z.object({ vision: z.boolean() }).optional(),
});
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })) });

/** What was learnt about a server, by asking and by its refusals. */
interface Server {
  model: string;
  mode: 'grammar' | 'native' | 'text';
  toolChoice: 'required' | 'auto';
  /** Parameters that it does not take. */
  without: Set<string>;
  usesMaxCompletionTokens: boolean;
}

const optionalParameters = ['temperature', 'seed', 'stream_options'];

/** Adapts to a refusal; true when the request is worth another attempt. */
function learn(server: Server, error: EndpointError, isAuto: boolean): boolean {
  if (error.status !== 400 && error.status !== 404 && error.status !== 422 && error.status !== 500)
    return false;
  if (/max_completion_tokens/.test(error.said) && !server.usesMaxCompletionTokens) {
    server.usesMaxCompletionTokens = true;
    return true;
  }
  const refused = optionalParameters.find((name) => error.said.includes(name) && !server.without.has(name));
  if (refused && error.status !== 500) {
    server.without.add(refused);
    return true;
  }
  if (server.mode !== 'native' || !/tool/i.test(error.said)) return false;
  if (server.toolChoice === 'required' && /tool.?choice|required/i.test(error.said)) {
    server.toolChoice = 'auto';
    return true;
  }
  if (!isAuto) return false;
  server.mode = 'text';
  return true;
}

class OpenAiPolicy implements Policy {
  readonly author = 'agent';
  readonly readsPrompt = true;
  private readonly baseUrl: string;
  private readonly client: EndpointClient;
  private server: Promise<Server> | null = null;
  private modelName: string | null;
  private readonly closing = new AbortController();

  constructor(private readonly options: OpenAiPolicyOptions) {
    this.baseUrl = normalizeBaseUrl(options.baseUrl);
    this.modelName = options.model;
    const timeouts: EndpointTimeouts = {
      firstToken: options.timeoutMs ?? defaults.timeoutMs,
      stall: options.stallMs ?? defaults.stallMs,
    };
    this.client = new EndpointClient({
      baseUrl: this.baseUrl,
      apiKey: options.apiKey,
      timeouts,
      maxRetries: options.maxRetries ?? defaults.maxRetries,
      backoff: options.backoffMs ?? defaults.backoffMs,
    });
  }

  /** The model's name once it is known, else the server's host. */
  get identity(): { kind: string; name: string } {
    const name = this.modelName?.split(/[\\/]/).pop() ?? new URL(this.baseUrl).host;
    return { kind: 'openai-compatible', name };
  }

  async propose(input: PolicyInput, options: ProposeOptions = {}): Promise<Proposal> {
    const linked = link(options.signal, this.closing.signal);
    try {
      if (linked.signal.aborted) throw cancelled();
      const server = await orAborted(this.findServer(), linked.signal);
      const isAuto = (this.options.mode ?? 'auto') === 'auto';
      const stream = replayable(options.onText ?? (() => undefined));
      const answer = await this.client.complete(
        () => this.bodyFor(server, input, options.seed),
        (error) => learn(server, error, isAuto),
        () => {
          stream.restart();
          return (text) => stream.push(text);
        },
        linked.signal,
      );
      const parsed = parseTurn(answer.text);
      const isCut = answer.finishReason === 'length' && parsed.call === null;
      return {
        ...parsed,
        problem: isCut ? 'The answer was cut off at its limit of tokens before a call.' : parsed.problem,
        raw: answer.text,
        usage: answer.usage,
      };
    } finally {
      linked.end();
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
  }

  /** Asks once which kind of server and which model; a failure is asked again the next time. */
  private findServer(): Promise<Server> {
    if (!this.server) {
      // Shared by all calls, so no single one's signal may end it.
      const asked = this.askServer(this.closing.signal);
      asked.catch(() => {
        if (this.server === asked) this.server = null;
      });
      this.server = asked;
    }
    return this.server;
  }

  private async askServer(signal: AbortSignal): Promise<Server> {
    const { mode = 'auto' } = this.options;
    const isLlamaServer = mode === 'auto' && (await this.isLlamaServer(signal));
    const model = this.options.model ?? (await this.firstModel(signal));
    this.modelName = model;
    return {
      model,
      mode: mode === 'auto' ? (isLlamaServer ? 'grammar' : 'native') : mode,
      toolChoice: 'required',
      without: new Set(),
      usesMaxCompletionTokens: false,
    };
  }

  private async isLlamaServer(signal: AbortSignal): Promise<boolean> {
    let body: unknown;
    try {
      body = await this.client.getJson(`${this.baseUrl.replace(/\/v\d+$/, '')}/props`, probeTimeout, signal);
    } catch (error) {
      // Another kind of server answers 404 or rubbish. One that is loading or away may yet be a llama-server.
      const isOther = error instanceof EndpointError && !error.isAway;
      if (isOther) return false;
      throw error;
    }
    const props = propsSchema.safeParse(body);
    if (props.success && props.data.modalities?.vision === false) {
      throw new MaskwrightError('ENDPOINT_FAILED', 'The llama-server runs a model that cannot see images.', {
        hint: 'Start it with a vision model and its mmproj file (--mmproj).',
      });
    }
    return props.success;
  }

  private async firstModel(signal: AbortSignal): Promise<string> {
    const body = await this.client.getJson(`${this.baseUrl}/models`, probeTimeout, signal);
    const models = modelsSchema.safeParse(body);
    const [first] = models.success ? models.data.data : [];
    if (first) return first.id;
    throw new MaskwrightError('ENDPOINT_FAILED', 'The server lists no model.', {
      hint: 'Name the model in the settings, or load one on the server.',
    });
  }

  private bodyFor(server: Server, input: PolicyInput, seed: number | undefined): Record<string, unknown> {
    const { options } = this;
    const { tools, coordinates, prompt, view } = input;
    const stream = options.stream ?? true;
    const maxTokens = options.maxTokens ?? defaults.maxTokens;
    const body: Record<string, unknown> = {
      model: server.model,
      stream,
      ...(stream ? { stream_options: { include_usage: true } } : {}),
      [server.usesMaxCompletionTokens ? 'max_completion_tokens' : 'max_tokens']: maxTokens,
      temperature: options.temperature ?? defaults.temperature,
      seed: seed ?? options.seed ?? defaults.seed,
    };
    for (const name of server.without) delete body[name];
    if (tools.length === 0) return { ...body, messages: plainMessages(input.messages) };
    switch (server.mode === 'native' && prompt === 'brief' ? 'text' : server.mode) {
      case 'native':
        return {
          ...body,
          messages: nativeMessages(input.messages),
          tools: toolJsonSchemas(tools, coordinates),
          tool_choice: server.toolChoice,
        };
      case 'text':
        return { ...body, messages: hermesMessages(input.messages, input) };
      case 'grammar':
        return {
          ...body,
          messages: hermesMessages(input.messages, input),
          grammar: viewGrammar(tools, coordinates, view, options.maxThoughtChars ?? defaults.maxThoughtChars),
          // llama-server: keep the text whole, and the prompt's evaluation for the next turn.
          reasoning_format: 'none',
          cache_prompt: true,
        };
    }
  }
}

/** The promise's result, or CANCELLED as soon as the signal aborts. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(cancelled());
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** One signal that aborts with either; `end` lets go of both. */
function link(one: AbortSignal | undefined, two: AbortSignal): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const signals = one ? [one, two] : [two];
  for (const signal of signals) {
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of signals) signal.removeEventListener('abort', abort);
    },
  };
}

/**
 * A model behind an OpenAI-compatible API: llama-server, Ollama, LM Studio, vLLM, or a hosted one. A running
 * llama-server is used through this policy too, and is held to the canonical turn by a grammar. Asked without tools, it
 * answers in plain text (`raw`).
 *
 * @throws MaskwrightError INVALID_REQUEST for an address that is none; proposals throw ENDPOINT_FAILED
 */
export function openAiPolicy(options: OpenAiPolicyOptions): Policy {
  return new OpenAiPolicy(options);
}
