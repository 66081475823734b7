import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { annotateBatch } from '@engine/batch/annotate';
import { ProgressLog } from '@engine/batch/progress-log';
import { type DatasetTarget, openDataset, parseDatasetSpec } from '@engine/datasets';
import { encoderInput } from '@engine/segmenters/encoder-input';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import type { ImageSource, Prompt, Segmenter } from '@engine/segmenters/segmenter';
import { parseSegmenterSpec } from '@engine/setup/specs';
import { Distractors } from '@engine/synthesis/distractors';
import { simulatedPolicies } from '@engine/synthesis/simulated-policies';
import { writeSynthesis } from '@engine/synthesis/synthesize';
import { defaultAnnotatorMix } from '@shared/synthesis/annotator-mix';
import { defaultFilterOptions } from '@shared/synthesis/filters';
import { defaultConventions } from '@shared/tools/conventions';
import * as ort from 'onnxruntime-node';
import { it } from 'vitest';
import { openBare } from './segmenter';

const episodes = Number(process.env.MASKWRIGHT_BENCH_EPISODES ?? 60);

/** CPU seconds of all threads of this process so far. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/**
 * What a synthesized trajectory costs over the bare model runs that it needs: the same encodes and decodes, of the same
 * images and prompts, by `session.run` alone in the same process.
 */
it('prints the CPU time of a synthesis over that of its bare model runs', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'maskwright-bench-synthesis-'));
  const spec = parseSegmenterSpec('embedded', resolve('resources'));
  const threadFile = resolve('out/main/segmenter-thread.js');
  const opened = await openSegmenter({ ...spec, threadFile, cacheDir: join(dir, 'cache'), provider: 'cpu' });
  // Threads that wait busily would be counted as work.
  const bare = await openBare(spec.encoder, spec.decoder, {
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const asked = new Map<string, { image: ImageSource; prompts: Prompt[] }>();
  const segmenter: Segmenter = {
    identity: opened.identity,
    encode: (image, options) => opened.encode(image, options),
    segment: (image, prompt, options) => {
      const known = asked.get(image.hash) ?? { image, prompts: [] };
      known.prompts.push(prompt);
      asked.set(image.hash, known);
      return opened.segment(image, prompt, options);
    },
    close: () => opened.close(),
  };
  try {
    const start = cpuSeconds();
    const dataset = await openDataset(parseDatasetSpec('reasonscenes'), { split: 'train', limit: episodes });
    const items: DatasetTarget[] = [];
    const distractors = new Distractors();
    for await (const target of dataset.targets()) {
      items.push(target);
      distractors.add(target);
    }
    const read = cpuSeconds();
    const log = await ProgressLog.open(join(dir, 'out'), {});
    await annotateBatch(items, log, {
      segmenter,
      policyFor: simulatedPolicies(defaultAnnotatorMix, distractors),
      conventions: defaultConventions,
      turnBudget: 8,
      concurrency: 2,
      seed: 0,
    });
    const played = cpuSeconds();
    const report = await writeSynthesis(items, log, [], {
      out: join(dir, 'out'),
      mix: defaultAnnotatorMix,
      filters: defaultFilterOptions,
      seed: 0,
      teacher: null,
      concurrency: 2,
    });
    const end = cpuSeconds();

    let models = 0;
    const timed = async <T>(run: () => Promise<T>): Promise<T> => {
      const before = cpuSeconds();
      const result = await run();
      models += cpuSeconds() - before;
      return result;
    };
    let decodes = 0;
    for (const { image, prompts } of asked.values()) {
      const plan = bare.pair.encoderPlan;
      const { type, data, shape } = encoderInput(await image.pixels(), plan);
      const input = { [plan.input]: new ort.Tensor(type, data, shape) };
      bare.embedding = await timed(() => bare.encoder.run(input));
      for (const prompt of prompts) {
        const feeds = bare.feeds(prompt, image);
        await timed(() => bare.decoder.run(feeds));
        decodes += 1;
      }
    }
    const each = (seconds: number): string => (seconds / episodes).toFixed(3);
    process.stdout.write(
      `\n${episodes} episodes (${report.kept} kept), ${asked.size} encodes, ${decodes} decodes\n` +
        `CPU seconds an episode: ${each(end - start)} (reading ${each(read - start)}, playing ${each(played - read)}, filtering and thoughts ${each(end - played)})\n` +
        `bare model runs: ${each(models)}\n` +
        `ratio: ${((end - start) / models).toFixed(2)}\n\n`,
    );
  } finally {
    await opened.close();
    await bare.encoder.release();
    await bare.decoder.release();
    rmSync(dir, { recursive: true, force: true });
  }
});
