import { defineConfig } from '@playwright/test';
import type { HostOptions } from '../../e2e/support/host';

/** `npm run bench:ui`: measures in Chromium against the built web host and prints ratios; nothing is asserted. */
export default defineConfig<HostOptions>({
  testDir: '.',
  testMatch: '*.bench.ts',
  workers: 1,
  timeout: 900_000,
  reporter: [['line']],
  projects: [{ name: 'bench-ui', use: { kind: 'web' } }],
});
