// Makes scenes of ReasonScenes: a folder of PNGs with scenes.jsonl, or a stream for a trainer.
// Usage: npm run --silent scenes -- --split train|val|test --from SEED --count N --side PX [--zoom SHARE] [--dense] (--out DIR | --stream)
import { resolve } from 'node:path';
import { runnerImport } from 'vite';

const alias = { '@shared': resolve('src/shared'), '@engine': resolve('src/engine') };
const { module } = await runnerImport(resolve('scripts/scenes.ts'), {
  logLevel: 'silent',
  resolve: { alias },
});
await module.scenes(process.argv.slice(2));
