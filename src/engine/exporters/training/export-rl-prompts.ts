import { join } from 'node:path';
import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import { type AgentConventions, viewConfigOf } from '@shared/tools/conventions';
import { fileNames, type Manifest, type TrainingEngine } from '@shared/training/manifest';
import { type RlPrompt, rlPromptProblems } from '@shared/training/rl-prompts';
import { newTrajectory } from '@shared/trajectory/tree';
import { headerOf } from '../../agent/episode';
import { type Dataset, type DatasetTarget, openTargetImage, type Skipped } from '../../datasets';
import { Environment } from '../../environment/environment';
import { defaultOverlayStyle } from '../../environment/overlay';
import type { Segmenter } from '../../segmenters/segmenter';
import { firstPrompt } from './conversations';
import { rlPromptForm } from './forms';
import { ImageFolder } from './images';
import { manifestOf, prepareFolder, writeManifest } from './out-folder';
import { LinesFile, openRowFile } from './row-file';

export interface RlPromptOptions {
  engine: TrainingEngine;
  conventions: AgentConventions;
  /** Turn budget of the episodes; the prompt tells it. */
  turnBudget: number;
  imageRoot: string;
  overwrite?: boolean;
  onProgress?: (items: number) => void;
  /** Is told what the data set cannot use: it has no index and no row. */
  onSkip?: (skipped: Skipped) => void;
  signal?: AbortSignal;
}

/**
 * Writes the beginnings of episodes over a data set, each with its mask. The index of a row is the number that the
 * environment server gives the item when it is started with the same data set and split.
 *
 * @throws MaskwrightError INVALID_REQUEST for an engine without this form, CONFLICT, CANCELLED, and as the data set does
 */
export async function exportRlPrompts(
  dataset: Dataset,
  out: string,
  options: RlPromptOptions,
): Promise<Manifest> {
  const form = rlPromptForm(options.engine);
  const names = [form.file, fileNames.dropped];
  await prepareFolder(out, names, options.overwrite ?? false);
  const images = await ImageFolder.make(out);
  const rows = openRowFile(join(out, form.file), form.columns);
  const dropped = new LinesFile(join(out, fileNames.dropped));
  const counts = { items: 0, rows: 0, image: 0, no_accepted_mask: 0 };
  const drop = async (
    target: DatasetTarget,
    reason: 'image' | 'no_accepted_mask',
    why: string,
  ): Promise<void> => {
    counts[reason] += 1;
    await dropped.add({ item: target.key, reason, why });
  };
  try {
    for await (const target of dataset.targets({ onSkip: options.onSkip, signal: options.signal })) {
      const index = counts.items;
      counts.items += 1;
      if (!target.noTarget && !target.groundTruth) await drop(target, 'no_accepted_mask', '');
      else {
        const prompt = await promptOf(target, index, images, options);
        if (typeof prompt === 'string') await drop(target, 'image', prompt);
        else {
          const [problem] = rlPromptProblems(prompt);
          if (problem === undefined) {
            await rows.add(form.row(prompt));
            counts.rows += 1;
          } else await drop(target, 'no_accepted_mask', problem);
        }
      }
      options.onProgress?.(counts.items);
    }
  } finally {
    await rows.close();
    await dropped.close();
  }
  const { image, no_accepted_mask } = counts;
  const manifest = await manifestOf(out, names, {
    form: 'rl-prompts',
    engine: options.engine,
    options: { observationImages: 0, minIou: 0, imageRoot: options.imageRoot },
    counts: {
      trajectories: counts.items,
      used: counts.rows,
      rows: counts.rows,
      images: images.count,
      turns: 0,
      turnsUnderLoss: 0,
      turnsUnderLossThatLoweredIou: 0,
    },
    shareOfTurnsUnderLoss: null,
    shareOfTurnsUnderLossThatLoweredIou: null,
    contextTurns: {},
    dropped: { ...(image > 0 ? { image } : {}), ...(no_accepted_mask > 0 ? { no_accepted_mask } : {}) },
  });
  await writeManifest(out, manifest);
  return manifest;
}

/** Its reason as text where the image cannot be read. */
async function promptOf(
  target: DatasetTarget,
  index: number,
  images: ImageFolder,
  options: RlPromptOptions,
): Promise<RlPrompt | string> {
  const { conventions, turnBudget } = options;
  try {
    const image = await openTargetImage(target);
    const environment = new Environment({
      image,
      segmenter: noSegmenter,
      coordinates: conventions.coordinates,
      viewConfig: viewConfigOf(conventions),
      turnBudget,
    });
    const details = { id: '', imageName: target.fileName, query: target.query, seed: null };
    const header = headerOf(environment, {
      ...conventions,
      ...details,
      policy: { kind: '', name: '' },
    });
    const root = environment.reset().observation;
    const path = await images.add(image, root, defaultOverlayStyle);
    return {
      index,
      key: target.key,
      split: target.split ?? '',
      query: target.query,
      ...firstPrompt(newTrajectory(header, root)),
      image: `${options.imageRoot}${path}`,
      groundTruth: {
        mask: target.noTarget ? null : target.groundTruth,
        ignore: target.ignore,
        image: image.hash,
      },
    };
  } catch (error) {
    if (isCancelled(error) || !(error instanceof MaskwrightError)) throw error;
    return messageOf(error);
  }
}

/** An episode's beginning asks no segmenter. */
const noSegmenter: Segmenter = {
  identity: { name: '', signature: 'sam1' },
  encode: async () => {},
  segment: async () => {
    throw new Error('The beginning of an episode asked its segmenter');
  },
  close: async () => {},
};
