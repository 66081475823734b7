import { join, resolve } from 'node:path';
import { build } from 'vite';

const root = resolve(__dirname, '../..');

/**
 * Bundles the model child as the application's build does and gives the file's path. It lies under node_modules,
 * so that its externals are found; nothing there is committed.
 */
export async function bundleModelChild(): Promise<string> {
  const outDir = join(root, 'node_modules', '.cache', `maskwright-model-child-${process.pid}`);
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    resolve: { alias: { '@shared': join(root, 'src/shared'), '@engine': join(root, 'src/engine') } },
    ssr: { noExternal: true, external: ['@fugood/llama.node'] },
    build: {
      ssr: join(root, 'src/engine/models/model-child.ts'),
      outDir,
      emptyOutDir: true,
      target: 'node16.17',
      rolldownOptions: { output: { format: 'cjs', entryFileNames: 'model-child.cjs' } },
    },
  });
  return join(outDir, 'model-child.cjs');
}
