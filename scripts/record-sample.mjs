// Plays resources/samples/first-steps/episodes.json through the environment and writes trajectories.jsonl.
// Usage: npm run record-sample [-- ENCODER.onnx,DECODER.onnx]   (default: the embedded segmenter)
import { resolve } from 'node:path';
import { runnerImport } from 'vite';

const alias = { '@shared': resolve('src/shared'), '@engine': resolve('src/engine') };
const { module } = await runnerImport(resolve('scripts/record-sample.ts'), { resolve: { alias } });
await module.recordSample(process.argv[2] ?? 'embedded');
