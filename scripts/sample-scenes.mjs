// Draws the scenes of the sample project: resources/samples/first-steps/drawn with their queries.
// Usage: npm run sample-scenes
import { resolve } from 'node:path';
import { runnerImport } from 'vite';

const alias = { '@shared': resolve('src/shared'), '@engine': resolve('src/engine') };
const { module } = await runnerImport(resolve('scripts/sample-scenes.ts'), {
  logLevel: 'silent',
  resolve: { alias },
});
await module.drawSample();
