import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { Conversation } from '@shared/training/conversation';
import {
  type DroppedReason,
  fileNames,
  type Manifest,
  type RowSource,
  type TrainingEngine,
} from '@shared/training/manifest';
import { type JudgedTrajectory, judgeTrajectory, type UnlearnableReason } from '@shared/trajectory/learnable';
import type { Trajectory } from '@shared/trajectory/schema';
import type { ImageSource } from '../../segmenters/segmenter';
import { shownObservation } from './conversations';
import { preferenceForm, type RowForm, sftForm } from './forms';
import { ImageFolder } from './images';
import { type DraftItem, preferenceItems, preferenceOf, sftItems, sourceOfRow } from './items';
import { manifestOf, prepareFolder, writeManifest } from './out-folder';
import { LinesFile, openRowFile, type RowFile } from './row-file';
import type { TrainingSource } from './sources';

export interface TrainingOptions {
  engine: TrainingEngine;
  /** Overlay images in a prompt beside the first image; `all`: none is dropped; undefined: as the prompts that run. */
  observationImages?: number | 'all';
  /** Trajectories whose final IoU is known and lower are left out. */
  minIou: number;
  /** Put before the relative paths of images in the rows, for engines that run in another folder. */
  imageRoot: string;
  overwrite?: boolean;
  onProgress?: (trajectories: number) => void;
  signal?: AbortSignal;
}

/**
 * Writes the rows of trajectories for an engine into a folder: rows, images, where each row comes from, what was dropped
 * and why, and last of all the manifest. Trajectories stream through; a few are worked on at a time.
 *
 * @throws MaskwrightError INVALID_REQUEST for a form that the engine does not train, CONFLICT for a folder that holds
 *   something else, CANCELLED, and what the source throws
 */
export async function exportTraining(
  form: 'sft' | 'preferences',
  source: TrainingSource,
  out: string,
  options: TrainingOptions,
): Promise<Manifest> {
  if (form === 'sft') {
    return run(form, sftForm(options.engine), sftItems, (conversation) => conversation, source, out, options);
  }
  const pair = preferenceForm(options.engine);
  const make = (conversation: Conversation, item: DraftItem) => {
    if (!item.rejected) throw new Error('A preference has no rejected answer');
    return preferenceOf(conversation, item.rejected);
  };
  return run(form, pair, preferenceItems, make, source, out, options);
}

/** How many trajectories are rendered at the same time. */
const inWork = 4;

interface Prepared {
  trajectory: Trajectory;
  judged: JudgedTrajectory;
  result:
    | { rows: { conversation: Conversation; item: DraftItem }[] }
    | { dropped: DroppedReason; why: string };
}

async function run<Item>(
  form: 'sft' | 'preferences',
  rows: RowForm<Item>,
  itemsOf: typeof sftItems,
  make: (conversation: Conversation, item: DraftItem) => Item,
  source: TrainingSource,
  out: string,
  options: TrainingOptions,
): Promise<Manifest> {
  const names = [rows.file, fileNames.sources, fileNames.dropped, ...Object.keys(rows.extra)];
  await prepareFolder(out, names, options.overwrite ?? false);
  const images = await ImageFolder.make(out);
  const tally = new Tally();
  const files = {
    rows: openRowFile(join(out, rows.file), rows.columns),
    sources: new LinesFile(join(out, fileNames.sources)),
    dropped: new LinesFile(join(out, fileNames.dropped)),
  };
  const kept = options.observationImages === 'all' ? Number.MAX_SAFE_INTEGER : options.observationImages;
  const prepare = async (trajectory: Trajectory): Promise<Prepared> => {
    const judged = judgeTrajectory(trajectory, { minIou: options.minIou });
    const given = itemsOf(trajectory, judged, kept);
    if ('dropped' in given) return { trajectory, judged, result: { dropped: given.dropped, why: '' } };
    try {
      const image = await source.image(trajectory);
      const result = [];
      for (const item of given.items) {
        const paths = await imagePaths(trajectory, image, item, images);
        const rooted = paths.map((path) => `${options.imageRoot}${path}`);
        result.push({ conversation: { ...item.draft.conversation, images: rooted }, item });
      }
      return { trajectory, judged, result: { rows: result } };
    } catch (error) {
      if (isCancelled(error) || !(error instanceof MaskwrightError) || error.code !== 'IMAGE_UNREADABLE')
        throw error;
      return { trajectory, judged, result: { dropped: 'image', why: messageOf(error) } };
    }
  };
  const write = async ({ trajectory, judged, result }: Prepared): Promise<void> => {
    tally.trajectories += 1;
    if ('dropped' in result) {
      tally.drop(result.dropped);
      await files.dropped.add({ trajectory: trajectory.header.id, reason: result.dropped, why: result.why });
      return;
    }
    tally.use(judged);
    for (const { conversation, item } of result.rows) {
      for (const one of rows.itemsOf(make(conversation, item))) {
        await files.rows.add(rows.row(one));
        const row = tally.addRow();
        const line: RowSource = { row, ...sourceOfRow(item.source, rows.conversationOf(one)) };
        await files.sources.add({ ...line });
        tally.learn(line);
      }
    }
  };
  try {
    for await (const prepared of inOrder(source.trajectories(), prepare, options.signal)) {
      await write(prepared);
      options.onProgress?.(tally.trajectories);
    }
  } finally {
    await closeAll(Object.values(files));
  }
  for (const [name, value] of Object.entries(rows.extra)) {
    await writeFile(join(out, name), `${JSON.stringify(value, null, 2)}\n`);
  }
  const manifest = await manifestOf(out, names, {
    form,
    engine: options.engine,
    options: {
      observationImages: options.observationImages,
      minIou: options.minIou,
      imageRoot: options.imageRoot,
    },
    ...tally.figures(images.count),
  });
  await writeManifest(out, manifest);
  return manifest;
}

