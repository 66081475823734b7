import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import {
  type ExportFormat,
  type ExportOptions,
  type ExportReport,
  singleFileFormats,
} from '@shared/contract/formats';
import { breathe } from '../datasets/json-file';
import { resolveInside } from '../project/paths';
import type { ProjectStore } from '../project/store';
import { cocoParts } from './coco';
import { ExportSet } from './export-set';
import type { ExportImageName, FolderFormat, OutFile } from './folder-format';
import { labelMeFormat } from './labelme';
import { Losses } from './losses';
import { masksFormat } from './masks';
import { overlaysFormat } from './overlays';
import { trajectoryParts } from './trajectories';
import { cannotWrite, writeTextParts } from './write-file';
import { yoloFormat } from './yolo';

export interface ExportContext {
  onProgress?: (done: number, total: number | null) => void;
  signal?: AbortSignal;
}

/** File names of the formats that are one file. */
export const singleFileNames = { coco: 'coco.json', trajectories: 'trajectories.jsonl' } as const;

/** The format that writes files for every image; null for those that are one file. */
export function folderFormat(format: ExportFormat, set: ExportSet, folder: string): FolderFormat | null {
  if (format === 'yolo-seg') return yoloFormat(set);
  if (format === 'labelme') return labelMeFormat(set, folder);
  if (format === 'masks') return masksFormat(set);
  if (format === 'overlays') return overlaysFormat(set);
  return null;
}

export const isSingleFile = (format: ExportFormat): format is keyof typeof singleFileNames =>
  singleFileFormats.includes(format);

function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new MaskwrightError('CANCELLED', 'The export was stopped.');
}

/**
 * Writes a project into a folder, which is made when it is missing. Images are read bit by bit. A file is there whole
 * or not at all; the one file of COCO and trajectories takes the place of an older one. Throws FORBIDDEN when it cannot
 * be written, and CANCELLED: files of images that are done stay then.
 */
export async function exportToFolder(
  store: ProjectStore,
  format: ExportFormat,
  options: ExportOptions,
  folder: string,
  context: ExportContext = {},
): Promise<ExportReport> {
  const root = resolve(folder);
  await mkdir(root, { recursive: true }).catch((error: unknown) => {
    throw cannotWrite(root, error);
  });
  if (isSingleFile(format)) {
    const file = join(root, singleFileNames[format]);
    const text = new TextExport(store, format, options, context);
    await writeTextParts(file, text.parts());
    return { ...text.report(), location: file };
  }
  return writeFolder(store, format, options, root, context);
}

/** The text of a format that is one file. Throws INVALID_REQUEST for the others. */
export async function exportText(
  store: ProjectStore,
  format: ExportFormat,
  options: ExportOptions,
): Promise<{ text: string; report: ExportReport }> {
  if (!isSingleFile(format)) {
    throw new MaskwrightError('INVALID_REQUEST', 'This format is more than one file.', {
      hint: 'Export it into a folder.',
    });
  }
  const text = new TextExport(store, format, options, {});
  const parts: string[] = [];
  for await (const part of text.parts()) parts.push(part);
  return { text: parts.join(''), report: { ...text.report(), location: singleFileNames[format] } };
}

/** Parts of one text, of this many characters or a little more: one entry each would be slow to write. */
const partLength = 1 << 16;

/** COCO or trajectories as a text that comes in parts, with progress, and the report when all of it came. */
class TextExport {
  readonly #losses = new Losses();
  readonly #format: keyof typeof singleFileNames;
  readonly #source: Generator<string, void>;
  readonly #signal: AbortSignal | undefined;
  #images = 0;
  #annotations = 0;
  #asImported = 0;

  constructor(
    store: ProjectStore,
    format: keyof typeof singleFileNames,
    options: ExportOptions,
    { onProgress, signal }: ExportContext,
  ) {
    this.#format = format;
    this.#signal = signal;
    if (format === 'trajectories') {
      this.#source = trajectoryParts(store, this.#losses, () => {
        this.#annotations += 1;
        onProgress?.(this.#annotations, null);
      });
      return;
    }
    const set = new ExportSet(store, options);
    const { images, annotations } = set.counts;
    const step = (): void => onProgress?.(this.#images + this.#annotations, images + annotations);
    this.#source = cocoParts(set, this.#losses, {
      image: () => {
        this.#images += 1;
        step();
      },
      annotation: (asImported) => {
        this.#annotations += 1;
        if (asImported) this.#asImported += 1;
        step();
      },
    });
  }

  async *parts(): AsyncGenerator<string, void> {
    let part = '';
    for (const piece of this.#source) {
      part += piece;
      if (part.length < partLength) continue;
      yield part;
      part = '';
      await breathe();
      throwIfStopped(this.#signal);
    }
    yield part;
  }

  report(): ExportReport {
    return {
      format: this.#format,
      location: '',
      images: this.#images,
      annotations: this.#annotations,
      files: 1,
      asImported: this.#asImported,
      losses: this.#losses.list(),
    };
  }
}

async function writeFolder(
  store: ProjectStore,
  format: ExportFormat,
  options: ExportOptions,
  root: string,
  { onProgress, signal }: ExportContext,
): Promise<ExportReport> {
  const losses = new Losses();
  const found = await readdir(root);
  if (found.length > 0) losses.add('folder-not-empty', found.slice(0, 3).join(', '));
  const set = new ExportSet(store, options);
  const writer = folderFormat(format, set, root);
  if (writer === null) throw new MaskwrightError('INVALID_REQUEST', `${format} is one file.`);
  const total = set.counts.images;
  const report = { format, location: root, images: 0, annotations: 0, files: 0, asImported: 0 };
  const names: ExportImageName[] = [];
  onProgress?.(0, total);
  for (const entry of set.images(losses)) {
    throwIfStopped(signal);
    const image = set.withAnnotations(entry);
    try {
      for (const file of await writer.files(image, losses)) {
        await writeOut(root, file);
        report.files += 1;
      }
      names.push({ fileName: image.fileName, stem: image.stem });
      report.images += 1;
      report.annotations += image.annotations.length;
      report.asImported += image.annotations.filter((annotation) => writer.isAsImported(annotation)).length;
    } catch (error) {
      // A picture that is gone or broken costs its own files only; a full disk ends the export.
      const isPicture =
        error instanceof MaskwrightError && ['IMAGE_UNREADABLE', 'NOT_FOUND'].includes(error.code);
      if (!isPicture) throw error;
      losses.add('image-missing', image.fileName);
    }
    onProgress?.(names.length, total);
    await breathe();
  }
  for (const file of writer.about(names, losses)) {
    await writeOut(root, file);
    report.files += 1;
  }
  return { ...report, losses: losses.list() };
}

/** Whole or not at all. */
async function writeOut(root: string, file: OutFile): Promise<void> {
  const full = resolveInside(root, file.path);
  const temporary = `${full}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(full), { recursive: true });
    if ('data' in file) await writeFile(temporary, file.data);
    else {
      await copyFile(file.copyOf, temporary).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        throw new MaskwrightError('NOT_FOUND', `The image is gone: ${messageOf(error)}`);
      });
    }
    await rename(temporary, full);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof MaskwrightError ? error : cannotWrite(full, error);
  }
}
