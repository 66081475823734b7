import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { applicationName, applicationVersion } from '@engine/application';
import { describeModelRuntime, type ModelRuntimeReport } from '@engine/models/hardware';
import { nodeModelChild } from '@engine/models/node-model-child';
import { openSegmenter, type ProviderReport, type SegmenterReport } from '@engine/segmenters/open-segmenter';
import { parsePolicySpec, parseSegmenterSpec } from '@engine/setup/specs';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { exitCodes } from './exit-codes';
import { cacheDir, dataDir, outDir, resourcesDir } from './paths';

interface InspectOptions {
  segmenter?: string;
  policy?: string;
  json?: boolean;
}

type Finding<T> = { ready: true; report: T } | { ready: false; problem: string; hint: string };

/** Shows what is installed and which device really runs what. */
export async function inspectCommand(options: InspectOptions): Promise<void> {
  const segmenter = await find(() => inspectSegmenter(options.segmenter ?? 'embedded'));
  const runtime = await find(() => inspectRuntime(options.policy ?? null));
  const report = {
    application: { name: applicationName, version: applicationVersion },
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    dataDir: dataDir(),
    segmenter,
    runtime,
    sample: existsSync(join(resourcesDir, 'samples', 'first-steps')),
  };
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : text(report));
  const asked = [options.segmenter && segmenter, options.policy && runtime].filter(
    (finding) => typeof finding === 'object',
  );
  process.exitCode = asked.some((finding) => !finding.ready) ? exitCodes.failed : exitCodes.ok;
}

async function find<T>(look: () => Promise<T>): Promise<Finding<T>> {
  try {
    return { ready: true, report: await look() };
  } catch (error) {
    return {
      ready: false,
      problem: messageOf(error),
      hint: error instanceof MaskwrightError ? error.hint : '',
    };
  }
}

async function inspectSegmenter(spec: string): Promise<SegmenterReport & { name: string }> {
  const segmenter = await openSegmenter({
    ...parseSegmenterSpec(spec, resourcesDir),
    threadFile: join(outDir, 'segmenter-thread.js'),
    cacheDir: join(cacheDir(), 'embeddings'),
  });
  try {
    return { name: segmenter.identity.name, ...segmenter.report() };
  } finally {
    await segmenter.close();
  }
}

async function inspectRuntime(policy: string | null): Promise<ModelRuntimeReport> {
  const spec = policy === null ? null : parsePolicySpec(policy, resourcesDir);
  if (spec && spec.kind !== 'llama') {
    throw new MaskwrightError('INVALID_REQUEST', 'Only a local model can be inspected.', {
      hint: 'Use llama:MODEL.gguf.',
    });
  }
  return describeModelRuntime({
    spawnModelChild: () => nodeModelChild(join(outDir, 'model-child.js')),
    ...(spec ? { model: spec.model, mmproj: spec.mmproj } : {}),
  });
}

function text(report: {
  application: { name: string; version: string };
  node: string;
  platform: string;
  dataDir: string;
  segmenter: Finding<SegmenterReport & { name: string }>;
  runtime: Finding<ModelRuntimeReport>;
  sample: boolean;
}): string {
  const lines = [
    `${report.application.name} ${report.application.version}, Node ${report.node}, ${report.platform}`,
    `data        ${report.dataDir}`,
    `sample      ${report.sample ? 'installed' : 'missing'}`,
  ];
  if (report.segmenter.ready) {
    const { name, signature, inputSize, encoder, decoder, surrogate } = report.segmenter.report;
    lines.push(
      `segmenter   ${name}: ${signature} interface, input ${inputSize} px${surrogate ? ', a stand-in, not SAM' : ''}`,
    );
    lines.push(`  encoder   ${providerText(encoder)}`, `  decoder   ${providerText(decoder)}`);
  } else lines.push(`segmenter   none: ${report.segmenter.problem} ${report.segmenter.hint}`);
  if (report.runtime.ready) {
    const { device, detail, backends } = report.runtime.report;
    lines.push(`llama.cpp   ${device}: ${detail}`);
    for (const backend of backends) {
      lines.push(
        `  ${backend.available ? 'has ' : 'no  '}      ${backend.name}${backend.detail ? `: ${backend.detail}` : ''}`,
      );
    }
  } else lines.push(`llama.cpp   ${report.runtime.problem} ${report.runtime.hint}`);
  return `${lines.join('\n')}\n`;
}

function providerText({ requested, actual, reasons }: ProviderReport): string {
  const why = reasons.length > 0 ? ` (${reasons.join('; ')})` : '';
  return `${(actual ?? 'not loaded').toUpperCase()}, asked for ${requested}${why}`;
}
