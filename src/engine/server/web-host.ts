import { access } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { webSocketChannel } from '@shared/contract/channels';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { callHandler, type RpcEngine, serveChannel } from '@shared/contract/rpc-server';
import { MAX_MESSAGE_BYTES } from '@shared/contract/wire';
import { type WebSocket, WebSocketServer } from 'ws';
import { isImagePath, serveImage } from './images';
import { addressOf, checkTokenBeyondLoopback, listen } from './listen';
import {
  contentSecurityPolicy,
  isKnownHost,
  isOwnOrigin,
  isSameSecret,
  namesOf,
  securityHeaders,
} from './security';
import { type HostResponse, serveFile, textResponse } from './static-files';

/** The web host: the renderer's files over HTTP and the engine over a WebSocket, for a browser. */

export interface WebHostOptions {
  engine: RpcEngine;
  /** Folder of the built renderer. */
  rendererDir: string;
  /** Address to listen on; anything but loopback needs a token. */
  host: string;
  /** 0 picks a free one. */
  port: number;
  token: string | null;
  log: (line: string) => void;
  /** Checks answers against the contract before they are sent; MASKWRIGHT_CHECK_OUTPUTS=1 does it too (tests). */
  checkOutputs?: boolean;
}

export interface WebHost {
  /** Where a browser finds it, with the token when there is one. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const PING_MS = 30_000;
const RPC_PATH = '/rpc';

function cookieOf(request: IncomingMessage, name: string): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

function targetOf(request: IncomingMessage): { pathname: string; search: string } {
  const [pathname = '/', ...rest] = (request.url ?? '/').split('?');
  return { pathname, search: rest.join('?') };
}

/** Starts listening. Rejects with a MaskwrightError that says what to do. */
export async function startWebHost(options: WebHostOptions): Promise<WebHost> {
  const { engine, rendererDir, host, token, log } = options;
  const checkOutputs = options.checkOutputs ?? process.env.MASKWRIGHT_CHECK_OUTPUTS === '1';
  checkTokenBeyondLoopback(host, token, "this machine's images");
  await access(join(rendererDir, 'index.html')).catch(() => {
    throw new MaskwrightError('NOT_FOUND', 'The user interface is not built.', {
      hint: 'Run npm run build.',
    });
  });

  const names = namesOf(host);
  const server = createServer();
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const port = await listen(server, host, options.port);
  /** Cookies do not know ports: two hosts on one machine must not take each other's. */
  const cookieName = `maskwright-${port}`;

  const isAdmitted = (request: IncomingMessage): boolean => {
    if (token === null) return true;
    const given = cookieOf(request, cookieName);
    return given !== null && isSameSecret(given, token);
  };

  const reply = (request: IncomingMessage, response: ServerResponse, answer: HostResponse): void => {
    const { host: name = '' } = request.headers;
    const policy = contentSecurityPolicy(name === '' ? [] : [`ws://${name}`, `wss://${name}`]);
    const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
    response.writeHead(answer.status, {
      ...securityHeaders(policy),
      ...answer.headers,
      ...(answer.status === 304 ? {} : { 'Content-Length': body.length }),
    });
    response.end(request.method === 'HEAD' || answer.status === 304 ? undefined : body);
  };

  /** The token in the address becomes a cookie, and leaves the address. */
  const admit = (given: string): HostResponse => {
    if (token === null || !isSameSecret(given, token)) return textResponse(401, 'Wrong token.');
    return {
      status: 200,
      headers: {
        'Content-Type': 'text/html; charset=utf-8',
        'Cache-Control': 'no-store',
        'Set-Cookie': `${cookieName}=${token}; HttpOnly; SameSite=Strict; Path=/`,
      },
      // Not a redirect: after a click on another site it would not carry the cookie.
      body: '<!doctype html><link rel="icon" href="data:,"><title>Maskwright</title><meta http-equiv="refresh" content="0;url=/">',
    };
  };

  const respond = async (request: IncomingMessage): Promise<HostResponse> => {
    const { host: name = '', origin } = request.headers;
    if (!isKnownHost(name, names)) return textResponse(403, 'This address is not served here.');
    if (!isOwnOrigin(origin, name)) return textResponse(403, 'Refused for another origin.');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return textResponse(405, 'Method not allowed.');
    const { pathname, search } = targetOf(request);
    if (pathname === '/health')
      return {
        status: 200,
        headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
        body: '{"status":"ok"}',
      };
    const given = pathname === '/' && token !== null ? new URLSearchParams(search).get('token') : null;
    if (given !== null) return admit(given);
    if (!isAdmitted(request))
      return textResponse(401, 'Open the address that was printed at start: it carries the token.');
    if (isImagePath(pathname)) {
      return serveImage(
        (method, input) => callHandler(engine, method, input),
        pathname,
        search,
        request.headers['if-none-match'],
        log,
      );
    }
    return serveFile(rendererDir, pathname);
  };

  server.on('request', (request, response) => {
    respond(request)
      .catch((error: unknown) => {
        log(`request failed: ${error instanceof Error ? error.stack : String(error)}`);
        return textResponse(500, 'Something went wrong.');
      })
      .then((answer) => reply(request, response, answer))
      .catch((error: unknown) => {
        log(`answer failed: ${messageOf(error)}`);
        response.destroy();
      });
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  const refuse = (socket: Duplex, status: string): void => {
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  };
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const { host: name = '', origin } = request.headers;
    if (!isKnownHost(name, names) || !isOwnOrigin(origin, name)) refuse(socket, '403 Forbidden');
    else if (targetOf(request).pathname !== RPC_PATH) refuse(socket, '404 Not Found');
    else if (!isAdmitted(request)) refuse(socket, '401 Unauthorized');
    else
      sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
  });
  const silent = new WeakSet<WebSocket>();
  sockets.on('connection', (client) => {
    client.on('pong', () => silent.delete(client));
    serveChannel(webSocketChannel(client), engine, { log, checkOutputs });
  });
  /** Finds connections whose other end went without a word. */
  const heartbeat = setInterval(() => {
    for (const client of sockets.clients) {
      if (silent.has(client)) client.terminate();
      else {
        silent.add(client);
        client.ping();
      }
    }
  }, PING_MS);
  heartbeat.unref();

  const base = `${addressOf(host, port)}/`;
  return {
    url: token === null ? base : `${base}?token=${encodeURIComponent(token)}`,
    port,
    async close() {
      clearInterval(heartbeat);
      for (const client of sockets.clients) client.terminate();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}
