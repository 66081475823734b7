import type { PngImage } from '../policies/policy';

/** Stands for the next image in a {@link VisionRequest}'s prompt. Escape it in text that comes from elsewhere. */
export const mediaMarker = '<__media__>';

export interface VisionRequest {
  /** The rendered chat, with one {@link mediaMarker} for each image. */
  prompt: string;
  images: readonly PngImage[];
  /** GBNF that holds the answer. */
  grammar: string;
  /** Most tokens of the answer. */
  maxTokens: number;
  temperature: number;
  seed: number;
}

export interface VisionCompletion {
  text: string;
  /** Why it ended: of itself, at `maxTokens`, or because the context was full. */
  stop: 'end' | 'limit' | 'context';
  /** Tokens of the whole prompt, images included, as far as the runtime knows. */
  promptTokens: number;
  completionTokens: number;
  /** Tokens of the prompt that did not have to be evaluated again. */
  cachedTokens: number;
}

export interface VisionRuntimeInfo {
  /** Name of the model as its file gives it. */
  model: string;
  /** What computes, for people: "CPU, 8 threads" or "CUDA0, 28 of 28 layers". */
  device: string;
}

/**
 * Runs a vision language model on this machine. Completions run one at a time, later ones wait. Faults of the
 * native code are the runtime's to contain: a caller sees a result or a MaskwrightError.
 */
export interface VisionRuntime {
  /** Checks the files and loads the model, once; later calls give the same answer. */
  load(): Promise<VisionRuntimeInfo>;
  /**
   * @throws MaskwrightError MODEL_* for the files, POLICY_FAILED for a prompt that cannot be run or repeated
   * faults, CANCELLED at once when the signal aborts
   */
  complete(
    request: VisionRequest,
    options?: { signal?: AbortSignal; onText?: (text: string) => void },
  ): Promise<VisionCompletion>;
  /** Ends the child. Calls in flight are CANCELLED. */
  close(): Promise<void>;
}
