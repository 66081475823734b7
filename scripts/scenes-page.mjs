// Makes docs/reason-scenes: a page with scenes of each split, their queries and masks; prints the numbers of the benchmark.
// Usage: npm run scenes:page
import { resolve } from 'node:path';
import { runnerImport } from 'vite';

const alias = { '@shared': resolve('src/shared'), '@engine': resolve('src/engine') };
const { module } = await runnerImport(resolve('scripts/scenes-page.ts'), {
  logLevel: 'silent',
  resolve: { alias },
});
await module.makeScenesPage();
