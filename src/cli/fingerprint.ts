import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DatasetTarget } from '@engine/datasets';
import { modelHash } from '@engine/segmenters/model-hash';
import type { PolicySpec, SegmenterSpec } from '@engine/setup/specs';
import { MaskwrightError } from '@shared/contract/errors';
import type { AgentConventions } from '@shared/tools/conventions';

/** What decides a run's results, for the stamp in its folder. Where the files lie does not matter. */

/** Models of the agent are told apart by name and size: reading many gigabytes would hold up every start. */
export async function policyFingerprint(spec: PolicySpec): Promise<Record<string, unknown>> {
  switch (spec.kind) {
    case 'llama': {
      const files = spec.mmproj === null ? [spec.model] : [spec.model, spec.mmproj];
      return { kind: spec.kind, files: await Promise.all(files.map(nameAndSize)) };
    }
    case 'replay':
      return { kind: spec.kind, sha256: await fileHash(spec.file) };
    case 'openai':
    case 'simulated':
    case 'none':
      return { ...spec };
  }
}

/** What is as it always was is left out, so that runs from before there was a choice are known again. */
export function conventionsFingerprint({
  coordinates,
  prompt,
  viewPixels,
}: AgentConventions): Record<string, unknown> {
  return { coordinates, ...(prompt !== 'full' && { prompt }), ...(viewPixels !== null && { viewPixels }) };
}

export async function segmenterFingerprint({ encoder, decoder }: SegmenterSpec): Promise<unknown> {
  return { encoder: await modelHash(encoder), decoder: await modelHash(decoder) };
}

export function targetsFingerprint(targets: readonly DatasetTarget[]): { n: number; sha256: string } {
  const sum = new TargetsSum();
  for (const target of targets) sum.add(target);
  return sum.end();
}

/** The same of targets that come one by one. */
export class TargetsSum {
  private readonly sum = createHash('sha256');
  private n = 0;

  add({ key, fileName, query, groundTruth, noTarget, category, ignore }: DatasetTarget): void {
    const truth = groundTruth && [...groundTruth.size, groundTruth.counts];
    // Left out where there is none, so that what was stamped before there were any is known again.
    const left = ignore ? [ignore.counts] : [];
    this.sum.update(`${JSON.stringify([key, fileName, query, truth, noTarget, category, ...left])}\n`);
    this.n += 1;
  }

  end(): { n: number; sha256: string } {
    return { n: this.n, sha256: this.sum.digest('hex') };
  }
}

async function nameAndSize(file: string): Promise<{ name: string; bytes: number }> {
  const { size } = await stat(file).catch((error: unknown) => {
    throw new MaskwrightError('MODEL_MISSING', `The model file ${file} does not exist.`, { cause: error });
  });
  return { name: basename(file), bytes: size };
}

async function fileHash(file: string): Promise<string> {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(file)) sum.update(chunk);
  return sum.digest('hex');
}
