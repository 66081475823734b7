import { z } from 'zod';

/** Messages between main and the engine's process, beside the ports that carry the contract. */

export const toEngineSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    dataDir: z.string(),
    cacheDir: z.string(),
    resourcesDir: z.string(),
    outDir: z.string(),
    project: z.string().optional(),
    checkOutputs: z.boolean(),
  }),
  /** Comes with a port that speaks the contract. */
  z.object({ type: z.literal('connect') }),
  /** Comes with a port to the model child of that id. */
  z.object({ type: z.literal('model-child'), id: z.number().int() }),
  z.object({ type: z.literal('close') }),
]);
export type ToEngine = z.infer<typeof toEngineSchema>;

export const fromEngineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('spawn-model-child'), id: z.number().int() }),
  /** Where the open project is, so that it is opened again after a crash. */
  z.object({ type: z.literal('project'), location: z.string().nullable() }),
]);
export type FromEngine = z.infer<typeof fromEngineSchema>;

/** On the port of a model child: main passes messages through and tells its end. */
export const toModelChildPortSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message'), message: z.unknown() }),
  z.object({ type: z.literal('kill') }),
]);
export type ToModelChildPort = z.infer<typeof toModelChildPortSchema>;

export const fromModelChildPortSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), pid: z.number().int().optional() }),
  z.object({ type: z.literal('message'), message: z.unknown() }),
  z.object({ type: z.literal('exit'), reason: z.string() }),
]);
export type FromModelChildPort = z.infer<typeof fromModelChildPortSchema>;
