import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotateBatch } from '@engine/batch/annotate';
import { ProgressLog } from '@engine/batch/progress-log';
import { type DatasetTarget, openDataset, parseDatasetSpec, type Skipped } from '@engine/datasets';
import { type Shard, shardText, takeShard } from '@engine/datasets/shard';
import { withFolderLock } from '@engine/folder-lock';
import { openAiPolicy } from '@engine/policies/openai-compatible';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { type PolicySpec, parsePolicySpec, parseSegmenterSpec } from '@engine/setup/specs';
import { Distractors } from '@engine/synthesis/distractors';
import { simulatedPolicies } from '@engine/synthesis/simulated-policies';
import {
  droppedFile,
  episodesOf,
  reportFile,
  type Teacher,
  trajectoriesFile,
  writeSynthesis,
} from '@engine/synthesis/synthesize';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { type AnnotatorMix, parseAnnotatorMix } from '@shared/synthesis/annotator-mix';
import type { FilterOptions } from '@shared/synthesis/filters';
import { reportTable } from '@shared/synthesis/report';
import { settleConventions } from '@shared/tools/conventions';
import { exitCodes } from './exit-codes';
import {
  conventionsFingerprint,
  policyFingerprint,
  segmenterFingerprint,
  targetsFingerprint,
} from './fingerprint';
import { stopOnSignal } from './interrupt';
import { askedConventions, type ConventionOptions } from './options/conventions';
import { cacheDir, outDir, resourcesDir } from './paths';
import { policyFactory } from './policy-factory';
import { ProgressDisplay } from './progress-display';

interface SynthesizeOptions extends Omit<FilterOptions, 'keepTruncated'>, ConventionOptions {
  dataset: string;
  split?: string;
  images?: string;
  instances?: string;
  segmenter: string;
  policy: string;
  mix?: string;
  rewriteThoughts?: string;
  turns: number;
  perTarget: number;
  limit?: number;
  concurrency: number;
  keepTruncated?: boolean;
  shard?: Shard;
  keepFailed?: boolean;
  out: string;
  json?: boolean;
}

export async function synthesizeCommand(options: SynthesizeOptions): Promise<void> {
  const policySpec = parsePolicySpec(options.policy, resourcesDir);
  const segmenterSpec = parseSegmenterSpec(options.segmenter, resourcesDir);
  const isSimulated = policySpec.kind === 'simulated';
  const mix = isSimulated ? await readMix(options.mix) : null;
  if (!isSimulated && options.mix !== undefined) {
    throw new MaskwrightError('INVALID_REQUEST', '--mix is of the simulated annotator.');
  }
  const teacherSpec = teacherOf(options.rewriteThoughts);
  const stop = stopOnSignal();
  try {
    const { targets, skipped, distractors } = await readTargets(options, stop.signal);
    const all = [...episodesOf(targets, options.perTarget)];
    const items = takeShard(all, options.shard);
    const policies = mix
      ? {
          policyFor: simulatedPolicies(mix, distractors),
          conventions: settleConventions({}, askedConventions(options)),
          close: async () => {},
        }
      : await policyFactory(policySpec, askedConventions(options), outDir);
    const segmenter = await openSegmenter({
      ...segmenterSpec,
      threadFile: join(outDir, 'segmenter-thread.js'),
      cacheDir: join(cacheDir(), 'embeddings'),
    });
    const display = new ProgressDisplay(items.length);
    const teacher = teacherSpec && openTeacher(teacherSpec);
    try {
      const fingerprint = {
        synthesis: { ...(mix && { mix }), perTarget: options.perTarget },
        policy: await policyFingerprint(policySpec),
        ...conventionsFingerprint(policies.conventions),
        segmenter: await segmenterFingerprint(segmenterSpec),
        turns: options.turns,
        seed: options.seed,
        targets: targetsFingerprint(targets),
        ...(options.shard && { shard: shardText(options.shard) }),
      };
      const report = await withFolderLock(options.out, async () => {
        const log = await ProgressLog.open(options.out, fingerprint, { keepFailed: options.keepFailed });
        display.start(items.filter(({ key }) => log.done.has(key)).length);
        await annotateBatch(items, log, {
          segmenter,
          policyFor: policies.policyFor,
          conventions: policies.conventions,
          turnBudget: options.turns,
          concurrency: options.concurrency,
          seed: options.seed,
          signal: stop.signal,
          onItem: (result) => display.step(result.ok ? null : `${result.key}: ${result.message}`),
        });
        display.stop();
        const rewriting = new RewritingDisplay();
        return writeSynthesis(items, log, skipped, {
          out: options.out,
          mix,
          filters: filtersOf(options),
          seed: options.seed,
          teacher,
          concurrency: options.concurrency,
          signal: stop.signal,
          onRewritten: (done, total) => rewriting.show(done, total),
          onRewriteFailed: (key, message) => process.stderr.write(`thoughts of ${key}: ${message}\n`),
        }).finally(() => rewriting.end());
      });
      for (const { item, reason } of skipped) process.stderr.write(`skipped ${item}: ${reason}\n`);
      if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
      else {
        process.stdout.write(`${reportTable(report)}\n`);
        process.stderr.write(`${options.out}: ${trajectoriesFile}, ${droppedFile}, ${reportFile}\n`);
      }
      const isWhole = report.dropped.failed.n === 0 && skipped.length === 0;
      process.exitCode = isWhole ? exitCodes.ok : exitCodes.itemsFailed;
    } finally {
      display.stop();
      await teacher?.policy.close();
      await segmenter.close();
      await policies.close();
    }
  } finally {
    stop.dispose();
  }
}

