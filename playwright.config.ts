import { defineConfig } from '@playwright/test';
import type { HostOptions } from './tests/e2e/support/host';

/**
 * Two hosts: a browser with the web host behind it runs every spec; Electron, whose page is the same, those of the host
 * and of the main flow.
 */
export default defineConfig<HostOptions>({
  testDir: 'tests/e2e',
  outputDir: 'test-results',
  // Each worker runs a whole app with its models.
  workers: 1,
  timeout: 90_000,
  // One more try, told as flaky: a whole application with its models runs in each test.
  retries: process.env.CI === undefined ? 0 : 1,
  expect: { timeout: 15_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: [['list'], ['html', { open: 'never', outputFolder: 'playwright-report' }]],
  projects: [
    { name: 'web', use: { kind: 'web' } },
    { name: 'electron', use: { kind: 'electron' }, testMatch: /(host-.*|workbench.*)\.spec\.ts/ },
  ],
});