async function imagePaths(
  trajectory: Trajectory,
  image: ImageSource,
  { draft }: DraftItem,
  images: ImageFolder,
): Promise<string[]> {
  const paths: string[] = [];
  for (const node of draft.images) {
    paths.push(await images.add(image, shownObservation(trajectory, node), trajectory.header.overlay));
  }
  return paths;
}

/** Works on a few at a time and gives the results in the order of the input. */
async function* inOrder<In, Out>(
  input: AsyncIterable<In>,
  work: (item: In) => Promise<Out>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Out, void> {
  const running: Promise<Out>[] = [];
  try {
    for await (const item of input) {
      if (signal?.aborted) throw new MaskwrightError('CANCELLED', 'The export was stopped.');
      const result = work(item);
      // It is awaited later; until then a failure is not unhandled.
      result.catch(() => {});
      running.push(result);
      const first = running.length >= inWork ? running.shift() : undefined;
      if (first) yield await first;
    }
    for (const result of running) yield await result;
  } finally {
    // Nothing is written any more when the export has failed.
    await Promise.allSettled(running);
  }
}

async function closeAll(files: readonly RowFile[]): Promise<void> {
  for (const file of files) await file.close();
}

/** Counts what goes into the manifest. */
class Tally {
  trajectories = 0;
  private used = 0;
  private rows = 0;
  private turns = 0;
  private readonly dropped: Partial<Record<DroppedReason, number>> = {};
  private readonly contextTurns: Partial<Record<UnlearnableReason, number>> = {};
  private learned = 0;
  private lowering = 0;

  drop(reason: DroppedReason): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  use({ turns }: JudgedTrajectory): void {
    this.used += 1;
    this.turns += turns.length;
    for (const { reason } of turns) {
      if (reason !== null) this.contextTurns[reason] = (this.contextTurns[reason] ?? 0) + 1;
    }
  }

  /** The number of the new row, from 1. */
  addRow(): number {
    this.rows += 1;
    return this.rows;
  }

  /** A turn is under loss in one row only. */
  learn({ turns }: RowSource): void {
    for (const { loss, iou, iouBefore } of turns) {
      if (!loss) continue;
      this.learned += 1;
      if (iou !== null && iouBefore !== null && iou < iouBefore) this.lowering += 1;
    }
  }

  figures(
    images: number,
  ): Pick<
    Manifest,
    'counts' | 'shareOfTurnsUnderLoss' | 'shareOfTurnsUnderLossThatLoweredIou' | 'contextTurns' | 'dropped'
  > {
    return {
      counts: {
        trajectories: this.trajectories,
        used: this.used,
        rows: this.rows,
        images,
        turns: this.turns,
        turnsUnderLoss: this.learned,
        turnsUnderLossThatLoweredIou: this.lowering,
      },
      shareOfTurnsUnderLoss: this.turns === 0 ? null : this.learned / this.turns,
      shareOfTurnsUnderLossThatLoweredIou: this.learned === 0 ? null : this.lowering / this.learned,
      contextTurns: this.contextTurns,
      dropped: this.dropped,
    };
  }
}
