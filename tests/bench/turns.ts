import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headerOf } from '@engine/agent/episode';
import { promptAt, renderPrompt } from '@engine/agent/prompt';
import { takeTurn } from '@engine/agent/turn';
import { createEngine } from '@engine/engine';
import { Environment } from '@engine/environment/environment';
import { ObservationRenderer } from '@engine/environment/observation-image';
import { openImage } from '@engine/images/image-file';
import { messagePortChannel } from '@shared/contract/channels';
import { createClient } from '@shared/contract/rpc-client';
import { serveChannel } from '@shared/contract/rpc-server';
import { defaultViewConfig } from '@shared/geometry/view';
import { newTrajectory } from '@shared/trajectory/tree';
import { shapeSegmenter } from '../support/shape-segmenter';

const rounds = 15;

/** Milliseconds of the environment's own work in a turn: check, state, observation, overlay image, prompt. */
export async function benchEnvironment(photograph: string): Promise<number> {
  const image = await openImage(photograph);
  const segmenter = shapeSegmenter();
  const environment = new Environment({
    image,
    segmenter,
    coordinates: 'norm1000',
    viewConfig: defaultViewConfig('norm1000'),
    turnBudget: 100,
  });
  const header = headerOf(environment, {
    id: 'bench',
    imageName: 'photograph',
    query: 'the bus',
    policy: { kind: 'bench', name: 'bench' },
    seed: null,
  });
  const renderer = new ObservationRenderer();
  let { state, observation } = environment.reset();
  let trajectory = newTrajectory(header, observation);
  let head: string | null = null;
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const call = { name: 'segment_box', arguments: { x1: 100 + i, y1: 200, x2: 800, y2: 700 } };
    const proposal = { thought: 'A box.', call, problem: null, raw: '', usage: {} };
    // The stand-in segmenter's time is not the environment's.
    const startSegmenter = performance.now();
    await segmenter.segment(image, { box: { x1: 60, y1: 80, x2: 500, y2: 300 }, points: [], lowRes: null });
    const segmenterMs = performance.now() - startSegmenter;
    const start = performance.now();
    const turn = await takeTurn(trajectory, head, 'agent', { proposal, policyMs: 0 }, environment, state);
    trajectory = turn.trajectory;
    head = turn.node.id;
    state = turn.result.state;
    await renderPrompt(promptAt(trajectory, head), trajectory, image, renderer);
    times.push(performance.now() - start - segmenterMs);
  }
  return median(times);
}

/** Milliseconds from a dragged box at the client to its mask there: contract, port, engine, decoder's thread and back. */
export async function benchClient(options: {
  folder: string;
  segmenter: string;
  outDir: string;
}): Promise<number> {
  const data = mkdtempSync(join(tmpdir(), 'maskwright-bench-'));
  const engine = await createEngine({
    dataDir: data,
    cacheDir: join(data, 'cache'),
    resourcesDir: 'resources',
    outDir: options.outDir,
    spawnModelChild: () => {
      throw new Error('No model is used here');
    },
    segmenter: options.segmenter,
    policy: 'none',
    project: options.folder,
    log: () => {},
    version: 'bench',
  });
  const { port1, port2 } = new MessageChannel();
  const stop = serveChannel(messagePortChannel(port1), engine, { log: () => {} });
  const client = createClient(messagePortChannel(port2));
  const images = await until(async () => {
    const { items } = await client.call('images.list', { offset: 0, limit: 10, state: null, search: '' });
    return items.length > 0 ? items : null;
  });
  const imageId = images[0]?.id ?? '';
  const { episodeId } = await client.call('episode.start', {
    imageId,
    query: '',
    mode: 'manual',
    source: { kind: 'none' },
    turnBudget: 8,
  });
  await client.call('images.prefetch', { imageId, priority: 'foreground' });
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await client.call('segment.preview', {
      imageId,
      episodeId,
      gesture: { name: 'segment_box', box: { x1: 60 + i, y1: 80, x2: 400, y2: 300 } },
    });
    times.push(performance.now() - start);
  }
  client.close();
  stop();
  await engine.close();
  return median(times);
}

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
}
