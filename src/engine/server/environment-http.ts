import { randomUUID } from 'node:crypto';
import { MaskwrightError } from '@shared/contract/errors';
import { toWireError } from '@shared/contract/rpc-server';
import { applicationName, applicationVersion } from '../application';
import {
  InvalidMessage,
  type ObservationReply,
  parseAs,
  parseReset,
  schemaReply,
  stateSchema,
  stepRequestSchema,
} from './environment-messages';
import { answerRpc, unreadableRpc } from './environment-rpc';
import { EnvironmentSession } from './environment-session';
import { CapacityReached, type EnvironmentSessions } from './environment-sessions';

/** OpenEnv's routes. HTTP has no connection that a session could be tied to: `episode_id` names it. */

export interface JsonAnswer {
  status: number;
  json: unknown;
}

type Routes = Record<string, { GET?: Route; POST?: Route }>;
type Route = (request: RouteRequest) => JsonAnswer | Promise<JsonAnswer>;

export interface RouteRequest {
  sessions: EnvironmentSessions;
  query: URLSearchParams;
  /** Text of the body; empty where there is none. */
  body: string;
  /** Aborts when the client goes. */
  signal: AbortSignal;
  log: (line: string) => void;
}

export const metadataReply = {
  name: applicationName.toLowerCase(),
  description: 'Text-guided segmentation: a policy calls a segmenter over several turns until the mask fits.',
  version: applicationVersion,
  author: null,
  readme_content: null,
  documentation_url: null,
};

const routes: Routes = {
  '/health': { GET: () => ok({ status: 'healthy' }) },
  '/metadata': { GET: () => ok(metadataReply) },
  '/schema': { GET: () => ok(schemaReply()) },
  '/state': { GET: state },
  '/reset': { POST: reset },
  '/step': { POST: step },
  '/mcp': { POST: mcp },
};

/** Never throws. */
export async function answerHttp(
  method: string,
  pathname: string,
  request: RouteRequest,
): Promise<JsonAnswer> {
  const found = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
  if (!found) return { status: 404, json: { detail: 'Not Found' } };
  const route = method === 'GET' || method === 'POST' ? found[method] : undefined;
  if (!route) return { status: 405, json: { detail: 'Method Not Allowed' } };
  try {
    return await route(request);
  } catch (error) {
    return failure(error, `${method} ${pathname}`, request.log);
  }
}

function ok(json: unknown): JsonAnswer {
  return { status: 200, json };
}

function failure(error: unknown, context: string, log: (line: string) => void): JsonAnswer {
  if (error instanceof InvalidMessage) return { status: 422, json: { detail: error.complaints } };
  if (error instanceof CapacityReached) {
    const { message, active, most } = error;
    return { status: 503, json: { detail: message, active_sessions: active, max_sessions: most } };
  }
  const { code, message, hint } = toWireError(error, context, log);
  const statuses: Partial<Record<typeof code, number>> = {
    INVALID_REQUEST: 400,
    NOT_FOUND: 404,
    CONFLICT: 409,
    EPISODE_OVER: 409,
    IMAGE_UNREADABLE: 422,
    CANCELLED: 504,
  };
  return { status: statuses[code] ?? 500, json: { detail: `${message} ${hint}`.trim() } };
}

function bodyOf(text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidMessage([{ type: 'json_invalid', loc: ['body'], msg: 'JSON decode error' }]);
  }
}

const keyOf = (episodeId: string): string => `http:${episodeId}`;

async function reset({ sessions, body, signal }: RouteRequest): Promise<JsonAnswer> {
  const at = ['body'];
  const data = parseReset(bodyOf(body), at);
  const episodeId = data.episode_id ?? randomUUID();
  const key = keyOf(episodeId);
  const known = sessions.get(key);
  const session = known ?? sessions.open({ id: key }).session;
  try {
    return ok(await session.reset({ ...data, episode_id: episodeId }, signal, at));
  } catch (error) {
    if (!known) sessions.close(key);
    throw error;
  }
}

async function step({ sessions, body, signal }: RouteRequest): Promise<JsonAnswer> {
  const request = parseAs(stepRequestSchema, bodyOf(body), ['body']);
  const session = sessionOf(sessions, request.episode_id ?? null);
  const at = ['body', 'action'];
  if (request.timeout_s == null) return ok(await session.step(request.action, signal, at));
  return ok(await withTimeout(request.timeout_s, signal, (stop) => session.step(request.action, stop, at)));
}

async function withTimeout(
  seconds: number,
  signal: AbortSignal,
  work: (stop: AbortSignal) => Promise<ObservationReply>,
): Promise<ObservationReply> {
  const limit = new AbortController();
  const stop = (): void => limit.abort();
  const timer = setTimeout(stop, seconds * 1000);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function state({ sessions, query }: RouteRequest): JsonAnswer {
  const episodeId = query.get('episode_id');
  const session =
    episodeId === null ? new EnvironmentSession(sessions.world) : sessionOf(sessions, episodeId);
  return ok(parseAs(stateSchema, session.state()));
}

function sessionOf(sessions: EnvironmentSessions, episodeId: string | null): EnvironmentSession {
  if (episodeId === null) {
    const msg = 'HTTP needs the episode_id of a reset to know the episode; a WebSocket on /ws does not.';
    throw new InvalidMessage([{ type: 'missing', loc: ['body', 'episode_id'], msg }]);
  }
  const session = sessions.get(keyOf(episodeId));
  if (session) return session;
  throw new MaskwrightError('NOT_FOUND', `There is no episode "${episodeId.slice(0, 80)}".`, {
    hint: 'It may have expired: reset again.',
  });
}

async function mcp({ sessions, body, signal, log }: RouteRequest): Promise<JsonAnswer> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return ok(unreadableRpc());
  }
  return ok(await answerRpc(value, sessions, null, signal, log));
}
