import { realpath } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { requireFolder } from '@engine/datasets/folder';
import { ObservationRenderer } from '@engine/environment/observation-image';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { ImageFolders } from '@engine/server/image-folders';
import { createMcpServer } from '@engine/server/mcp-server';
import { parseSegmenterSpec } from '@engine/setup/specs';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { MaskwrightError } from '@shared/contract/errors';
import type { Coordinates } from '@shared/geometry/view';
import { defaultRewardWeights } from '@shared/rewards/weights';
import { defaultConventions } from '@shared/tools/conventions';
import { cacheDir, outDir, resourcesDir } from './paths';

interface McpOptions {
  images?: string[];
  segmenter: string;
  turns: number;
  coordinates: Coordinates;
}

/** Speaks MCP on standard input and output until the client goes; all else is written to standard error. */
export async function mcpCommand(options: McpOptions): Promise<void> {
  const log = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const folders = new ImageFolders(await allowedFolders(options.images));
  const segmenter = await openSegmenter({
    ...parseSegmenterSpec(options.segmenter, resourcesDir),
    threadFile: join(outDir, 'segmenter-thread.js'),
    cacheDir: join(cacheDir(), 'embeddings'),
  });
  try {
    const { coordinates, turns: turnBudget } = options;
    const renderer = new ObservationRenderer();
    const settings = {
      segmenter,
      conventions: { ...defaultConventions, coordinates },
      turnBudget,
      weights: defaultRewardWeights,
      renderer,
    };
    const server = createMcpServer(settings, folders, log);
    const gone = new Promise<void>((resolve) => {
      server.onclose = resolve;
      // The transport does not notice that the client has closed its end.
      process.stdin.once('end', resolve);
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    await server.connect(new StdioServerTransport());
    log(`Images may be opened from ${folders.roots.join(', ')}.`);
    await gone;
    await server.close();
  } finally {
    await segmenter.close();
  }
}

async function allowedFolders(given: readonly string[] | undefined): Promise<string[]> {
  const folders = given ?? [process.cwd()];
  const real = await Promise.all(folders.map(async (folder) => realpath(await requireFolder(folder))));
  const isDisk = given === undefined && real.some((folder) => folder === parse(folder).root);
  if (!isDisk) return real;
  throw new MaskwrightError(
    'INVALID_REQUEST',
    'Started from the top of the disk, every image could be opened.',
    {
      hint: 'Say which folders with --images.',
    },
  );
}
