import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { headerOf, runEpisode } from '@engine/agent/episode';
import { Environment } from '@engine/environment/environment';
import { ObservationRenderer } from '@engine/environment/observation-image';
import { openImage } from '@engine/images/image-file';
import type { Policy } from '@engine/policies/policy';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { parseSegmenterSpec } from '@engine/setup/specs';
import { gestureSchema } from '@shared/contract/methods';
import { defaultViewConfig } from '@shared/geometry/view';
import { callOf } from '@shared/tools/gesture';
import { formatTurn } from '@shared/tools/prompt-text';
import { z } from 'zod';

const episodesSchema = z.array(
  z.object({
    image: z.string(),
    query: z.string(),
    turns: z.array(z.object({ thought: z.string(), call: gestureSchema })),
  }),
);
type Episode = z.infer<typeof episodesSchema>[number];

const folder = resolve('resources/samples/first-steps');

/** A policy that says what was written for it, in image pixels. */
function scripted({ turns }: Episode): Policy {
  return {
    identity: { kind: 'scripted', name: 'example, written by hand' },
    author: 'agent',
    readsPrompt: false,
    async propose({ state, view, coordinates }) {
      const turn = turns[state.turn];
      if (!turn) throw new Error('An episode of the sample does not end with finish or report_no_target');
      const call = callOf(turn.call, view, coordinates);
      return { thought: turn.thought, call, problem: null, raw: formatTurn(turn.thought, call), usage: {} };
    },
    async close() {},
  };
}

/** Records the sample's trajectories with a segmenter, named as on the command line. */
export async function recordSample(segmenterSpec: string): Promise<void> {
  const episodes = episodesSchema.parse(JSON.parse(readFileSync(join(folder, 'episodes.json'), 'utf8')));
  const segmenter = await openSegmenter({
    ...parseSegmenterSpec(segmenterSpec, resolve('resources')),
    threadFile: resolve('out/main/segmenter-thread.js'),
    cacheDir: join(tmpdir(), 'maskwright-record-sample'),
  });
  const renderer = new ObservationRenderer();
  const lines: string[] = [];
  for (const [index, episode] of episodes.entries()) {
    const environment = new Environment({
      image: await openImage(join(folder, 'images', episode.image)),
      segmenter,
      coordinates: 'norm1000',
      viewConfig: defaultViewConfig('norm1000'),
      turnBudget: 8,
    });
    const policy = scripted(episode);
    const header = headerOf(environment, {
      id: `sample-${index + 1}`,
      imageName: `images/${episode.image}`,
      query: episode.query,
      policy: policy.identity,
      seed: null,
    });
    const { trajectory } = await runEpisode(environment, policy, header, renderer);
    const invalid = trajectory.nodes.find((node) => node.invalid !== null);
    if (invalid) throw new Error(`${episode.query}: ${invalid.invalid}`);
    lines.push(`${JSON.stringify(trajectory)}\n`);
    process.stdout.write(`${episode.image}  ${episode.query}: ${trajectory.nodes.length} turns\n`);
  }
  writeFileSync(join(folder, 'trajectories.jsonl'), lines.join(''));
  await segmenter.close();
}
