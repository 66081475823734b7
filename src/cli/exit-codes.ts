/** Documented in `maskwright --help`. */
export const exitCodes = { ok: 0, itemsFailed: 1, usage: 2, failed: 3, interrupted: 130 } as const;
