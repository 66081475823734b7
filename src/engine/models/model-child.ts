import { setTimeout } from 'node:timers/promises';
import {
  type BackendDeviceInfo,
  getBackendDevicesInfo,
  isLibVariantAvailable,
  type LibVariant,
  type LlamaContextWrapper,
  loadModel,
} from '@fugood/llama.node';
import { z } from 'zod';
import {
  type Backend,
  type ChildFailure,
  type FromChild,
  type ToChild,
  toChildSchema,
} from './child-protocol';
import { layersThatFit } from './gpu-layers';

/**
 * The disposable process around llama.cpp (@fugood/llama.node). It loads one model once and completes one
 * prompt at a time; the runtime on the other side replaces it on any fault. Everything that the native code
 * accepts only at the price of a crash or a stuck context is checked here first.
 */
interface Endpoint {
  send(message: FromChild): void;
  onMessage(listener: (message: unknown) => void): void;
}

const portEventSchema = z.object({ data: z.unknown() });

/** Electron's utilityProcess has `process.parentPort`, a fork of Node has `process.send`. */
function connect(): Endpoint {
  const port: unknown = Reflect.get(process, 'parentPort');
  if (port !== null && typeof port === 'object') {
    const call = (method: 'postMessage' | 'on', ...given: unknown[]): void => {
      const member: unknown = Reflect.get(port, method);
      if (typeof member === 'function') Reflect.apply(member, port, given);
    };
    return {
      send: (message) => call('postMessage', message),
      onMessage: (listener) =>
        call('on', 'message', (event: unknown) => {
          const parsed = portEventSchema.safeParse(event);
          if (parsed.success) listener(parsed.data.data);
        }),
    };
  }
  // The host is gone: nothing is left to do.
  process.on('disconnect', () => process.exit(0));
  return {
    send: (message) => process.send?.(message),
    onMessage: (listener) => process.on('message', listener),
  };
}

type LoadMessage = Extract<ToChild, { type: 'load' }>;
type CompleteMessage = Extract<ToChild, { type: 'complete' }>;

class Failure extends Error {
  constructor(
    readonly failure: ChildFailure,
    message: string,
  ) {
    super(message);
  }
}

interface Loaded {
  context: LlamaContextWrapper;
  contextSize: number;
}

interface Placement {
  variant: LibVariant;
  layers: number;
  card: BackendDeviceInfo | null;
}

/** Builds with graphics cards first; on macOS the default one has Metal. */
const accelerated: LibVariant[] = process.platform === 'darwin' ? ['default'] : ['cuda', 'vulkan'];

/** The first build that finds a graphics card, else the default one. */
async function findCard(): Promise<{ variant: LibVariant; card: BackendDeviceInfo | null }> {
  for (const variant of accelerated) {
    if (!(await isLibVariantAvailable(variant))) continue;
    const devices = await getBackendDevicesInfo(variant);
    const card = devices.find((device) => device.type.toLowerCase() === 'gpu');
    if (card) return { variant, card };
  }
  return { variant: 'default', card: null };
}

async function listBackends(): Promise<Backend[]> {
  const variants = new Set<LibVariant>(['default', ...accelerated]);
  const backends: Backend[] = [];
  for (const variant of variants) {
    const available = await isLibVariantAvailable(variant);
    const devices = available ? await getBackendDevicesInfo(variant) : [];
    backends.push({
      name: variant,
      available,
      devices: devices.map(({ deviceName, type, maxMemorySize }) => ({
        name: deviceName,
        type: type.toLowerCase(),
        memory: maxMemorySize,
      })),
    });
  }
  return backends;
}

async function place(message: LoadMessage): Promise<Placement> {
  if (message.gpuLayers === 0) return { variant: 'default', layers: 0, card: null };
  const { variant, card } = await findCard();
  if (!card) return { variant, layers: 0, card };
  const layers =
    message.gpuLayers === 'auto'
      ? layersThatFit(message.size, message.contextSize, card.maxMemorySize)
      : message.gpuLayers;
  return { variant, layers, card };
}

async function load(message: LoadMessage): Promise<{ loaded: Loaded; device: string }> {
  const { variant, layers, card } = await place(message);
  const isOnCard = card !== null && layers > 0;
  const context = await loadModel({
    model: message.model,
    lib_variant: variant,
    n_ctx: message.contextSize,
    n_gpu_layers: layers,
    n_threads: message.threads,
    ctx_shift: false,
  });
  const hasVision =
    context.initMultimodal({ path: message.mmproj, use_gpu: isOnCard }) &&
    context.getMultimodalSupport().vision;
  if (!hasVision) throw new Failure('load', 'The mmproj file does not load with this model');
  const device = isOnCard
    ? `${card.deviceName}, ${Math.min(layers, message.size.layers)} of ${message.size.layers} layers`
    : `CPU, ${message.threads} threads`;
  return { loaded: { context, contextSize: message.contextSize }, device };
}

