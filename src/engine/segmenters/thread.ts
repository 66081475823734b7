/**
 * A worker thread that holds one ONNX model, an encoder or a decoder: onnxruntime-node's run() blocks its thread.
 * Its bundle requires onnxruntime-node and Node's own modules only.
 */
import { statSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';
import { encoderInput } from './encoder-input';
import { formats } from './formats';
import { readOnnxMetadata } from './onnx-metadata';
import {
  closeThread,
  type DecodeCommand,
  type DecodedCandidates,
  type EmbeddingTensor,
  type EncodeCommand,
  isThreadRequest,
  type LoadCommand,
  type LoadedModel,
  type ProviderName,
  type TensorInfo,
  type ThreadAnswers,
  type ThreadCommand,
  type ThreadError,
  ThreadFailure,
  type ThreadReply,
  threadEmbeddings,
} from './protocol';
import { firstWorkingProvider } from './providers';
import type { OutputTensor } from './tensors';

// Failures come as errors and go into the report; printed as well they would only alarm.
ort.env.logLevel = 'fatal';

let session: ort.InferenceSession | null = null;
/** Embeddings by key, least recently used first. */
const embeddings = new Map<string, Map<string, ort.Tensor>>();

async function load(command: LoadCommand): Promise<LoadedModel> {
  const stats = statSync(command.file, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) {
    throw new ThreadFailure('MODEL_MISSING', `There is no model file at ${command.file}.`);
  }
  if (stats.size === 0) {
    throw new ThreadFailure(
      'MODEL_UNREADABLE',
      `${command.file} is empty.`,
      'The download or copy was cut off: fetch the file again.',
    );
  }
  const supported = ort.listSupportedBackends().map((backend) => backend.name);
  const attempt = await firstWorkingProvider(command.providers, supported, (provider, strict) =>
    ort.InferenceSession.create(command.file, sessionOptions(provider, strict, command.threads)),
  ).catch((error: unknown) => {
    throw new ThreadFailure(
      'MODEL_UNREADABLE',
      `${command.file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      'It is not an ONNX model, is damaged, or uses operators that this onnxruntime does not know.',
    );
  });
  await session?.release();
  session = attempt.session;
  embeddings.clear();
  return {
    inputs: session.inputMetadata.map(tensorInfo),
    outputs: session.outputMetadata.map(tensorInfo),
    provider: attempt.provider,
    reasons: attempt.reasons,
    metadata: readOnnxMetadata(command.file),
  };
}

function sessionOptions(
  provider: ProviderName,
  strict: boolean,
  threads: number,
): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    logSeverityLevel: 4,
    extra: {
      session: {
        // Spinning threads of one model take the cores from the other one: measured 1.2 to 1.6 times slower.
        intra_op: { allow_spinning: '0' },
        ...(strict ? { disable_cpu_ep_fallback: '1' } : {}),
      },
    },
  };
}

function tensorInfo(value: ort.InferenceSession.ValueMetadata): TensorInfo {
  return value.isTensor
    ? { name: value.name, type: value.type, shape: value.shape }
    : { name: value.name, type: 'no tensor', shape: [] };
}

async function encode({ plan, image, of }: EncodeCommand): Promise<EmbeddingTensor[]> {
  const input = encoderInput(image, plan, of);
  const outputs = await run(
    { [plan.input]: new ort.Tensor(input.type, input.data, input.shape) },
    plan.outputs.map(({ from }) => from),
  );
  return plan.outputs.map(({ from, to }) => {
    const output = outputs.get(from);
    if (output === undefined) throw new ThreadFailure('SEGMENTER_FAILED', `The encoder gave no ${from}.`);
    return { name: to, shape: output.shape, data: output.data };
  });
}

async function decode(command: DecodeCommand): Promise<DecodedCandidates> {
  const { plan, prompt, image } = command;
  const format = formats[plan.signature];
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, tensor] of embeddingOf(command)) feeds[name] = tensor;
  for (const { name, type, data, shape } of format.feeds(plan, prompt, image)) {
    feeds[name] = new ort.Tensor(type, data, shape);
  }
  const names = [plan.masks, plan.iou, ...(plan.lowRes === null ? [] : [plan.lowRes])];
  return format.candidates(plan, await run(feeds, names), image);
}

function embeddingOf({ key, embedding }: DecodeCommand): Map<string, ort.Tensor> {
  const known =
    embedding === null
      ? embeddings.get(key)
      : new Map(embedding.map(({ name, data, shape }) => [name, new ort.Tensor('float32', data, shape)]));
  if (known === undefined) {
    throw new ThreadFailure(
      'SEGMENTER_FAILED',
      'The decoder was asked about an image that it does not have.',
    );
  }
  embeddings.delete(key);
  embeddings.set(key, known);
  for (const oldest of embeddings.keys()) {
    if (embeddings.size <= threadEmbeddings) break;
    embeddings.delete(oldest);
  }
  return known;
}

async function run(
  feeds: Record<string, ort.Tensor>,
  names: readonly string[],
): Promise<Map<string, OutputTensor>> {
  if (session === null) throw new ThreadFailure('SEGMENTER_FAILED', 'No model is loaded.');
  const results = await session.run(feeds, [...names]);
  return new Map(
    names.map((name) => {
      const value = results[name];
      if (value === undefined || !(value.data instanceof Float32Array)) {
        throw new ThreadFailure(
          'SEGMENTER_FAILED',
          `The model gave ${name} as ${value === undefined ? 'nothing' : value.type}; float32 is expected.`,
        );
      }
      return [name, { shape: value.dims, data: value.data }];
    }),
  );
}

/** Every buffer of an answer, to be moved instead of copied. */
function buffersOf(command: ThreadCommand, value: ThreadAnswers[keyof ThreadAnswers]): ArrayBufferLike[] {
  if (command.type === 'encode' && Array.isArray(value)) return value.map(({ data }) => data.buffer);
  if (command.type === 'decode' && 'masks' in value) {
    return [...value.masks, ...value.lowRes].flatMap((part) => (part ? [part.data.buffer] : []));
  }
  return [];
}

function answer(command: ThreadCommand): Promise<ThreadAnswers[keyof ThreadAnswers]> {
  switch (command.type) {
    case 'load':
      return load(command);
    case 'encode':
      return encode(command);
    case 'decode':
      return decode(command);
  }
}

function errorOf(error: unknown): ThreadError {
  if (error instanceof ThreadFailure) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  return {
    code: 'SEGMENTER_FAILED',
    message: error instanceof Error ? error.message : String(error),
    hint: '',
  };
}

function isArrayBuffer(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  return buffer instanceof ArrayBuffer;
}

const port = parentPort;
port?.on('message', (message: unknown) => {
  if (message === closeThread) {
    // Without its port the thread ends by itself once what runs has come to its end.
    port.close();
    return;
  }
  if (!isThreadRequest(message)) return;
  const { id, command } = message;
  answer(command).then(
    (value) => {
      const reply: ThreadReply = { id, ok: true, value };
      port.postMessage(reply, [...new Set(buffersOf(command, value))].filter(isArrayBuffer));
    },
    (error: unknown) => {
      const reply: ThreadReply = { id, ok: false, error: errorOf(error) };
      port.postMessage(reply);
    },
  );
});
