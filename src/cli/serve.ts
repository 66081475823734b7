import { join } from 'node:path';
import { applicationVersion } from '@engine/application';
import { createEngine } from '@engine/engine';
import { nodeModelChild } from '@engine/models/node-model-child';
import { openAtStart } from '@engine/server/open-at-start';
import { generateToken, isLoopback } from '@engine/server/security';
import { startWebHost, type WebHost } from '@engine/server/web-host';
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
    segmenter: options.segmenter,
    policy: options.policy,
    log,
    version: applicationVersion,
  });
  const token = options.token ?? (isLoopback(options.host) ? null : generateToken());
  let host: WebHost;
  try {
    if (options.project !== undefined) await engine.handlers['project.open']({ location: options.project });
    else if (options.sample) await engine.handlers['project.openSample']({});
    else await openAtStart(engine, log);
    host = await startWebHost({
      engine,
      rendererDir,
      host: options.host,
      port: options.port,
      token,
      log,
    });
  } catch (error) {
    await engine.close();
    throw error;
  }
  process.stdout.write(`Maskwright is at ${host.url}\n`);
  process.stderr.write('Ctrl+C stops it.\n');
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await host.close();
  await engine.close();
}
