import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { createParser } from 'eventsource-parser';
import { AnswerCollector } from './openai-compatible-answer';
import { cleanServerText, EndpointError, errorOfNetwork, errorOfStatus } from './openai-compatible-errors';

/** Milliseconds. Connecting is bounded by fetch itself (10 s) and by `firstToken`. */
export interface EndpointTimeouts {
  /** To the first text of an answer, or to a whole answer that is not streamed. */
  firstToken: number;
  /** Between two pieces of a stream. */
  stall: number;
}

/** An answer is not longer than this; what exceeds it is no answer. Characters. */
const maxAnswer = 2_000_000;
const maxRevisions = 8;

export interface EndpointClientOptions {
  /** With `/v1` or the like, without a slash at the end. */
  baseUrl: string;
  apiKey: string | null;
  timeouts: EndpointTimeouts;
  maxRetries: number;
  /** Milliseconds before the first retry; doubles. */
  backoff: number;
}

export function cancelled(): MaskwrightError {
  return new MaskwrightError('CANCELLED', 'The request was stopped.');
}

/**
 * The address of a server's API: `/v1` is added to a bare origin, `/chat/completions` is taken off.
 *
 * @throws MaskwrightError INVALID_REQUEST for what is no http address, or holds a password
 */
export function normalizeBaseUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    throw new MaskwrightError('INVALID_REQUEST', 'The address of the model server is not a URL.', {
      hint: 'Write it as http://127.0.0.1:8080/v1.',
    });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new MaskwrightError('INVALID_REQUEST', `${url.protocol} is not supported for model servers.`, {
      hint: 'Write it as http://127.0.0.1:8080/v1.',
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new MaskwrightError(
      'INVALID_REQUEST',
      'The address of the model server holds a name or password.',
      {
        hint: 'Set MASKWRIGHT_API_KEY instead.',
      },
    );
  }
  const path = url.pathname.replace(/\/chat\/completions\/?$/, '').replace(/\/+$/, '');
  return `${url.origin}${path === '' ? '/v1' : path}`;
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
    const abort = (): void => {
      clearTimeout(timer);
      reject(cancelled());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Ends a request when the caller aborts or when nothing came for a while. */
class Deadline {
  readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  expired: string | null = null;
  private readonly abort = (): void => this.controller.abort();

  constructor(private readonly signal: AbortSignal | undefined) {
    if (signal?.aborted) this.controller.abort();
    signal?.addEventListener('abort', this.abort, { once: true });
  }

  within(milliseconds: number, what: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.expired = `${what} within ${Math.round(milliseconds / 100) / 10} s`;
      this.controller.abort();
    }, milliseconds);
  }

  end(): void {
    clearTimeout(this.timer);
    this.signal?.removeEventListener('abort', this.abort);
  }
}

/** Speaks HTTP with one server: time limits, retries, and errors in words. Knows nothing of tools. */
export class EndpointClient {
  constructor(private readonly options: EndpointClientOptions) {}

  /** GET, parsed, with retries for what may pass. @throws EndpointError, CANCELLED */
  getJson(url: string, timeout: number, signal?: AbortSignal): Promise<unknown> {
    return this.retrying(() => {
      const deadline = new Deadline(signal);
      deadline.within(timeout, 'The server gave no answer');
      return this.guard(deadline, url, signal, async () => {
        const response = await this.fetch(url, { method: 'GET' }, deadline);
        return this.parse(await response.text());
      });
    }, signal);
  }

  /**
   * POST to `/chat/completions`, streamed or whole as the server likes, with retries for what may pass.
   * `body` is made anew for each attempt; `revise` may change what it is made of after a refusal and then asks
   * for another attempt at once. `onStart` is called at each attempt and gives the taker of its text.
   */
  complete(
    body: () => unknown,
    revise: (error: EndpointError) => boolean,
    onStart: () => (text: string) => void,
    signal?: AbortSignal,
  ): Promise<AnswerCollector> {
    return this.retrying(() => this.attempt(body(), onStart(), signal), signal, revise);
  }

