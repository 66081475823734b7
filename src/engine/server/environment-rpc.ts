import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { toWireError } from '@shared/contract/rpc-server';
import { z } from 'zod';
import {
  InvalidMessage,
  type ObservationReply,
  parseAs,
  parseReset,
  type RpcRequest,
  resetDataSchema,
  rpcRequestSchema,
  type ToolListing,
} from './environment-messages';
import { type EnvironmentSession, toolListings } from './environment-session';
import { CapacityReached, type EnvironmentSessions } from './environment-sessions';

/** Codes of JSON-RPC 2.0. */
const rpcCodes = {
  parse: -32700,
  request: -32600,
  method: -32601,
  params: -32602,
  internal: -32603,
  server: -32000,
} as const;

type RpcReply = { jsonrpc: '2.0'; id: string | number | null } & (
  | { result: unknown }
  | { error: { code: number; message: string; data: unknown } }
);

class RpcError extends MaskwrightError {
  constructor(
    readonly rpcCode: number,
    message: string,
  ) {
    super('INVALID_REQUEST', message);
  }
}

/** OpenEnv forbids the name "reset" for a tool. */
const newEpisode = 'new_episode';

/**
 * OpenEnv's JSON-RPC side: the environment's tools as MCP lists and calls them, and sessions for HTTP, which has no
 * connection to tie them to. `own` is the session of the connection that a request came by; null over HTTP.
 */
export async function answerRpc(
  value: unknown,
  sessions: EnvironmentSessions,
  own: { id: string; session: EnvironmentSession } | null,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<RpcReply> {
  let request: RpcRequest;
  try {
    request = parseAs(rpcRequestSchema, value);
  } catch (error) {
    return {
      jsonrpc: '2.0',
      id: null,
      error: { code: rpcCodes.request, message: messageOf(error), data: null },
    };
  }
  const id = request.id ?? null;
  try {
    return { jsonrpc: '2.0', id, result: await resultOf(request, sessions, own, signal) };
  } catch (error) {
    return { jsonrpc: '2.0', id, error: rpcErrorOf(error, log) };
  }
}

export function unreadableRpc(): RpcReply {
  return { jsonrpc: '2.0', id: null, error: { code: rpcCodes.parse, message: 'Parse error', data: null } };
}

export function capacityRpc(error: CapacityReached): RpcReply {
  return { jsonrpc: '2.0', id: null, error: rpcErrorOf(error, () => undefined) };
}

function rpcErrorOf(
  error: unknown,
  log: (line: string) => void,
): { code: number; message: string; data: unknown } {
  if (error instanceof RpcError) return { code: error.rpcCode, message: error.message, data: null };
  if (error instanceof CapacityReached) {
    const data = { active_sessions: error.active, max_sessions: error.most };
    return { code: rpcCodes.server, message: error.message, data };
  }
  if (error instanceof InvalidMessage) {
    return { code: rpcCodes.params, message: error.message, data: error.complaints };
  }
  const { message, hint } = toWireError(error, 'mcp', log);
  return { code: rpcCodes.internal, message: `${message} ${hint}`.trim(), data: null };
}

async function resultOf(
  { method, params }: RpcRequest,
  sessions: EnvironmentSessions,
  own: { id: string; session: EnvironmentSession } | null,
  signal: AbortSignal,
): Promise<unknown> {
  switch (method) {
    case 'openenv/session/create':
      return { session_id: own?.id ?? sessions.open().id };
    case 'openenv/session/close': {
      const id = requiredText(params, 'session_id');
      if (id === own?.id) throw new RpcError(rpcCodes.request, 'The session of a connection ends with it.');
      if (!sessions.close(id)) throw new RpcError(rpcCodes.params, `Unknown session_id: ${id}`);
      return { session_id: id, closed: true };
    }
    case 'tools/list':
      return {
        tools: listed(sessions).map(({ input_schema: inputSchema, ...tool }) => ({ ...tool, inputSchema })),
      };
    case 'tools/call':
      return callTool(params, own?.session ?? sessionOf(params, sessions), signal);
    default:
      throw new RpcError(rpcCodes.method, `Method not found: ${method}`);
  }
}

function listed(sessions: EnvironmentSessions): ToolListing[] {
  return [
    {
      name: newEpisode,
      description: 'Begin an episode: an item of the data set by index or seed, or an image and a query.',
      input_schema: z.toJSONSchema(resetDataSchema, { io: 'input' }),
    },
    ...toolListings(sessions.world),
  ];
}

function sessionOf(params: Record<string, unknown>, sessions: EnvironmentSessions): EnvironmentSession {
  const id = requiredText(params, 'session_id');
  const session = sessions.get(id);
  if (!session) throw new RpcError(rpcCodes.params, `Unknown session_id: ${id}`);
  return session;
}

function requiredText(params: Record<string, unknown>, name: string): string {
  const value = params[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new RpcError(rpcCodes.params, `Invalid params - '${name}' is required`);
}

async function callTool(
  params: Record<string, unknown>,
  session: EnvironmentSession,
  signal: AbortSignal,
): Promise<unknown> {
  const name = requiredText(params, 'name');
  const at = ['params', 'arguments'];
  const given = parseAs(z.record(z.string(), z.unknown()), params.arguments ?? {}, at);
  if (name === newEpisode) {
    const data = parseReset(given, at);
    return toolResult(await session.reset(data, signal, at), false);
  }
  const { reply, invalid } = await session.call({ name, arguments: given }, null, signal);
  return toolResult(reply, invalid !== null);
}

/** As MCP gives a tool's result: text and pictures for the model, the rest for the program. */
function toolResult({ observation, reward, done }: ObservationReply, isError: boolean): unknown {
  const { images, text, ...rest } = observation;
  return {
    content: [
      { type: 'text', text },
      ...(Array.isArray(images) ? images : []).map((data) => ({
        type: 'image',
        data,
        mimeType: 'image/png',
      })),
    ],
    structuredContent: { ...rest, text, reward, done },
    isError,
  };
}
