import { medianOf } from '../insight/intervals';
import { type Protocol, protocols } from '../mask/metrics';
import { type BootstrapOptions, type Interval, noInterval } from './bootstrap';
import { type Answer, type MetricId, measure, type precisionThresholds } from './metrics';
import type { Sample, Tokens } from './sample';

/** The two means of a protocol. */
export interface ProtocolSummary {
  /** Rows that it counts. */
  n: number;
  gIoU: Interval;
  cIoU: Interval;
}

export interface Sum {
  total: number;
  mean: number | null;
  median: number | null;
}

/** All that a report says of some samples. Field names are those of report.json. */
export interface Summary {
  /** Failed ones included: a failed sample has I = 0, U = the ground truth's area and IoU 0. */
  n: number;
  failed: number;
  protocols: Record<Protocol, ProtocolSummary>;
  /** Had the first segmentation call been the answer. */
  one_shot: Record<Protocol, ProtocolSummary>;
  /** Share of samples whose IoU is at least the number. */
  precision: Record<`${(typeof precisionThresholds)[number]}`, Interval>;
  dice: Interval;
  boundary_f: Interval;
  turns: Sum;
  invalid_calls: Sum;
  /** Milliseconds. */
  ms: Sum;
  /** Null where no policy told any. */
  tokens: Tokens | null;
}

export function summariseSamples(samples: readonly Sample[], options: BootstrapOptions): Summary {
  const measured = measure(samples, options);
  const interval = (id: MetricId): Interval => measured.get(id) ?? noInterval;
  const answer = (which: Answer): Record<Protocol, ProtocolSummary> => {
    const of = (protocol: Protocol): ProtocolSummary => ({
      n: samples.filter((sample) => sample[which][protocol] !== null).length,
      gIoU: interval(`${which}.${protocol}.gIoU`),
      cIoU: interval(`${which}.${protocol}.cIoU`),
    });
    return { lisa: of('lisa'), segzero: of('segzero') };
  };
  return {
    n: samples.length,
    failed: samples.filter((sample) => sample.error !== null).length,
    protocols: answer('protocols'),
    one_shot: answer('one_shot'),
    precision: {
      '0.5': interval('precision.0.5'),
      '0.7': interval('precision.0.7'),
      '0.9': interval('precision.0.9'),
    },
    dice: interval('dice'),
    boundary_f: interval('boundary_f'),
    turns: sumOf(samples.map((sample) => sample.turns)),
    invalid_calls: sumOf(samples.map((sample) => sample.invalid_calls)),
    ms: sumOf(samples.map((sample) => sample.ms)),
    tokens: tokensOf(samples),
  };
}

/** Samples by a name that each has none, one or several of, in the order of first appearance. */
export function partition(
  samples: readonly Sample[],
  namesOf: (sample: Sample) => readonly string[],
): Map<string, Sample[]> {
  const parts = new Map<string, Sample[]>();
  for (const sample of samples) {
    for (const name of new Set(namesOf(sample))) {
      const part = parts.get(name);
      if (part) part.push(sample);
      else parts.set(name, [sample]);
    }
  }
  return parts;
}

/**
 * Mean IoU of all samples after turn 1, 2, … up to the longest episode. One that ended earlier keeps its last value, a
 * failed one counts 0.
 */
export function meanIouByTurn(samples: readonly Sample[]): number[] {
  const longest = samples.reduce((most, sample) => Math.max(most, sample.iou_by_turn.length), 0);
  return Array.from({ length: longest }, (_, turn) => {
    let sum = 0;
    for (const { iou_by_turn: ious } of samples) sum += ious[Math.min(turn, ious.length - 1)] ?? 0;
    return sum / samples.length;
  });
}

/** How many samples have an IoU in each of `bins` equal parts of 0..1; 1 belongs to the last. */
export function iouHistogram(samples: readonly Sample[], bins = 20): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const { iou } of samples) counts[Math.min(bins - 1, Math.floor(iou * bins))]! += 1;
  return counts;
}

/** The protocols whose rows differ from the samples, for the words beside a table. */
export function protocolsWithFewerRows(summary: Summary): Protocol[] {
  return protocols.filter((protocol) => summary.protocols[protocol].n !== summary.n);
}

function sumOf(values: readonly number[]): Sum {
  const total = values.reduce((sum, value) => sum + value, 0);
  if (values.length === 0) return { total, mean: null, median: null };
  return { total, mean: total / values.length, median: medianOf(values) };
}

function tokensOf(samples: readonly Sample[]): Tokens | null {
  const told = samples.flatMap(({ tokens }) => (tokens ? [tokens] : []));
  if (told.length === 0) return null;
  const total = (key: keyof Tokens): number => told.reduce((sum, tokens) => sum + tokens[key], 0);
  return { prompt: total('prompt'), completion: total('completion'), cached: total('cached') };
}
