import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type DatasetTarget, readCoco, readRefs } from '@engine/datasets';
import { readTrajectories } from '@engine/exporters';
import { openImage } from '@engine/images/image-file';
import { replayPolicy } from '@engine/policies/replay';
import { simulatedAnnotator } from '@engine/policies/simulated-annotator';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import type { Segmenter } from '@engine/segmenters/segmenter';
import { meanOf, pairedDifference } from '@shared/insight/intervals';
import { decodeMask, type Rle, rleIou } from '@shared/mask/rle';
import { hashText } from '@shared/random';
import type { Trajectory } from '@shared/trajectory/schema';
import { it } from 'vitest';
import { coco20, hasSharedData, surrogates } from '../support/shared-data';
import {
  type Course,
  environmentFor,
  finishByHand,
  gestureBudget,
  hopelessIou,
  type Person,
  proposalOf,
  remembering,
} from './correction-cost';

/** `npm run bench:correction`: prints the tables of docs/correction-cost.md. */

/** Seeds of the simulated agents; a target counts with its mean over them. MASKWRIGHT_SEEDS takes fewer. */
const seeds = [1, 2, 3].slice(0, Number(process.env.MASKWRIGHT_SEEDS ?? 3));

interface Start {
  name: string;
  /** The courses of one target, one a seed; null where this start does not exist for it. */
  courses: (Course[] | null)[];
}

const persons: readonly Person[] = ['clicks', 'redraws'];

/** Which target of the photographs a recorded episode of the sample project is about, by its query. */
const recordedTargets: Record<string, number> = {
  'the yellow school bus': 37,
  'the tool used to cut the ribbon': 19,
  'what you would eat the cake with': 13,
  'the dirt bike': 41,
  'the old motorcycle': 8,
  'the white teddy bear in the middle': 38,
};

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function required<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`There is no ${what}.`);
  return value;
}

/** The other annotated object of the image that lies nearest: what an agent takes that misunderstands the query. */
function neighbourOf(target: DatasetTarget, all: readonly DatasetTarget[]): Rle | null {
  const truth = required(target.groundTruth, 'mask');
  const center = ({ groundTruth }: DatasetTarget): { x: number; y: number } => {
    const { width, data } = decodeMask(required(groundTruth, 'mask'));
    let [x, y, n] = [0, 0, 0];
    for (let i = 0; i < data.length; i++) {
      if (data[i] === 0) continue;
      x += i % width;
      y += Math.floor(i / width);
      n++;
    }
    return { x: x / n, y: y / n };
  };
  const from = center(target);
  const others = all
    .filter((other) => other.imageId === target.imageId && other.groundTruth !== null)
    // The same object may be annotated twice.
    .filter((other) => rleIou(required(other.groundTruth, 'mask'), truth) < 0.3)
    .map((other) => {
      const at = center(other);
      return { mask: other.groundTruth, distance: Math.hypot(at.x - from.x, at.y - from.y) };
    })
    .sort((a, b) => a.distance - b.distance);
  return others[0]?.mask ?? null;
}

async function measure(
  segmenter: Segmenter,
  targets: readonly DatasetTarget[],
  annotations: readonly DatasetTarget[],
  recorded: readonly Trajectory[],
): Promise<Record<Person | 'scratch', Start[]>> {
  const scratch: Start = { name: 'from scratch', courses: [] };
  const names = [
    'simulated agent, 1 call, box error 5 %',
    'simulated agent, 1 call, box error 15 %',
    'simulated agent, 1 call, box error 30 %',
    'simulated agent, up to 3 calls, box error 15 %, click error 30 %',
    'simulated agent, 1 call on the wrong object',
    'recorded turns of the sample project',
  ];
  const starts: Record<Person, Start[]> = {
    clicks: names.map((name) => ({ name, courses: [] })),
    redraws: names.map((name) => ({ name, courses: [] })),
  };
  for (const target of targets) {
    const image = await openImage(required(target.imagePath, target.fileName));
    const truth = decodeMask(required(target.groundTruth, 'mask'));
    const environment = environmentFor(image, remembering(segmenter));
    const nothing = environment.reset().state;
    scratch.courses.push([await finishByHand(environment, nothing, truth, 'clicks')]);
    const simulated = (options: { boxJitter: number; clickJitter?: number }, turns: number, of = truth) =>
      seeds.map((seed) => () => {
        const policy = simulatedAnnotator(
          { mask: of, ignore: null },
          { ...options, seed: hashText(`${target.key} ${seed}`) },
        );
        return proposalOf(environment, policy, turns);
      });
    const other = neighbourOf(target, annotations);
    const recording = recorded.find(
      (trajectory) => recordedTargets[trajectory.header.query] === target.refId,
    );
    const proposals = [
      simulated({ boxJitter: 0.05 }, 1),
      simulated({ boxJitter: 0.15 }, 1),
      simulated({ boxJitter: 0.3 }, 1),
      simulated({ boxJitter: 0.15, clickJitter: 0.3 }, 3),
      other && simulated({ boxJitter: 0.05 }, 1, decodeMask(other)),
      recording && [() => proposalOf(environment, replayPolicy(recording), 8)],
    ];
    process.stderr.write(`${targets.indexOf(target) + 1} of ${targets.length} targets\n`);
    for (const [index, makers] of proposals.entries()) {
      if (!makers) {
        for (const person of persons) starts[person][index]?.courses.push(null);
        continue;
      }
      const courses: Record<Person, Course[]> = { clicks: [], redraws: [] };
      for (const make of makers) {
        const proposal = await make();
        const clicked = await finishByHand(environment, proposal, truth, 'clicks');
        courses.clicks.push(clicked);
        // Both persons do the same with a proposal that is not hopeless.
        const isHopeless = clicked.start < hopelessIou;
        courses.redraws.push(
          isHopeless ? await finishByHand(environment, proposal, truth, 'redraws') : clicked,
        );
      }
      for (const person of persons) starts[person][index]?.courses.push(courses[person]);
    }
  }
  return { ...starts, scratch: [scratch] };
}

