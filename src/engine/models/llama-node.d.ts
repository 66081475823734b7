/**
 * The part of @fugood/llama.node 1.7 that we use; the package ships its TypeScript sources as types, which a
 * strict project cannot check. Mapped by `paths` in tsconfig.base.json.
 */
export type LibVariant = 'default' | 'vulkan' | 'cuda' | 'snapdragon';

export interface LoadOptions {
  model: string;
  lib_variant?: LibVariant;
  n_ctx?: number;
  n_gpu_layers?: number;
  n_threads?: number;
  ctx_shift?: boolean;
}

export interface TokenizeResult {
  /** Media positions are −1, one for each position (not each token) that an image takes. */
  tokens: Int32Array;
  has_media: boolean;
}

export interface CompletionOptions {
  /** The prompt as it is; `<__media__>` stands for the next of `media_paths`. */
  prompt: string;
  /** Data URLs. */
  media_paths?: string[];
  grammar?: string;
  grammar_lazy?: false;
  n_predict: number;
  temperature: number;
  top_k?: number;
  top_p?: number;
  min_p?: number;
  /** 0 switches XTC off; the library's default does not. */
  xtc_probability: 0;
  seed: number;
  /** So many of the likeliest tokens are told at each place, as they are sampled: at temperature 0 one has it all. */
  n_probs?: number;
}

export interface CompletionResult {
  text: string;
  tokens_predicted: number;
  context_full: boolean;
  interrupted: boolean;
  stopped_limited: boolean;
  /** With `n_probs`, one a token; those of the context's earlier completions stand before. */
  completion_probabilities?: { content: string; probs: { tok_str: string; prob: number }[] }[];
  timings: { prompt_n: number; prompt_ms: number; predicted_n: number; predicted_ms: number };
}

export interface LlamaContextWrapper {
  getUsedDevices(): string[];
  initMultimodal(options: { path: string; use_gpu?: boolean }): boolean;
  getMultimodalSupport(): { vision: boolean; audio: boolean };
  tokenize(text: string, options?: { media_paths?: string[] }): Promise<TokenizeResult>;
  completion(
    options: CompletionOptions,
    onToken?: (token: { token: string }) => void,
  ): Promise<CompletionResult>;
  stopCompletion(): void;
  release(): Promise<void>;
}

export interface BackendDeviceInfo {
  backend: string;
  /** `cpu`, `gpu`, `igpu`, `accel`. */
  type: string;
  deviceName: string;
  /** Bytes. */
  maxMemorySize: number;
}

export function loadModel(options: LoadOptions): Promise<LlamaContextWrapper>;
export function isLibVariantAvailable(variant?: LibVariant): Promise<boolean>;
export function getBackendDevicesInfo(variant?: LibVariant): Promise<BackendDeviceInfo[]>;
