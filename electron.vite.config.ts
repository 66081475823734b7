import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'electron-vite';

const src = (path: string): string => resolve(__dirname, 'src', path);
const alias = { '@shared': src('shared'), '@engine': src('engine') };

/** Targets are the oldest runtime that tests use: Electron 22 (Node 16.17, Chromium 108). */
export default defineConfig({
  main: {
    resolve: { alias },
    build: {
      target: 'node16.17',
      rolldownOptions: {
        input: {
          index: src('main/index.ts'),
          engine: src('main/engine-process.ts'),
          cli: src('cli/index.ts'),
          'segmenter-thread': src('engine/segmenters/thread.ts'),
          'model-child': src('engine/models/model-child.ts'),
        },
        // Without strictExecutionOrder a worker's bundle requires the whole application.
        output: { format: 'cjs', chunkFileNames: '[name]-[hash].js', strictExecutionOrder: true },
      },
    },
  },
  preload: {
    resolve: { alias },
    build: {
      target: 'node16.17',
      externalizeDeps: false,
      rolldownOptions: { input: { index: src('preload/index.ts') }, output: { format: 'cjs' } },
    },
  },
  renderer: {
    root: src('renderer'),
    resolve: { alias },
    plugins: [svelte()],
    // minify: without it CSS is not lowered for the oldest Chromium.
    build: { target: 'chrome108', minify: true, rolldownOptions: { input: src('renderer/index.html') } },
  },
});
