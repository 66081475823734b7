import { comparePage, metricName } from '@engine/evaluation/compare-page';
import { readSamples } from '@engine/evaluation/read-run';
import { writeTextFile } from '@engine/exporters';
import { MaskwrightError } from '@shared/contract/errors';
import type { Interval } from '@shared/evaluation/bootstrap';
import { type Comparison, compareSamples, type Pairing, pairSamples } from '@shared/evaluation/compare';
import { measure, metrics } from '@shared/evaluation/metrics';

interface CompareOptions {
  common?: boolean;
  seed: number;
  json?: boolean;
  out?: string;
}

/** Run B against run A, sample by sample. */
export async function compareCommand(dirA: string, dirB: string, options: CompareOptions): Promise<void> {
  const pairing = pairSamples(await readSamples(dirA), await readSamples(dirB));
  const warnings = warningsOf(pairing, dirA, dirB, options.common ?? false);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  const seeded = { seed: options.seed };
  const comparison = compareSamples(pairing, seeded);
  const valuesA = measure(pairing.a, seeded);
  const valuesB = measure(pairing.b, seeded);
  if (options.out !== undefined) {
    const html = comparePage({ a: dirA, b: dirB, valuesA, valuesB, comparison, warnings });
    await writeTextFile(options.out, html);
  }
  if (options.json) {
    const report = { a: dirA, b: dirB, warnings, ...comparison, ...tables(valuesA, valuesB, comparison) };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const { n, better, worse, same, differences, largest } = comparison;
  process.stdout.write(`${n} samples: B better on ${better}, worse on ${worse}, the same on ${same}\n`);
  for (const { id } of metrics) {
    const values = [valuesA.get(id)?.value, valuesB.get(id)?.value].map((value) => percent(value ?? 0));
    process.stdout.write(
      `${metricName(id).padEnd(24)} ${values[0]} → ${values[1]}  ${points(differences.get(id))}\n`,
    );
  }
  for (const pair of largest.slice(0, 5)) {
    process.stdout.write(
      `  ${percent(pair.iou_a)} → ${percent(pair.iou_b)}  ${pair.id}: ${pair.query} (${pair.image})\n`,
    );
  }
}

function tables(
  valuesA: ReadonlyMap<string, Interval>,
  valuesB: ReadonlyMap<string, Interval>,
  { differences }: Comparison,
): Record<'values_a' | 'values_b' | 'differences', Record<string, Interval>> {
  return {
    values_a: Object.fromEntries(valuesA),
    values_b: Object.fromEntries(valuesB),
    differences: Object.fromEntries(differences),
  };
}

function warningsOf(
  { a, onlyA, onlyB, unequal }: Pairing,
  dirA: string,
  dirB: string,
  common: boolean,
): string[] {
  if (unequal.length > 0) {
    throw new MaskwrightError(
      'CONFLICT',
      `${unequal.length} samples have the same id and another image, query or ground truth, such as ${unequal[0]}.`,
      { hint: 'Compare runs over the same data set.' },
    );
  }
  if (a.length === 0)
    throw new MaskwrightError('CONFLICT', `${dirA} and ${dirB} have no sample in common.`, {
      hint: 'Compare runs over the same data set.',
    });
  if (onlyA.length === 0 && onlyB.length === 0) return [];
  const said = `${onlyA.length} samples are only in ${dirA}, ${onlyB.length} only in ${dirB}`;
  if (common) return [`${said}; the ${a.length} common ones are compared.`];
  throw new MaskwrightError('CONFLICT', `The runs are over different samples: ${said}.`, {
    hint: `Compare the ${a.length} common ones with --common.`,
  });
}

function percent(share: number): string {
  return (share * 100).toFixed(1).padStart(5);
}

function points(difference: Interval | undefined): string {
  if (!difference || difference.value === null || difference.low === null || difference.high === null)
    return '–';
  const signed = (share: number): string => `${share < 0 ? '−' : '+'}${(Math.abs(share) * 100).toFixed(1)}`;
  return `${signed(difference.value)} (${signed(difference.low)} to ${signed(difference.high)})`;
}
