import { Decoder, Encoder } from '@msgpack/msgpack';
import { z } from 'zod';
import { wireErrorSchema } from './errors';
import {
  type EventName,
  type EventPayload,
  events,
  type MethodInput,
  type MethodName,
  type MethodOutput,
  methods,
} from './methods';

/** The messages of the RPC, the same over every transport, and their binary form for WebSocket. */

/** Raised when old and new sides cannot understand each other (a browser tab that outlived an upgrade). */
export const PROTOCOL_VERSION = 1;

/** Largest message that the server accepts, in bytes. Masks of a whole job fit many times over. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

const callId = z.number().int().min(0);

export const clientMessageSchema = z.object({
  kind: z.literal('call'),
  id: callId,
  method: z.string().max(100),
  input: z.unknown(),
});
export type ClientMessage = z.infer<typeof clientMessageSchema>;

export const serverMessageSchema = z.discriminatedUnion('kind', [
  /** First message of every connection: the engine listens. */
  z.object({ kind: z.literal('hello'), protocol: z.number().int() }),
  z.object({ kind: z.literal('result'), id: callId, output: z.unknown() }),
  z.object({ kind: z.literal('failure'), id: callId, error: wireErrorSchema }),
  z.object({ kind: z.literal('event'), event: z.string(), payload: z.unknown() }),
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** The contract's schemas, typed so that a generic method or event keeps its own input and output. */
export const methodSchemas: {
  readonly [M in MethodName]: {
    readonly input: z.ZodType<z.output<(typeof methods)[M]['input']>, MethodInput<M>>;
    readonly output: z.ZodType<MethodOutput<M>>;
  };
} = methods;
export const eventSchemas: { readonly [E in EventName]: z.ZodType<EventPayload<E>> } = events;

export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(methods, name);
}

export function isEventName(name: string): name is EventName {
  return Object.hasOwn(events, name);
}

/** Where a value breaks its schema and how, for a person: `items.3.width: expected number`. */
export function describeProblem(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'invalid value';
  return issue.path.length === 0 ? issue.message : `${issue.path.map(String).join('.')}: ${issue.message}`;
}

/** undefined properties are left out, as they would be in JSON: optional fields stay absent. */
const encoder = new Encoder({ ignoreUndefined: true });
const decoder = new Decoder({});

/** A message as one binary frame. Uint8Array survives; other typed arrays, Map and Date do not. */
export function encodeFrame(message: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(message);
}

/** Throws on anything that is not one whole MessagePack value. */
export function decodeFrame(frame: Uint8Array): unknown {
  return decoder.decode(frame);
}

/** True when a message is certainly no larger than the bound; stops counting as soon as it is. */
export function isWithinSize(message: unknown, limit: number = MAX_MESSAGE_BYTES): boolean {
  let left = limit;
  const stack: unknown[] = [message];
  while (stack.length > 0) {
    const value = stack.pop();
    left -= 8;
    if (typeof value === 'string') left -= value.length;
    else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) left -= value.byteLength;
    else if (Array.isArray(value)) {
      left -= value.length * 8;
      if (left >= 0) for (const item of value) stack.push(item);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        left -= key.length;
        stack.push(item);
      }
    }
    if (left < 0) return false;
  }
  return true;
}
