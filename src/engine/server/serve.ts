import { join } from 'node:path';
import { applicationVersion } from '../application';
import { createEngine } from '../engine';
import { userFolders } from '../folders';
import { nodeModelChild } from '../models/node-model-child';
import { openAtStart } from './open-at-start';
import { startWebHost, type WebHost } from './web-host';

export interface ServeRequest {
  /** Project file or folder of images; without one the last project, or the sample. */
  project?: string;
  /** For settings, recent projects and samples; the user's own when it is not given. */
  dataDir?: string;
  segmenter?: string;
  policy?: string;
  host: string;
  port: number;
  token: string | null;
  /** Folder of the built bundles; the renderer is beside it. */
  outDir: string;
  resourcesDir: string;
  log: (line: string) => void;
  checkOutputs?: boolean;
}

/** The engine and the web host in this process. */
export async function serve(request: ServeRequest): Promise<WebHost> {
  const { outDir, log } = request;
  const engine = await createEngine({
    ...userFolders(request.dataDir),
    resourcesDir: request.resourcesDir,
    outDir,
    spawnModelChild: () => nodeModelChild(join(outDir, 'model-child.js')),
    project: request.project,
    segmenter: request.segmenter,
    policy: request.policy,
    log,
    version: applicationVersion,
  });
  try {
    if (request.project === undefined) await openAtStart(engine, log);
    const host = await startWebHost({
      engine,
      rendererDir: join(outDir, '..', 'renderer'),
      host: request.host,
      port: request.port,
      token: request.token,
      log,
      checkOutputs: request.checkOutputs,
    });
    return {
      url: host.url,
      port: host.port,
      async close() {
        await host.close();
        await engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
