import { MaskwrightError } from '@shared/contract/errors';
import { z } from 'zod';

/** Longest server message that is passed on, in characters. */
const maxMessage = 300;

const errorBodySchema = z.object({
  error: z.union([
    z.string(),
    z.object({
      message: z.string().nullish(),
      type: z.string().nullish(),
      code: z.union([z.string(), z.number()]).nullish(),
      n_prompt_tokens: z.number().nullish(),
      n_ctx: z.number().nullish(),
    }),
  ]),
});
/** FastAPI's and other servers' forms. */
const otherBodySchema = z.object({ message: z.string().optional(), detail: z.unknown().optional() });

export interface ServerError {
  message: string;
  type: string;
  promptTokens: number | null;
  contextSize: number | null;
}

/** What a server says went wrong, from a parsed body; null when the body holds no error. */
export function readServerError(body: unknown): ServerError | null {
  const parsed = errorBodySchema.safeParse(body);
  if (parsed.success) {
    const { error } = parsed.data;
    if (typeof error === 'string') return { message: error, type: '', promptTokens: null, contextSize: null };
    return {
      message: error.message ?? '',
      type: error.type ?? String(error.code ?? ''),
      promptTokens: error.n_prompt_tokens ?? null,
      contextSize: error.n_ctx ?? null,
    };
  }
  const other = otherBodySchema.safeParse(body);
  if (!other.success) return null;
  const { message, detail } = other.data;
  const said =
    message ?? (typeof detail === 'string' ? detail : detail === undefined ? '' : JSON.stringify(detail));
  return said === '' ? null : { message: said, type: '', promptTokens: null, contextSize: null };
}

/** Text of a server with keys taken out and bounded. */
export function cleanServerText(text: string, apiKey: string | null): string {
  const withoutKey = apiKey ? text.replaceAll(apiKey, '***') : text;
  const plain = withoutKey
    .replace(/Bearer\s+\S+/gi, 'Bearer ***')
    .replace(/\bsk-[\w*-]+/g, '***')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return plain.length > maxMessage ? `${plain.slice(0, maxMessage)}…` : plain;
}

/** A failure that the caller may answer by trying again. */
export class EndpointError extends MaskwrightError {
  constructor(
    message: string,
    options: {
      hint: string;
      retryable: boolean;
      /** HTTP status; null where there was no answer. */
      status?: number | null;
      /** Milliseconds that the server asks to wait. */
      retryAfter?: number | null;
      /** The server's own words. */
      said?: string;
      /** False where the server did not answer at all. */
      reached?: boolean;
      /** Where nobody listens: at most so many attempts more, since waiting rarely helps. */
      retries?: number;
    },
  ) {
    super('ENDPOINT_FAILED', message, { hint: options.hint, retryable: options.retryable });
    this.status = options.status ?? null;
    this.retryAfter = options.retryAfter ?? null;
    this.said = options.said ?? '';
    this.reached = options.reached ?? true;
    this.retries = options.retries ?? null;
  }
  readonly status: number | null;
  readonly retryAfter: number | null;
  readonly said: string;
  /** Most attempts that may follow; null leaves it to the caller. */
  readonly retries: number | null;

  /** Whether the server itself could not be asked: no connection, no answer in time, or still loading (503). */
  get isAway(): boolean {
    return this.status === 503 || (this.status === null && this.reached === false);
  }
  readonly reached: boolean;
}

const retryableStatuses = new Set([408, 425, 429, 500, 502, 503, 504, 529]);

function hintFor(status: number, error: ServerError | null): string {
  if (error?.type === 'exceed_context_size_error') {
    return 'Start the server with a larger context (llama-server: -c), or give the agent fewer turns.';
  }
  if (status >= 300 && status < 400) return 'The address redirects elsewhere. Give the final address.';
  switch (status) {
    case 401:
      return 'Set MASKWRIGHT_API_KEY to a valid key for this server.';
    case 403:
      return 'The key in MASKWRIGHT_API_KEY is not allowed to do this.';
    case 404:
      return 'Check the address (it usually ends in /v1) and the name of the model.';
    case 413:
      return 'The server refuses requests of this size. Raise its limit.';
    case 408:
    case 429:
    case 503:
    case 529:
      return 'The server is busy. Wait a little, or lower the number of parallel requests.';
    default:
      return status >= 500
        ? 'The server failed. Its own log says more.'
        : 'The server does not accept the request.';
  }
}

/** Seconds or a date, as milliseconds from now, at most a minute. */
export function readRetryAfter(value: string | null): number | null {
  if (value === null) return null;
  const seconds = Number(value);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(milliseconds) ? Math.min(60_000, Math.max(0, milliseconds)) : null;
}

/** An HTTP answer that is no success. */
export function errorOfStatus(
  status: number,
  body: string,
  retryAfter: string | null,
  apiKey: string | null,
): EndpointError {
  let error: ServerError | null = null;
  try {
    error = readServerError(JSON.parse(body));
  } catch {
    // Not JSON: the text itself is shown.
  }
  const isTooLong = error?.type === 'exceed_context_size_error';
  const said = cleanServerText(error?.message ?? body, apiKey);
  const what =
    isTooLong && error?.promptTokens && error.contextSize
      ? `The prompt is too long: ${error.promptTokens} tokens in a context of ${error.contextSize}.`
      : `The server answered ${status}${said === '' ? '' : `: ${said}`}`;
  return new EndpointError(what, {
    hint: hintFor(status, error),
    retryable: retryableStatuses.has(status),
    status,
    retryAfter: readRetryAfter(retryAfter),
    said,
  });
}

function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') codes.push(at.code);
    codes.push(at.message);
    if (at instanceof AggregateError) codes.push(...at.errors.flatMap(codesOf));
  }
  return codes;
}

/** A connection that failed or broke. @param address origin and path, without query */
export function errorOfNetwork(error: unknown, address: string, apiKey: string | null): EndpointError {
  const codes = codesOf(error);
  const has = (pattern: RegExp): boolean => codes.some((code) => pattern.test(code));
  const reason = cleanServerText(
    codes.find((code) => /^(E[A-Z]+|[A-Z]+_[A-Z_]+)$/.test(code)) ?? codes[0] ?? '',
    apiKey,
  );
  if (has(/ECONNREFUSED/)) {
    return new EndpointError(`Nothing answers at ${address}.`, {
      hint: 'Is the server running, and is the port right?',
      retryable: true,
      reached: false,
      retries: 1,
    });
  }
  if (has(/ENOTFOUND|EAI_AGAIN/)) {
    return new EndpointError(`The host of ${address} is not known.`, {
      hint: 'Check the address and the network connection.',
      retryable: false,
      reached: false,
    });
  }
  if (has(/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO|wrong version number/)) {
    return new EndpointError(`No secure connection to ${address} (${reason}).`, {
      hint: 'For a plain server use http://. For a certificate of your own set NODE_EXTRA_CA_CERTS.',
      retryable: false,
      reached: false,
    });
  }
  return new EndpointError(`The connection to ${address} was lost (${reason}).`, {
    hint: 'Check that the server is still running and reachable.',
    retryable: true,
  });
}