/** Least room for an answer, in tokens. */
const leastAnswer = 64;

/**
 * The native side is done a little after it has answered: what is asked of the context before is refused, or ends the
 * process.
 */
const settlingTime = 20;
let settled: Promise<unknown> = Promise.resolve();

async function complete(
  loaded: Loaded,
  message: CompleteMessage,
  send: Endpoint['send'],
  isStopped: () => boolean,
): Promise<void> {
  const { context, contextSize } = loaded;
  await settled;
  // Tokenising refuses bad images and stray markers cleanly; the completion itself would leave the context stuck.
  const media = message.images.length > 0 ? { media_paths: message.images } : {};
  const { tokens } = await context.tokenize(message.prompt, media).catch((error: unknown) => {
    throw new Failure('bad-input', error instanceof Error ? error.message : String(error));
  });
  const textTokens = tokens.reduce((count, token) => (token >= 0 ? count + 1 : count), 0);
  const promptTokens = textTokens + Math.max(message.imageTokens, tokens.length - textTokens);
  const room = contextSize - promptTokens - 1;
  if (room < leastAnswer) {
    throw new Failure('too-long', `${promptTokens} tokens of prompt in a context of ${contextSize}`);
  }
  if (isStopped()) throw new Failure('bad-input', 'stopped');
  const limit = Math.min(message.maxTokens, room);
  let given = '';
  let isOver = false;
  const give = (text: string): void => {
    given += text;
    send({ type: 'token', id: message.id, text });
  };
  const completion = context.completion(
    {
      prompt: message.prompt,
      ...media,
      grammar: message.grammar,
      grammar_lazy: false,
      n_predict: limit,
      temperature: message.temperature,
      xtc_probability: 0,
      seed: message.seed,
    },
    ({ token }) => {
      if (!isOver) give(token);
    },
  );
  const result = await completion.finally(() => {
    settled = setTimeout(settlingTime);
  });
  // The native side queues tokens apart from the result, so the last ones can come after it.
  isOver = true;
  if (result.text.startsWith(given) && result.text !== given) give(result.text.slice(given.length));
  if (result.context_full) throw new Failure('fault', 'The context was full before the answer began');
  const isCut = result.stopped_limited || result.tokens_predicted >= limit;
  send({
    type: 'done',
    id: message.id,
    text: result.text,
    stop: !isCut ? 'end' : limit < message.maxTokens ? 'context' : 'limit',
    promptTokens,
    completionTokens: result.tokens_predicted,
    cachedTokens: Math.max(0, promptTokens - result.timings.prompt_n),
  });
}

function main(): void {
  const endpoint = connect();
  const { send } = endpoint;
  let loaded: Loaded | null = null;
  let isBusy = false;
  let isStopped = false;

  const handle = async (message: Exclude<ToChild, { type: 'stop' }>): Promise<void> => {
    if (isBusy) throw new Failure('fault', 'The model child is busy');
    isBusy = true;
    isStopped = false;
    try {
      if (message.type === 'load') {
        if (loaded) throw new Failure('load', 'A model is loaded already');
        const result = await load(message);
        loaded = result.loaded;
        send({ type: 'loaded', id: message.id, device: result.device });
      } else if (message.type === 'devices') {
        send({ type: 'devices', id: message.id, backends: await listBackends() });
      } else {
        if (!loaded) throw new Failure('fault', 'No model is loaded');
        await complete(loaded, message, send, () => isStopped);
      }
    } finally {
      isBusy = false;
    }
  };

  endpoint.onMessage((raw) => {
    const parsed = toChildSchema.safeParse(raw);
    if (!parsed.success) return;
    const message = parsed.data;
    if (message.type === 'stop') {
      isStopped = true;
      if (isBusy) loaded?.context.stopCompletion();
      return;
    }
    handle(message).catch((error: unknown) => {
      const failure = error instanceof Failure ? error.failure : message.type === 'load' ? 'load' : 'fault';
      const text = error instanceof Error ? error.message : String(error);
      send({ type: 'failed', id: message.id, failure, message: text });
    });
  });
  send({ type: 'ready' });
}

main();
