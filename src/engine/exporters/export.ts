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
import { OwnFiles, ownFilesName } from './own-files';
import { trajectoryParts } from './trajectories';
import { cannotWrite, writeTextParts } from './write-file';
import { yoloFormat } from './yolo';

export interface ExportContext {
  onProgress?: (done: number, total: number | null) => void;
  signal?: AbortSignal;
  /** Files that no export wrote, or that were changed since, may be replaced. Images of the project never are. */
  overwrite?: boolean;
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
 * or not at all. Throws CONFLICT before anything is written when that would replace a file that no export wrote,
 * FORBIDDEN when it cannot be written, and CANCELLED: files of images that are done stay then.
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
    const name = singleFileNames[format];
    const file = join(root, name);
    const own = await OwnFiles.read(root);
    await own.check(store, [name], context.overwrite ?? false);
    const text = new TextExport(store, format, options, context);
    await writeTextParts(file, text.parts());
    await own.add(name);
    await own.save();
    return { ...text.report(), location: file };
  }
  return writeFolder(store, format, options, root, context);
}

/** Characters of a text that is handed over whole: engine, wire and window hold copies of it. */
const longestText = 128 * 1024 * 1024;

/** The text of a format that is one file. Throws INVALID_REQUEST for the others and when it is too long. */
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
  let length = 0;
  for await (const part of text.parts()) {
    parts.push(part);
    length += part.length;
    if (length > longestText) {
      throw new MaskwrightError(
        'INVALID_REQUEST',
        'The export is too large to be handed to the window as one text.',
        {
          hint: 'Write it into a folder: that is done bit by bit.',
        },
      );
    }
  }
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
  { onProgress, signal, overwrite = false }: ExportContext,
): Promise<ExportReport> {
  const losses = new Losses();
  const found = (await readdir(root)).filter((name) => name !== ownFilesName);
  if (found.length > 0) losses.add('folder-not-empty', found.slice(0, 3).join(', '));
  const set = new ExportSet(store, options);
  const writer = folderFormat(format, set, root);
  if (writer === null) throw new MaskwrightError('INVALID_REQUEST', `${format} is one file.`);
  const own = await OwnFiles.read(root);
  if (found.length > 0) await own.check(store, plannedPaths(set, writer), overwrite);
  const total = set.counts.images;
  const report = { format, location: root, images: 0, annotations: 0, files: 0, asImported: 0 };
  const names: ExportImageName[] = [];
  const write = async (file: OutFile): Promise<void> => {
    await writeOut(root, file);
    await own.add(file.path);
    report.files += 1;
  };
  let done = 0;
  onProgress?.(0, total);
  try {
    for (const entry of set.images(losses)) {
      throwIfStopped(signal);
      const image = set.withAnnotations(entry);
      try {
        const written = await writer.files(image, losses);
        if (written !== null) {
          // The picture first: a label without one would make readers stumble.
          for (const file of written.files.filter((file) => 'copyOf' in file)) await write(file);
          for (const file of written.files.filter((file) => 'data' in file)) await write(file);
          names.push({ fileName: image.fileName, stem: image.stem });
          report.images += 1;
          report.annotations += written.annotations.length;
          report.asImported += written.annotations.filter((one) => writer.isAsImported(one)).length;
        }
      } catch (error) {
        // A picture that is gone or broken costs its own files only; a full disk ends the export.
        const isPicture =
          error instanceof MaskwrightError && ['IMAGE_UNREADABLE', 'NOT_FOUND'].includes(error.code);
        if (!isPicture) throw error;
        losses.add('image-missing', image.fileName);
      }
      done += 1;
      onProgress?.(done, total);
      await breathe();
    }
    for (const file of writer.about(names, losses)) await write(file);
  } finally {
    await own.save();
  }
  return { ...report, losses: losses.list() };
}

/** Every path that an export would write. */
function* plannedPaths(set: ExportSet, writer: FolderFormat): Generator<string, void> {
  const names: ExportImageName[] = [];
  for (const image of set.images(new Losses())) {
    names.push({ fileName: image.fileName, stem: image.stem });
    yield* writer.paths(image);
  }
  for (const { path } of writer.about(names, new Losses())) yield path;
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