async function readTargets(
  options: SynthesizeOptions,
  signal: AbortSignal,
): Promise<{ targets: DatasetTarget[]; skipped: Skipped[]; distractors: Distractors }> {
  const { split, images, instances, limit } = options;
  const dataset = await openDataset(parseDatasetSpec(options.dataset), { split, images, instances, limit });
  const targets: DatasetTarget[] = [];
  const skipped: Skipped[] = [];
  const distractors = new Distractors();
  const onSkip = (entry: Skipped): void => {
    skipped.push(entry);
  };
  for await (const target of dataset.targets({ onSkip, signal })) {
    if (!target.groundTruth && !target.noTarget) {
      onSkip({ item: target.key, reason: 'its target is not known, so that nothing can be judged' });
      continue;
    }
    targets.push(target);
    distractors.add(target);
  }
  if (targets.length > 0) return { targets, skipped, distractors };
  throw new MaskwrightError('INVALID_REQUEST', 'There is nothing to make trajectories of.', {
    hint: skipped[0]
      ? `First reason: ${skipped[0].item}: ${skipped[0].reason}`
      : 'Is the data set, or its split, empty?',
  });
}

/** `--mix`: JSON itself, or a file of it. */
async function readMix(given: string | undefined): Promise<AnnotatorMix> {
  if (given === undefined) return parseAnnotatorMix({});
  const isText = given.trim().startsWith('{');
  try {
    return parseAnnotatorMix(JSON.parse(isText ? given : await readFile(given, 'utf8')));
  } catch (error) {
    if (error instanceof MaskwrightError) throw error;
    throw new MaskwrightError('INVALID_REQUEST', `--mix cannot be read: ${messageOf(error)}`, {
      hint: 'Give JSON such as \'{"wrongFirst": 0.3}\', or a file of it.',
    });
  }
}

type TeacherSpec = Extract<PolicySpec, { kind: 'openai' }>;

function teacherOf(given: string | undefined): TeacherSpec | null {
  if (given === undefined) return null;
  const spec = parsePolicySpec(given, resourcesDir);
  if (spec.kind === 'openai') return spec;
  throw new MaskwrightError('INVALID_REQUEST', '--rewrite-thoughts needs an endpoint.', {
    hint: 'Write openai:URL#MODEL.',
  });
}

function openTeacher(spec: TeacherSpec): Teacher {
  const apiKey = process.env.MASKWRIGHT_API_KEY ?? null;
  const { url, model } = spec;
  // A model stays the same one when it is served elsewhere.
  return {
    name: model ?? url,
    policy: openAiPolicy({ baseUrl: url, model, apiKey, maxTokens: 400 }),
  };
}

function filtersOf(options: SynthesizeOptions): FilterOptions {
  const { minIou, minGain, maxInvalid, maxLengthShare, maxToolsShare, seed } = options;
  const keepTruncated = options.keepTruncated ?? false;
  return { minIou, minGain, maxInvalid, keepTruncated, maxLengthShare, maxToolsShare, seed };
}

/** The thoughts that a teacher writes, by episode. */
class RewritingDisplay {
  private display: ProgressDisplay | null = null;

  show(done: number, total: number): void {
    if (this.display === null) {
      process.stderr.write('rewriting thoughts\n');
      this.display = new ProgressDisplay(total);
      this.display.start(done - 1);
    }
    this.display.step(null);
  }

  end(): void {
    this.display?.stop();
  }
}
