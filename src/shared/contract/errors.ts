import { z } from 'zod';

/** The closed list of error codes that cross a process border. */
export const errorCodes = [
  'INVALID_REQUEST',
  'NOT_FOUND',
  'CONFLICT',
  'NO_PROJECT',
  'PROJECT_UNREADABLE',
  'IMAGE_UNREADABLE',
  'FORMAT_UNREADABLE',
  'MODEL_MISSING',
  'MODEL_UNREADABLE',
  'SEGMENTER_FAILED',
  'POLICY_FAILED',
  'ENDPOINT_FAILED',
  'EPISODE_OVER',
  'CANCELLED',
  'FORBIDDEN',
  'DISCONNECTED',
  'INTERNAL',
] as const;
export const errorCodeSchema = z.enum(errorCodes);
export type ErrorCode = z.infer<typeof errorCodeSchema>;

export const wireErrorSchema = z.object({
  code: errorCodeSchema,
  message: z.string(),
  hint: z.string(),
  retryable: z.boolean(),
});
export type WireError = z.infer<typeof wireErrorSchema>;

/** An error with a code, a message that says what happened and a hint that says what to do about it. */
export class MaskwrightError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'MaskwrightError';
    this.code = code;
    this.hint = options.hint ?? '';
    this.retryable = options.retryable ?? false;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, hint: this.hint, retryable: this.retryable };
  }

  static fromWire(wire: WireError): MaskwrightError {
    return new MaskwrightError(wire.code, wire.message, { hint: wire.hint, retryable: wire.retryable });
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for an abort, by signal or by our own CANCELLED. */
export function isCancelled(error: unknown): boolean {
  if (error instanceof MaskwrightError) return error.code === 'CANCELLED';
  return error instanceof Error && error.name === 'AbortError';
}
