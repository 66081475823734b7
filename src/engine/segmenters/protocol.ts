/**
 * Messages between the engine and a segmenter thread. Types and hand-written guards only: this file is part of
 * the thread's bundle, which must stay free of zod.
 */
import type { Size } from '@shared/geometry/types';
import type { Bitmap } from '@shared/mask/bitmap';
import type { LowResMask, Prompt, RgbImage } from './segmenter';
import type { DecoderPlan, EncoderPlan } from './signatures';

export const providerNames = ['cpu', 'cuda', 'dml', 'coreml', 'webgpu'] as const;
/** Execution providers of onnxruntime that can be asked for. `dml` is DirectML. */
export type ProviderName = (typeof providerNames)[number];

/** One input or output of a session. A dynamic dimension is its symbolic name. */
export interface TensorInfo {
  name: string;
  /** onnxruntime's name, such as `float32`. */
  type: string;
  shape: ReadonlyArray<number | string>;
}

/** One output of an encoder: row-major float32 of any shape, under the decoder's input name. */
export interface EmbeddingTensor {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}

export interface LoadedModel {
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  provider: ProviderName;
  /** Why the provider is not the one asked for, and what else a person should know about it. */
  reasons: string[];
  /** The file's `metadata_props`. */
  metadata: Record<string, string>;
}

/** The part of a mask around its foreground: `x` and `y` are the image pixel of its first one. */
export interface MaskPart extends Bitmap {
  x: number;
  y: number;
}

/** What a decoder answers: parallel arrays, one entry a candidate, in the model's order. */
export interface DecodedCandidates {
  /** Null: no foreground. Cut to it, because whole masks of large images would fill the memory. */
  masks: (MaskPart | null)[];
  predictedIou: number[];
  lowRes: LowResMask[];
}

export interface LoadCommand {
  type: 'load';
  file: string;
  /** Tried in this order, each in a session of its own. */
  providers: ProviderName[];
  threads: number;
}
export interface EncodeCommand {
  type: 'encode';
  plan: EncoderPlan;
  image: RgbImage;
  /** Size of the image where the pixels show it scaled down. */
  of?: Size;
}
export interface DecodeCommand {
  type: 'decode';
  plan: DecoderPlan;
  /** Names the embedding; the thread keeps the last {@link threadEmbeddings} of them. */
  key: string;
  /** Null when the thread has `key`. */
  embedding: EmbeddingTensor[] | null;
  prompt: Prompt;
  image: Size;
}
export type ThreadCommand = LoadCommand | EncodeCommand | DecodeCommand;

/** What each command answers with. */
export interface ThreadAnswers {
  load: LoadedModel;
  encode: EmbeddingTensor[];
  decode: DecodedCandidates;
}

/** Embeddings that a decoder thread keeps. Both sides count the same way: least recently used goes. */
export const threadEmbeddings = 4;

export type ThreadErrorCode = 'MODEL_MISSING' | 'MODEL_UNREADABLE' | 'SEGMENTER_FAILED' | 'INVALID_REQUEST';

export interface ThreadError {
  code: ThreadErrorCode;
  message: string;
  hint: string;
}

export interface ThreadRequest {
  id: number;
  command: ThreadCommand;
}
export type ThreadReply =
  | { id: number; ok: true; value: ThreadAnswers[keyof ThreadAnswers] }
  | { id: number; ok: false; error: ThreadError };

/** An error that a thread reports with a code; anything else becomes SEGMENTER_FAILED. */
export class ThreadFailure extends Error {
  constructor(
    readonly code: ThreadErrorCode,
    message: string,
    readonly hint = '',
  ) {
    super(message);
    this.name = 'ThreadFailure';
  }
}

const commandTypes: readonly unknown[] = ['load', 'encode', 'decode'];
const errorCodes: readonly unknown[] = [
  'MODEL_MISSING',
  'MODEL_UNREADABLE',
  'SEGMENTER_FAILED',
  'INVALID_REQUEST',
];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Whether a message is a request of ours: both ends are the same build, so its envelope is enough. */
export function isThreadRequest(value: unknown): value is ThreadRequest {
  return (
    isRecord(value) &&
    typeof value.id === 'number' &&
    isRecord(value.command) &&
    commandTypes.includes(value.command.type)
  );
}

export function isThreadReply(value: unknown): value is ThreadReply {
  if (!isRecord(value) || typeof value.id !== 'number') return false;
  if (value.ok === true) return isRecord(value.value);
  return (
    value.ok === false &&
    isRecord(value.error) &&
    errorCodes.includes(value.error.code) &&
    typeof value.error.message === 'string' &&
    typeof value.error.hint === 'string'
  );
}

/** The last message to a thread: it ends when what runs has come to its end. */
export const closeThread = 'close';
