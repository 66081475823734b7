import { z } from 'zod';

/** Messages between a runtime and its model child. Both sides check what they receive. */
export const toChildSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('load'),
    id: z.number().int(),
    model: z.string(),
    mmproj: z.string(),
    /** Tokens. */
    contextSize: z.number().int().min(1),
    /** `auto`: as many as fit on the graphics card, if there is one. */
    gpuLayers: z.union([z.literal('auto'), z.number().int().min(0)]),
    threads: z.number().int().min(1),
    /** What `auto` reckons with, in bytes, and the number of layers. */
    size: z.object({
      layers: z.number(),
      modelBytes: z.number(),
      mmprojBytes: z.number(),
      cacheBytesPerToken: z.number(),
    }),
  }),
  z.object({
    type: z.literal('complete'),
    id: z.number().int(),
    prompt: z.string(),
    /** PNG data URLs. */
    images: z.array(z.string()),
    /** Tokens that the images take in the context, as reckoned from their sizes. */
    imageTokens: z.number().int().min(0),
    grammar: z.string(),
    maxTokens: z.number().int().min(1),
    temperature: z.number().min(0),
    seed: z.number().int(),
  }),
  z.object({ type: z.literal('stop') }),
  /** Which builds of llama.cpp start here, and what they can compute on. */
  z.object({ type: z.literal('devices'), id: z.number().int() }),
]);
export type ToChild = z.infer<typeof toChildSchema>;

const deviceSchema = z.object({
  name: z.string(),
  /** `cpu`, `gpu`, `igpu`, `accel`. */
  type: z.string(),
  /** Bytes. */
  memory: z.number(),
});
export const backendSchema = z.object({
  /** `default`, `cuda`, `vulkan`: a build of llama.cpp. */
  name: z.string(),
  /** Whether it starts here: its package is installed and the driver's libraries are found. */
  available: z.boolean(),
  devices: z.array(deviceSchema),
});
export type Backend = z.infer<typeof backendSchema>;

/**
 * `bad-input`: refused before the model saw it, the child is well. `too-long`: the same, for length.
 * `load`: the files do not load. `fault`: the child must be replaced.
 */
export const childFailureSchema = z.enum(['bad-input', 'too-long', 'load', 'fault']);
export type ChildFailure = z.infer<typeof childFailureSchema>;

export const fromChildSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('loaded'), id: z.number().int(), device: z.string() }),
  z.object({ type: z.literal('devices'), id: z.number().int(), backends: z.array(backendSchema) }),
  z.object({ type: z.literal('token'), id: z.number().int(), text: z.string() }),
  z.object({
    type: z.literal('done'),
    id: z.number().int(),
    text: z.string(),
    stop: z.enum(['end', 'limit', 'context']),
    promptTokens: z.number().int().min(0),
    completionTokens: z.number().int().min(0),
    cachedTokens: z.number().int().min(0),
  }),
  z.object({
    type: z.literal('failed'),
    id: z.number().int(),
    failure: childFailureSchema,
    message: z.string(),
  }),
]);
export type FromChild = z.infer<typeof fromChildSchema>;

/** A child process as its host made it. `message` is plain data; what arrives is checked by the runtime. */
export interface ModelChild {
  readonly pid: number | undefined;
  send(message: ToChild): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, also when the child could not be started. */
  onExit(listener: (reason: string) => void): void;
  /** Ends it at once (SIGKILL where there are signals). */
  kill(): void;
}

/** Makes a child that runs the `model-child` bundle: utilityProcess in Electron's main, fork in Node hosts. */
export type SpawnModelChild = () => ModelChild;
