import fc from 'fast-check';

/**
 * Properties are tried with new values in every run; with MASKWRIGHT_TEST_SEED, with the same ones: what decides
 * over a change must not depend on luck.
 */
const seed = process.env.MASKWRIGHT_TEST_SEED;
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });
