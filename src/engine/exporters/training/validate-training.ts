import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@shared/contract/errors';
import { jsonDumps } from '@shared/tools/prompt-text';
import { RowError } from '@shared/training/conversation';
import { fileNames, type Manifest, type RowSource, rowSourceSchema } from '@shared/training/manifest';
import { preferenceForm, type RowForm, rlPromptForm, sftForm } from './forms';
import { fingerprintOf, readManifest } from './out-folder';
import { readRows } from './row-file';

export interface TrainingProblem {
  /** File of the export. */
  file: string;
  /** From 1; null: the file itself. */
  row: number | null;
  reason: string;
}

export interface ValidationReport {
  manifest: Manifest;
  rows: number;
  images: number;
  turnsUnderLoss: number;
  problems: TrainingProblem[];
}

/** No more of them are collected; the first ones say what is wrong. */
const maxProblems = 1000;

/**
 * Reads an export back and checks all that its engine would not: form and order of messages, tools and calls, image
 * marks, image files and their hashes, loss flags against the record of where each row comes from, and the counts.
 *
 * @throws MaskwrightError NOT_FOUND or FORMAT_UNREADABLE for a folder without a manifest that can be read
 */
export async function validateTraining(
  dir: string,
  options: { onProgress?: (rows: number) => void } = {},
): Promise<ValidationReport> {
  const manifest = await readManifest(dir);
  const check = new Check(dir, manifest);
  await check.files();
  if (manifest.form === 'sft') await check.rows(sftForm(manifest.engine), options.onProgress);
  if (manifest.form === 'preferences') await check.rows(preferenceForm(manifest.engine), options.onProgress);
  if (manifest.form === 'rl-prompts') await check.prompts(rlPromptForm(manifest.engine), options.onProgress);
  check.counts();
  return check.report;
}

class Check {
  readonly report: ValidationReport;
  private readonly images = new Map<string, string | null>();
  private readonly learned = new Set<string>();

  constructor(
    private readonly dir: string,
    private readonly manifest: Manifest,
  ) {
    this.report = { manifest, rows: 0, images: 0, turnsUnderLoss: 0, problems: [] };
  }

  private add(file: string, row: number | null, reason: string): void {
    if (this.report.problems.length < maxProblems) this.report.problems.push({ file, row, reason });
  }

  /** The files are those that were written. */
  async files(): Promise<void> {
    for (const { name, bytes, sha256 } of this.manifest.files) {
      const found = await fingerprintOf(join(this.dir, name)).catch(() => null);
      if (!found) this.add(name, null, 'the file cannot be read');
      else if (found.sha256 !== sha256 || found.bytes !== bytes) {
        this.add(name, null, `the file was changed: ${found.bytes} bytes instead of ${bytes}, or other ones`);
      }
    }
  }

  async rows<Item>(form: RowForm<Item>, onProgress: (rows: number) => void = () => {}): Promise<void> {
    const sources = readRows(join(this.dir, fileNames.sources));
    try {
      for await (const value of readRows(join(this.dir, form.file))) {
        this.report.rows += 1;
        const source = await sources.next();
        await this.row(form, value, source.done ? undefined : source.value);
        onProgress(this.report.rows);
      }
      if (!(await sources.next()).done)
        this.add(fileNames.sources, null, 'it has more lines than there are rows');
    } catch (error) {
      this.add(form.file, null, `the file cannot be read: ${messageOf(error)}`);
    } finally {
      await sources.return();
    }
  }

  private async row<Item>(form: RowForm<Item>, value: unknown, line: unknown): Promise<void> {
    const number = this.report.rows;
    const item = this.item(form, value);
    if (item === null) return;
    const conversation = form.conversationOf(item);
    for (const image of conversation.images) await this.image(form.file, image);
    const source = rowSourceSchema.safeParse(line);
    if (!source.success || source.data.row !== number) {
      this.add(fileNames.sources, number, 'it does not say where the row comes from');
      return;
    }
    const answers = conversation.messages.flatMap((message) =>
      message.role === 'assistant' ? [message] : [],
    );
    this.losses(
      form.file,
      answers.map(({ loss }) => loss),
      source.data,
    );
  }

