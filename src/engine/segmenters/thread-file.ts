import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';

/** Name of the thread's bundle: the entry in electron.vite.config.ts. */
const bundleName = 'segmenter-thread.js';

let building: Promise<string> | null = null;

/**
 * The file to start segmenter threads from: the bundle beside the running one, or, when running from TypeScript
 * sources (tests), one that Vite builds now into node_modules/.cache/maskwright.
 */
export function resolveThreadFile(): Promise<string> {
  const beside = join(__dirname, bundleName);
  if (existsSync(beside)) return Promise.resolve(beside);
  building ??= buildThread();
  return building;
}

/** Bundles thread.ts as the application's build does. The name holds the content's hash: tests run at once. */
async function buildThread(): Promise<string> {
  const entry = join(__dirname, 'thread.ts');
  if (!existsSync(entry)) {
    throw new MaskwrightError(
      'INTERNAL',
      `The segmenter's thread is missing: ${join(__dirname, bundleName)}.`,
      {
        hint: 'The application is installed incompletely: install it again, or run `npm run build`.',
      },
    );
  }
  const root = resolve(__dirname, '../../..');
  // A name in a variable: bundlers must not follow it, since the application never comes here.
  const vite = 'vite';
  const builder: unknown = await import(/* @vite-ignore */ vite);
  if (!isBuilder(builder)) throw new MaskwrightError('INTERNAL', 'Vite gives no build function.');
  const output = await builder.build({
    configFile: false,
    root,
    logLevel: 'silent',
    resolve: { alias: { '@shared': join(root, 'src/shared'), '@engine': join(root, 'src/engine') } },
    build: {
      ssr: entry,
      write: false,
      target: 'node16.17',
      minify: false,
      rolldownOptions: { external: ['onnxruntime-node'], output: { format: 'cjs' } },
    },
  });
  const code = codeOf(output);
  if (code === null) throw new MaskwrightError('INTERNAL', 'Vite gave no bundle of the segmenter thread.');
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 16);
  const file = join(root, 'node_modules/.cache/maskwright', `segmenter-thread-${hash}.cjs`);
  if (!existsSync(file)) {
    await mkdir(dirname(file), { recursive: true });
    const partial = `${file}.${process.pid}`;
    await writeFile(partial, code);
    await rename(partial, file);
  }
  return file;
}

interface Builder {
  build(config: unknown): Promise<unknown>;
}

function isBuilder(value: unknown): value is Builder {
  return isRecord(value) && typeof value.build === 'function';
}

function codeOf(output: unknown): string | null {
  const first: unknown = isRecord(output) && Array.isArray(output.output) ? output.output[0] : null;
  return isRecord(first) && typeof first.code === 'string' ? first.code : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
