import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf } from '@shared/contract/errors';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Conversation, OpenEnvConversation, RpcConversation } from './environment-conversation';
import { answerHttp, type JsonAnswer } from './environment-http';
import { maxMessageBytes } from './environment-messages';
import type { EnvironmentWorld } from './environment-session';
import { EnvironmentSessions, type IdleLimits } from './environment-sessions';
import { endSocket, serveSocket } from './environment-socket';
import { addressOf, checkTokenBeyondLoopback, listen } from './listen';
import { admittedPath } from './path-token';
import { readBody } from './request-body';
import { isKnownHost, isOwnOrigin, namesOf } from './security';

/** The environment server: OpenEnv's protocol over WebSocket and HTTP, for trainers and agents. */

export interface EnvironmentHostOptions {
  world: EnvironmentWorld;
  /** Address to listen on; anything but loopback needs a token. */
  host: string;
  /** 0 picks a free one. */
  port: number;
  token: string | null;
  /** Sessions at the same time. */
  sessions: number;
  idle: IdleLimits;
  log: (line: string) => void;
}

export interface EnvironmentHost {
  /** What clients take as their base URL, with the token in its path when there is one. No slash at the end. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Keeps proxies from closing a connection in which nothing is said. Milliseconds. */
const pingMs = 30_000;

/** A host that went without a word is noticed by the operating system after about so long. Milliseconds. */
const keepAliveMs = 30_000;

/** Connections without a session, beside one for each session: beyond, the one that waits longest is cut off. */
const moreIdle = 64;

/** @throws MaskwrightError FORBIDDEN beyond loopback without a token, CONFLICT when the port is taken */
export async function startEnvironmentHost(options: EnvironmentHostOptions): Promise<EnvironmentHost> {
  const { host, token, log, idle: limits } = options;
  checkTokenBeyondLoopback(host, token, 'this data set and segmenter');
  const names = namesOf(host);
  const server = createServer({
    headersTimeout: 10_000,
    requestTimeout: 120_000,
    // Longer than clients keep theirs: a request on a connection that is just being closed would fail.
    keepAliveTimeout: 75_000,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
  });
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const port = await listen(server, host, options.port);
  const sessions = new EnvironmentSessions({ world: options.world, most: options.sessions, idle: limits });

  /** The path below the token, or the status with which a request is refused. */
  const admit = (request: IncomingMessage): { pathname: string; query: URLSearchParams } | 401 | 403 => {
    const { host: name = '', origin, authorization } = request.headers;
    if (!isOwnOrigin(origin, name)) return 403;
    const [path = '/', search = ''] = (request.url ?? '/').split('?', 2);
    const query = new URLSearchParams(search);
    // Whoever watches over the server has to know no token.
    const needsToken = token !== null && path !== '/health';
    // A page that had its name point here (DNS rebinding) has no token: who has it may call the server what they like.
    if (!needsToken) return isKnownHost(name, names) ? { pathname: path, query } : 403;
    const pathname = admittedPath(path, authorization, token);
    return pathname === null ? 401 : { pathname, query };
  };

  const respond = async (request: IncomingMessage, gone: AbortSignal): Promise<JsonAnswer> => {
    const admitted = admit(request);
    if (admitted === 401) return { status: 401, json: { detail: 'A token is needed.' } };
    if (admitted === 403) return { status: 403, json: { detail: 'Refused for another host or origin.' } };
    const { pathname, query } = admitted;
    const body = request.method === 'POST' ? await readBody(request, maxMessageBytes) : '';
    if (body === null)
      return { status: 413, json: { detail: `A body has at most ${maxMessageBytes} bytes.` } };
    return answerHttp(request.method ?? '', pathname, { sessions, query, body, signal: gone, log });
  };

  server.on('request', (request, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    respond(request, gone.signal)
      .then((answer) => send(response, answer))
      .catch((error: unknown) => {
        if (!gone.signal.aborted) log(`a request failed: ${messageOf(error)}`);
        response.destroy();
      });
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const admitted = admit(request);
    if (typeof admitted === 'number') refuse(socket, admitted === 401 ? '401 Unauthorized' : '403 Forbidden');
    else if (admitted.pathname !== '/ws' && admitted.pathname !== '/mcp') refuse(socket, '404 Not Found');
    else sockets.handleUpgrade(request, socket, head, (client) => converse(client, admitted.pathname));
  });

  /** Connections without a session, in the order in which they came: whatever they send, they are bounded. */
  const idle = new Set<WebSocket>();
  const converse = (client: WebSocket, pathname: string): void => {
    const make = pathname === '/mcp' ? RpcConversation : OpenEnvConversation;
    const conversation: Conversation = new make({
      sessions,
      log,
      onOpen: () => taken(),
      onExpire: () => {
        if (client.bufferedAmount > 0) client.terminate();
        else client.send(conversation.farewell, () => endSocket(client, 1000));
      },
    });
    idle.add(client);
    const [oldest] = idle;
    if (idle.size > options.sessions + moreIdle) oldest?.terminate();
    const timer = setTimeout(() => client.terminate(), limits.connectedMs);
    timer.unref();
    const taken = (): void => {
      idle.delete(client);
      clearTimeout(timer);
    };
    client.once('close', taken);
    serveSocket(client, conversation, log);
  };

  const pings = setInterval(() => {
    for (const client of sockets.clients) if (client.bufferedAmount === 0) client.ping();
  }, pingMs);
  pings.unref();

  const base = addressOf(host, port);
  return {
    url: token === null ? base : `${base}/token/${token}`,
    port,
    async close() {
      clearInterval(pings);
      sessions.closeAll();
      for (const client of sockets.clients) client.terminate();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

function send(response: ServerResponse, { status, json }: JsonAnswer): void {
  const body = Buffer.from(JSON.stringify(json));
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    // What is left of a body that was not read would be taken for the next request.
    ...(status === 413 ? { Connection: 'close' } : {}),
  });
  response.end(body);
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