  async prompts(
    form: ReturnType<typeof rlPromptForm>,
    onProgress: (rows: number) => void = () => {},
  ): Promise<void> {
    let last = -1;
    try {
      for await (const value of readRows(join(this.dir, form.file))) {
        this.report.rows += 1;
        const item = this.item(form, value);
        if (item !== null) {
          if (item.index <= last)
            this.add(form.file, this.report.rows, 'its index is not behind the one before');
          last = item.index;
          await this.image(form.file, item.image);
        }
        onProgress(this.report.rows);
      }
    } catch (error) {
      this.add(form.file, null, `the file cannot be read: ${messageOf(error)}`);
    }
  }

  /** A row as what it was made of; null, and told, when it cannot be read. */
  private item<Item>(
    form: Pick<RowForm<Item>, 'file' | 'read' | 'row' | 'problems'>,
    value: unknown,
  ): Item | null {
    const number = this.report.rows;
    const item = attempt(() => {
      if (value instanceof RowError) throw value;
      return form.read(value);
    });
    if (item instanceof RowError) {
      this.add(form.file, number, item.message);
      return null;
    }
    for (const reason of form.problems(item)) this.add(form.file, number, reason);
    // Rows of Parquet come as objects whose members are in the file's order, as ours are.
    if (jsonDumps(form.row(item)) !== jsonDumps(value)) {
      this.add(form.file, number, 'the row is not in the form that it would be written in');
    }
    return item;
  }

  private losses(file: string, flags: readonly boolean[], source: RowSource): void {
    const { row, trajectory, turns } = source;
    if (flags.length !== turns.length) {
      this.add(file, row, `it has ${flags.length} answers, and its source ${turns.length}`);
    }
    for (const [index, { node, loss, reason, iou, iouBefore }] of turns.entries()) {
      const name = `the answer of ${node}`;
      const flag = flags[index];
      if (flag !== undefined && flag !== loss) {
        this.add(file, row, `${name} is ${flag ? '' : 'not '}under loss, unlike its source says`);
      }
      if (!flag) continue;
      if (reason !== null)
        this.add(file, row, `${name} is under loss although it is not to be imitated: ${reason}`);
      if (iou !== null && iouBefore !== null && iou < iouBefore) {
        this.add(file, row, `${name} is under loss and lowered the IoU from ${iouBefore} to ${iou}`);
      }
      const key = `${trajectory} ${node}`;
      if (this.manifest.form === 'sft' && this.learned.has(key)) {
        this.add(file, row, `${name} is under loss in an earlier row already`);
      }
      this.learned.add(key);
      this.report.turnsUnderLoss += 1;
    }
  }

  /** Each image file once. */
  private async image(file: string, path: string): Promise<void> {
    const { imageRoot } = this.manifest.options;
    if (!this.images.has(path)) {
      const relative = path.startsWith(imageRoot) ? path.slice(imageRoot.length) : path;
      this.images.set(path, await imageProblem(this.dir, relative));
      this.report.images = this.images.size;
    }
    const problem = this.images.get(path);
    if (problem) this.add(file, this.report.rows, `${path}: ${problem}`);
  }

  counts(): void {
    const { counts, form } = this.manifest;
    const say = (what: string, found: number, told: number): void => {
      if (found !== told)
        this.add(fileNames.manifest, null, `it tells of ${told} ${what}, and there are ${found}`);
    };
    say('rows', this.report.rows, counts.rows);
    say('images', this.report.images, counts.images);
    if (form !== 'rl-prompts') say('turns under loss', this.report.turnsUnderLoss, counts.turnsUnderLoss);
    if (counts.turnsUnderLossThatLoweredIou !== 0) {
      this.add(fileNames.manifest, null, 'it tells of turns under loss that lowered the IoU');
    }
  }
}

/** @throws what is no RowError */
function attempt<T>(read: () => T): T | RowError {
  try {
    return read();
  } catch (error) {
    if (error instanceof RowError) return error;
    throw error;
  }
}

/** Null: the file is there, is a PNG of a size that no engine changes, and is what its name says. */
async function imageProblem(dir: string, path: string): Promise<string | null> {
  const hash = /^images\/([0-9a-f]{64})\.png$/.exec(path)?.[1];
  if (hash === undefined) return 'it is not named by a hash in images/';
  const bytes = await readFile(join(dir, path)).catch(() => null);
  if (!bytes) return 'the file cannot be read';
  if (createHash('sha256').update(bytes).digest('hex') !== hash) return 'the file is not what its name says';
  if (bytes.length < 24 || bytes.toString('latin1', 1, 4) !== 'PNG') return 'it is no PNG';
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  const fits = [28, 32].some((multiple) => width % multiple === 0 && height % multiple === 0);
  return fits ? null : `its size ${width}×${height} would be changed by engines`;
}
