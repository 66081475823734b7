import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** One request to `/v1/chat/completions` as it arrived. */
export interface FakeRequest {
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

/** What the fake does with one request. */
export type FakeAnswer =
  /** Streamed when the request asks for it, else whole. */
  | { kind: 'message'; message: FakeMessage; finish?: string; ignoreStream?: boolean }
  | { kind: 'status'; status: number; body: string; headers?: Record<string, string> }
  /** Raw server-sent events, as given. */
  | { kind: 'events'; events: string[]; thenHang?: boolean; thenDrop?: boolean }
  | { kind: 'raw'; body: string; contentType?: string }
  | { kind: 'hang' }
  | { kind: 'drop' };

export interface FakeMessage {
  content?: string | null;
  reasoning_content?: string;
  tool_calls?: Array<{ id: string; type: 'function'; function: { name: string; arguments: string } }>;
}

export interface FakeOpenAi {
  /** With `/v1`. */
  url: string;
  requests: FakeRequest[];
  /** Paths of all requests, in order. */
  paths: string[];
  /** Answers for the next requests, in order; the last one stays. */
  answers: FakeAnswer[];
  close(): Promise<void>;
}

export interface FakeOptions {
  /** Answers `/props` as llama-server does. */
  llamaServer?: boolean;
  vision?: boolean;
  models?: string[];
  /** Answers 503 to so many requests of any path first, as a llama-server that loads its model does. */
  loading?: number;
}

const usage = {
  prompt_tokens: 122,
  completion_tokens: 20,
  total_tokens: 142,
  prompt_tokens_details: { cached_tokens: 121 },
};

function chunk(delta: unknown, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', choices })}\n\n`;
}

function pieces(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
    text.slice(i * size, (i + 1) * size),
  );
}

/** The stream of a message, in llama-server's dialect: first `content: null`, last a chunk with usage. */
export function streamOf(message: FakeMessage, finish: string): string[] {
  const events = [chunk({ role: 'assistant', content: null })];
  for (const piece of pieces(message.reasoning_content ?? '', 5))
    events.push(chunk({ reasoning_content: piece }));
  for (const piece of pieces(message.content ?? '', 5)) events.push(chunk({ content: piece }));
  for (const [index, call] of (message.tool_calls ?? []).entries()) {
    const { name } = call.function;
    events.push(
      chunk({ tool_calls: [{ index, id: call.id, type: 'function', function: { name, arguments: '' } }] }),
    );
    for (const piece of pieces(call.function.arguments, 4)) {
      events.push(chunk({ tool_calls: [{ index, function: { arguments: piece } }] }));
    }
  }
  events.push(chunk({}, finish));
  events.push(`data: ${JSON.stringify({ choices: [], usage })}\n\n`, 'data: [DONE]\n\n');
  return events;
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part));
  const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8') || '{}');
  return body !== null && typeof body === 'object' ? { ...body } : {};
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Writes events one network packet at a time, cut at odd places. */
async function sendEvents(response: ServerResponse, events: string[]): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const bytes = Buffer.from(events.join(''), 'utf8');
  for (let at = 0; at < bytes.length && !response.destroyed; at += 97) {
    response.write(bytes.subarray(at, at + 97));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A server that speaks OpenAI's chat completions over real HTTP on loopback. */
export async function fakeOpenAi(options: FakeOptions = {}): Promise<FakeOpenAi> {
  const requests: FakeRequest[] = [];
  const paths: string[] = [];
  const answers: FakeAnswer[] = [];
  let loading = options.loading ?? 0;

  const complete = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    requests.push({ headers: request.headers, body });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    switch (answer?.kind) {
      case 'message': {
        const finish = answer.finish ?? (answer.message.tool_calls ? 'tool_calls' : 'stop');
        if (body.stream === true && !answer.ignoreStream) {
          await sendEvents(response, streamOf(answer.message, finish));
          response.end();
          return;
        }
        const message = { role: 'assistant', ...answer.message };
        sendJson(response, 200, { choices: [{ index: 0, message, finish_reason: finish }], usage });
        return;
      }
      case 'status':
        response
          .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
          .end(answer.body);
        return;
      case 'events':
        await sendEvents(response, answer.events);
        if (answer.thenDrop) response.destroy();
        else if (!answer.thenHang) response.end();
        return;
      case 'raw':
        response
          .writeHead(200, { 'content-type': answer.contentType ?? 'application/json' })
          .end(answer.body);
        return;
      case 'drop':
        request.socket.destroy();
        return;
      default:
    }
  };

  const server = createServer((request, response) => {
    const path = request.url ?? '';
    paths.push(path);
    if (loading > 0) {
      loading--;
      sendJson(response, 503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } });
    } else if (path === '/props' && options.llamaServer) {
      const modalities = { vision: options.vision ?? true, audio: false };
      sendJson(response, 200, { default_generation_settings: { n_ctx: 4096 }, total_slots: 1, modalities });
    } else if (path === '/v1/models') {
      const data = (options.models ?? ['/models/tiny.gguf']).map((id) => ({ id, object: 'model' }));
      sendJson(response, 200, { object: 'list', data });
    } else if (path === '/v1/chat/completions' && request.method === 'POST') {
      complete(request, response).catch(() => response.destroy());
    } else
      sendJson(response, 404, { error: { message: 'File Not Found', type: 'not_found_error', code: 404 } });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The fake server has no port');
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    requests,
    paths,
    answers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