const mean = (values: readonly number[]): number => meanOf(values, 1).mean ?? Number.NaN;
const gesturesOf = (courses: readonly Course[]): number => mean(courses.map((course) => course.gestures));

function row(start: Start, scratch: Start): string {
  const both = start.courses.flatMap((courses, index) => {
    const alone = scratch.courses[index];
    return courses && alone ? [{ courses, alone }] : [];
  });
  const needed = both.map(({ courses }) => gesturesOf(courses));
  const difference = pairedDifference(
    needed,
    both.map(({ alone }) => gesturesOf(alone)),
  );
  const all = both.flatMap(({ courses }) => courses);
  const summary = meanOf(needed);
  const share = (part: number): string => `${((100 * part) / all.length).toFixed(0)} %`;
  const interval =
    start === scratch
      ? '–'
      : `${signed(difference.mean)} (${signed(difference.low)} to ${signed(difference.high)})`;
  return `| ${[
    start.name,
    both.length,
    mean(all.map((course) => course.start)).toFixed(2),
    share(all.filter((course) => course.gestures === 0).length),
    (summary.mean ?? 0).toFixed(2),
    (summary.median ?? 0).toFixed(1),
    share(all.filter((course) => course.reached).length),
    interval,
  ].join(' | ')} |`;
}

function signed(value: number | null): string {
  if (value === null) return '–';
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
}

function table(
  name: string,
  result: Record<Person | 'scratch', Start[]>,
  targets: readonly DatasetTarget[],
): string {
  const scratch = required(result.scratch[0], 'start');
  const head =
    '| start | targets | IoU at the start | needs nothing | gestures, mean | median | reached | difference to scratch (95 %) |\n|---|---|---|---|---|---|---|---|';
  const lines = [
    `### ${name}`,
    '',
    'The person clicks into whatever is proposed:',
    '',
    head,
    row(scratch, scratch),
  ];
  for (const start of result.clicks) lines.push(row(start, scratch));
  lines.push(
    '',
    'The person drags a new box first where the proposal is below IoU 0.5:',
    '',
    head,
    row(scratch, scratch),
  );
  for (const start of result.redraws) lines.push(row(start, scratch));
  const never = targets.filter((_, index) => scratch.courses[index]?.every((course) => !course.reached));
  lines.push(
    '',
    `From scratch ${never.length} of ${targets.length} targets were not reached within ${gestureBudget} gestures: ${never
      .map((target) => `${target.refId} (${target.query})`)
      .join(', ')}.`,
    '',
  );
  return lines.join('\n');
}

const embedded = ['encoder', 'decoder'].map((part) => resolve(`resources/models/embedded-seg-${part}.onnx`));
/** Encoder and decoder. One test each: `-t "SAM 1"` measures that one alone. */
const segmenters: [string, readonly string[]][] = [
  ['Embedded segmenter', embedded],
  ['Surrogate with SAM 1’s signature', surrogates.sam1.split(',')],
  ['Surrogate with SAM 2’s signature', surrogates.sam2.split(',')],
];

it.each(segmenters)(
  'counts the gestures from a proposal and from scratch: %s',
  async (name, [encoder = '', decoder = '']) => {
    if (!hasSharedData('gestures to correct')) return;
    const targets = await collect(readRefs(coco20.refs, coco20.instances, { images: coco20.images }));
    const annotations = await collect(readCoco(coco20.instances, { images: coco20.images }));
    const recorded = await collect(
      readTrajectories(resolve('resources/samples/first-steps/trajectories.jsonl')),
    );
    const cacheDir = mkdtempSync(join(tmpdir(), 'maskwright-correction-'));
    const segmenter = await openSegmenter({ encoder, decoder, cacheDir, provider: 'cpu' });
    try {
      process.stdout.write(
        `${table(name, await measure(segmenter, targets, annotations, recorded), targets)}\n`,
      );
    } finally {
      await segmenter.close();
      rmSync(cacheDir, { recursive: true, force: true });
    }
  },
  3_600_000,
);
