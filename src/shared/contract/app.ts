import { z } from 'zod';
import { nothing } from './common';

/** What the engine is and what it runs on. */

/** A component that can run models, for the status bar and `inspect`. */
export const componentStatusSchema = z.object({
  ready: z.boolean(),
  name: z.string(),
  /** Device that really runs it, e.g. "CPU", "CUDA". */
  device: z.string(),
  /** Why it runs there, or what is missing and what to do. */
  detail: z.string(),
  /** One of those that are shipped: small, and good for little; the agent knows the drawn scenes of the sample only. */
  basic: z.boolean(),
});
export type ComponentStatus = z.infer<typeof componentStatusSchema>;

export const appInfoSchema = z.object({
  name: z.string(),
  version: z.string(),
  segmenter: componentStatusSchema,
  agent: componentStatusSchema,
});
export type AppInfo = z.infer<typeof appInfoSchema>;

/** Execution providers of onnxruntime; `auto`: the best that works here. */
export const providerRequestSchema = z.enum(['auto', 'cpu', 'cuda', 'dml', 'coreml', 'webgpu']);
export type ProviderRequest = z.infer<typeof providerRequestSchema>;

const placementSchema = z.object({
  requested: providerRequestSchema,
  /** Null: not loaded. */
  actual: z.string().nullable(),
  /** Why others were passed over. */
  reasons: z.array(z.string()),
});

/** What is set up, as a person writes it, and where it really runs. */
export const setupSchema = z.object({
  agent: z.object({
    /** `llama:…`, `openai:…`, `embedded` or `none`. */
    policy: z.string(),
    coordinates: z.enum(['norm1000', 'pixel']),
    /** Given at start for this run, not stored. */
    onlyThisRun: z.boolean(),
    /** Whether the environment names a key for endpoints; the key itself never leaves the engine. */
    hasKey: z.boolean(),
  }),
  segmenter: z.object({
    segmenter: z.string(),
    provider: providerRequestSchema,
    onlyThisRun: z.boolean(),
    /** Null while none is loaded. */
    runs: z
      .object({
        signature: z.string(),
        encoder: placementSchema,
        decoder: placementSchema,
        threads: z.object({ encoder: z.number().int(), decoder: z.number().int() }),
        /** Side of the encoder's input, pixels. */
        inputSize: z.number().int(),
        /** A stand-in for tests, not SAM. */
        surrogate: z.boolean(),
      })
      .nullable(),
  }),
});
export type Setup = z.infer<typeof setupSchema>;

export const cacheKindSchema = z.enum(['embeddings', 'thumbnails']);
export type CacheKind = z.infer<typeof cacheKindSchema>;

/** Folders of the user's data, shown to the person. */
export const storageSchema = z.object({
  /** Settings, recent projects, sample projects. */
  dataFolder: z.string(),
  /** They may be deleted at any time. */
  caches: z.array(
    z.object({ kind: cacheKindSchema, folder: z.string(), files: z.number().int(), bytes: z.number() }),
  ),
});
export type Storage = z.infer<typeof storageSchema>;

export const appMethods = {
  'app.info': { input: nothing, output: appInfoSchema },
  /** Configures the agent: a GGUF (+ mmproj) path, or an OpenAI-compatible endpoint; `none` removes it. */
  'app.configureAgent': {
    input: z.strictObject({ policy: z.string(), coordinates: z.enum(['norm1000', 'pixel']) }),
    output: appInfoSchema,
  },
  /** Configures the segmenter: "ENCODER.onnx,DECODER.onnx" or "embedded". A provider that is left out stays. */
  'app.configureSegmenter': {
    input: z.strictObject({ segmenter: z.string(), provider: providerRequestSchema.optional() }),
    output: appInfoSchema,
  },
  'app.setup': { input: nothing, output: setupSchema },
  /** Counts the files, which takes a moment when there are many. */
  'app.storage': { input: nothing, output: storageSchema },
  /** Deletes what can be made again; what is in use keeps working. */
  'app.clearCache': { input: z.strictObject({ kind: cacheKindSchema }), output: storageSchema },
} as const;
