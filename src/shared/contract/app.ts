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
});
export type ComponentStatus = z.infer<typeof componentStatusSchema>;

export const appInfoSchema = z.object({
  name: z.string(),
  version: z.string(),
  segmenter: componentStatusSchema,
  agent: componentStatusSchema,
});
export type AppInfo = z.infer<typeof appInfoSchema>;

export const appMethods = {
  'app.info': { input: nothing, output: appInfoSchema },
  /** Configures the agent: a GGUF (+ mmproj) path, or an OpenAI-compatible endpoint; `none` removes it. */
  'app.configureAgent': {
    input: z.strictObject({ policy: z.string(), coordinates: z.enum(['norm1000', 'pixel']) }),
    output: appInfoSchema,
  },
  /** Configures the segmenter: "ENCODER.onnx,DECODER.onnx" or "embedded". */
  'app.configureSegmenter': { input: z.strictObject({ segmenter: z.string() }), output: appInfoSchema },
} as const;
