import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { applicationVersion } from '@engine/application';
import { createEngine } from '@engine/engine';
import { nodeModelChild } from '@engine/models/node-model-child';
import { openAtStart } from '@engine/server/open-at-start';
import { isLoopback } from '@engine/server/security';
import { startWebHost } from '@engine/server/web-host';
import { cacheDir, dataDir, outDir, rendererDir, resourcesDir } from './paths';

interface ServeOptions {
  project?: string;
  sample?: boolean;
  port: number;
  host: string;
  token?: string;
  segmenter?: string;
  policy?: string;
  data?: string;
}

export async function serveCommand(options: ServeOptions): Promise<void> {
  const log = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const data = options.data ?? dataDir();
  const engine = await createEngine({
    dataDir: data,
    cacheDir: cacheDir(data),
    resourcesDir,
    outDir,
    spawnModelChild: () => nodeModelChild(join(outDir, 'model-child.js')),
    project: options.project,
    segmenter: options.segmenter,
    policy: options.policy,
    log,
    version: applicationVersion,
  });
  if (options.sample) await engine.handlers['project.openSample']({});
  else await openAtStart(engine, log);
  const token = options.token ?? (isLoopback(options.host) ? null : randomBytes(24).toString('base64url'));
  const host = await startWebHost({
    engine,
    rendererDir,
    host: options.host,
    port: options.port,
    token,
    log,
  }).catch(async (error: unknown) => {
    await engine.close();
    throw error;
  });
  process.stdout.write(`Maskwright is at ${host.url}\n`);
  process.stderr.write('Ctrl+C stops it.\n');
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await host.close();
  await engine.close();
}
