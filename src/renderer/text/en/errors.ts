import type { ErrorCode } from '@shared/contract/errors';

/** What an error is, said in general where the engine's own words are of another language than the window. */
const general: Partial<Record<ErrorCode, string>> = {};

export const errors = { general };