  private async retrying<T>(
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
    revise: (error: EndpointError) => boolean = () => false,
  ): Promise<T> {
    const { maxRetries, backoff } = this.options;
    for (let retries = 0, revisions = 0; ; ) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof EndpointError)) throw error;
        if (revisions < maxRevisions && revise(error)) {
          revisions++;
          continue;
        }
        const most = Math.min(maxRetries, error.retries ?? maxRetries);
        if (!error.retryable || retries >= most) throw error;
        const wait = error.retryAfter ?? backoff * 2 ** retries * (0.75 + Math.random() / 2);
        retries++;
        await sleep(wait, signal);
      }
    }
  }

  private async attempt(
    body: unknown,
    onText: (text: string) => void,
    signal: AbortSignal | undefined,
  ): Promise<AnswerCollector> {
    const url = `${this.options.baseUrl}/chat/completions`;
    const deadline = new Deadline(signal);
    deadline.within(this.options.timeouts.firstToken, 'The server gave no answer');
    return this.guard(deadline, url, signal, async () => {
      const init = { method: 'POST', body: JSON.stringify(body) };
      const response = await this.fetch(url, init, deadline);
      const collector = new AnswerCollector(onText);
      if ((response.headers.get('content-type') ?? '').includes('text/event-stream')) {
        await this.readStream(response, collector, deadline);
      } else this.take(collector, this.parse(await response.text()));
      if (!collector.isProtocol) throw this.rubbish('an empty answer');
      collector.finish();
      return collector;
    });
  }

  private async fetch(
    url: string,
    init: { method: string; body?: string },
    deadline: Deadline,
  ): Promise<Response> {
    const { apiKey } = this.options;
    const response = await fetch(url, {
      ...init,
      // A redirect would carry the key and the image elsewhere.
      redirect: 'manual',
      signal: deadline.controller.signal,
      headers: {
        accept: 'application/json, text/event-stream',
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
      },
    });
    if (response.ok) return response;
    const text = await response.text().catch(() => '');
    throw errorOfStatus(response.status, text, response.headers.get('retry-after'), apiKey);
  }

  private async readStream(
    response: Response,
    collector: AnswerCollector,
    deadline: Deadline,
  ): Promise<void> {
    if (!response.body) throw this.rubbish('an empty answer');
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let isDone = false;
    let hasText = false;
    let length = 0;
    const parser = createParser({
      onEvent: ({ data }) => {
        if (data.trim() === '[DONE]') isDone = true;
        else if (data.trim() !== '') hasText = this.take(collector, this.parse(data)) || hasText;
      },
    });
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.byteLength;
      if (length > maxAnswer) throw this.rubbish('an endless answer');
      parser.feed(decoder.decode(value, { stream: true }));
      if (isDone) break;
      if (hasText) deadline.within(this.options.timeouts.stall, 'The server sent nothing more');
    }
    if (isDone) await reader.cancel().catch(() => undefined);
    else parser.feed('\n\n');
    if (!isDone && collector.finishReason === null) {
      throw new EndpointError('The server ended its answer in the middle.', {
        hint: 'Check that the server is still running. Its own log says more.',
        retryable: true,
      });
    }
  }

  /** Adds a piece; true when it brought text. */
  private take(collector: AnswerCollector, body: unknown): boolean {
    const piece = collector.add(body);
    if (piece.kind === 'ok') return piece.hasText;
    if (piece.kind === 'rubbish') throw this.rubbish('something other than a chat completion');
    const said = cleanServerText(piece.error.message, this.options.apiKey);
    throw new EndpointError(`The server reports an error: ${said}`, {
      hint: 'Its own log says more.',
      retryable: /overload|unavailable|timeout|busy|rate/i.test(`${piece.error.type} ${said}`),
      said,
    });
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text.length > maxAnswer ? '' : text);
    } catch {
      const start = cleanServerText(text.slice(0, 80), this.options.apiKey);
      throw this.rubbish(start === '' ? 'an empty answer' : `no JSON (“${start}”)`);
    }
  }

  private rubbish(what: string): EndpointError {
    return new EndpointError(`The server answered with ${what}.`, {
      hint: 'Check that the address is that of an OpenAI-compatible server; it usually ends in /v1.',
      retryable: false,
    });
  }

  /** Turns an abort, an expiry or a broken connection into the error that says so. */
  private async guard<T>(
    deadline: Deadline,
    url: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted) throw cancelled();
      if (error instanceof MaskwrightError) throw error;
      if (deadline.expired !== null) {
        throw new EndpointError(`${deadline.expired}.`, {
          hint: 'The server may be loading its model or be overloaded. Try again, or raise the time limit.',
          retryable: true,
          reached: false,
        });
      }
      if (error instanceof TypeError || isSystemError(error)) {
        throw errorOfNetwork(error, new URL(url).origin, this.options.apiKey);
      }
      throw new MaskwrightError('POLICY_FAILED', messageOf(error), { cause: error });
    } finally {
      deadline.end();
    }
  }
}

/** fetch rejects with TypeError; a body that breaks off may carry a code instead. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}
