import { appendFileSync } from 'node:fs';
import { appendFile, mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { type Scores, scoresSchema, type Tokens } from '@shared/evaluation/sample';
import type { Rle } from '@shared/mask/rle';
import { type Author, type Trajectory, trajectorySchema, type Usage } from '@shared/trajectory/schema';
import { observationAt } from '@shared/trajectory/tree';
import { z } from 'zod';
import { readLines } from '../lines';

const overlapSchema = z.object({ intersection: z.number().int().min(0), union: z.number().int().min(0) });

export const itemResultSchema = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    key: z.string(),
    trajectory: trajectorySchema,
    imageWidth: z.number().int(),
    imageHeight: z.number().int(),
    /** Pixels shared with the ground truth after the loop and after the first segmentation call. */
    overlap: overlapSchema.nullable(),
    overlapFirst: overlapSchema.nullable(),
    /** What an evaluation measured, while the ground truth was at hand. */
    scores: scoresSchema.optional(),
  }),
  z.object({
    ok: z.literal(false),
    key: z.string(),
    code: z.string(),
    message: z.string(),
    hint: z.string(),
    /** Pixels of the ground truth, which a failed item counts as missed. */
    truthArea: z.number().int().nullable(),
  }),
]);
export type ItemResult = z.infer<typeof itemResultSchema>;

/** What the report and the COCO file need of a finished item; its trajectory stays in the log's file. */
export interface FinishedItem {
  ok: true;
  key: string;
  imageWidth: number;
  imageHeight: number;
  overlap: z.infer<typeof overlapSchema> | null;
  overlapFirst: z.infer<typeof overlapSchema> | null;
  status: Trajectory['outcome']['status'];
  turns: number;
  invalidCalls: number;
  /** Time of policy and environment over all turns, milliseconds. */
  ms: number;
  /** Null where the policy told none. */
  tokens: Tokens | null;
  scores: Scores | null;
  objects: { mask: Rle; score: number | null; author: Author }[];
}
export type ItemSummary = FinishedItem | Extract<ItemResult, { ok: false }>;

export const fingerprintFile = 'run.json';
export const logFile = 'progress.jsonl';

/**
 * The finished items of a batch run, one JSON line each, appended as they finish. A run that was killed goes on
 * from here; a line torn by the kill is dropped and its item done again.
 */
export class ProgressLog {
  readonly done = new Map<string, ItemSummary>();
  private readonly places = new Map<string, { start: number; length: number }>();
  private size = 0;

  private constructor(
    private readonly file: string,
    private readonly keepMasks: boolean,
  ) {}

  /**
   * @param fingerprint everything that decides the results; a folder with results of another one is refused
   * @param options `keepFailed`: failed items count as done, otherwise they are tried again; `keepMasks` false: the
   *   summaries have no objects, so that memory does not go by the masks of a long data set
   * @throws MaskwrightError CONFLICT when the folder holds another run
   */
  static async open(
    dir: string,
    fingerprint: Record<string, unknown>,
    options: { keepFailed?: boolean; keepMasks?: boolean } = {},
  ): Promise<ProgressLog> {
    await mkdir(dir, { recursive: true });
    const stamp = join(dir, fingerprintFile);
    const text = `${JSON.stringify(fingerprint, null, 2)}\n`;
    const log = new ProgressLog(join(dir, logFile), options.keepMasks ?? true);
    if ((await textOf(stamp)) === text) {
      await log.load(options.keepFailed ?? false);
      return log;
    }
    if (await log.holdsResults()) {
      throw new MaskwrightError(
        'CONFLICT',
        `${dir} holds the results of a run with other settings (${fingerprintFile}).`,
        {
          hint: 'Choose another --out folder, repeat the earlier command, or delete the folder.',
        },
      );
    }
    await writeFile(log.file, '');
    await writeFile(stamp, text);
    return log;
  }

  /** Appends a result; it is in the operating system's hands when this returns, so killing the process loses nothing. */
  add(result: ItemResult): void {
    const line = Buffer.from(`${JSON.stringify(result)}\n`);
    appendFileSync(this.file, line);
    this.remember(result, { start: this.size, length: line.length - 1 });
    this.size += line.length;
  }

  /** The trajectories of finished items as JSON, each read from the file when its turn comes. */
  async *trajectories(keys: Iterable<string>): AsyncGenerator<string, void> {
    const handle = await open(this.file, 'r');
    try {
      for (const key of keys) {
        const place = this.places.get(key);
        if (!place) continue;
        const bytes = Buffer.alloc(place.length);
        await handle.read(bytes, 0, place.length, place.start);
        yield JSON.stringify(lineSchema.parse(JSON.parse(bytes.toString('utf8'))).trajectory);
      }
    } finally {
      await handle.close();
    }
  }

  private async holdsResults(): Promise<boolean> {
    const handle = await open(this.file, 'r').catch(() => null);
    if (!handle) return false;
    try {
      return (await handle.stat()).size > 0;
    } finally {
      await handle.close();
    }
  }

  private async load(keepFailed: boolean): Promise<void> {
    await appendFile(this.file, '');
    for await (const { text, start, length, complete } of readLines(this.file)) {
      if (!complete) {
        await truncate(this.file, start);
        return;
      }
      this.size = start + length + 1;
      const parsed = itemResultSchema.safeParse(parseJson(text));
      if (!parsed.success) continue;
      // Failed items are tried again: their cause may be gone. A failure beside a result is an earlier one.
      const counts = parsed.data.ok || (keepFailed && !this.places.has(parsed.data.key));
      if (counts) this.remember(parsed.data, { start, length });
    }
  }

  private remember(result: ItemResult, place: { start: number; length: number }): void {
    const summary = summaryOf(result);
    this.done.set(result.key, summary.ok && !this.keepMasks ? { ...summary, objects: [] } : summary);
    if (result.ok) this.places.set(result.key, place);
  }
}

const lineSchema = z.object({ trajectory: z.unknown() });

export function summaryOf(result: ItemResult): ItemSummary {
  if (!result.ok) return result;
  const { trajectory, scores = null, ...rest } = result;
  const { nodes } = trajectory;
  const last = observationAt(trajectory, trajectory.outcome.node);
  return {
    ...rest,
    status: trajectory.outcome.status,
    turns: nodes.length,
    invalidCalls: nodes.filter((node) => node.invalid !== null).length,
    ms: nodes.reduce((sum, { timings }) => sum + timings.policyMs + timings.environmentMs, 0),
    tokens: tokensOf(nodes.map((node) => node.usage)),
    scores,
    // The submitted masks with the scores of their objects at the last observation.
    objects: trajectory.outcome.masks.map((mask) => ({
      mask,
      score: last.objects.find((object) => object.mask?.counts === mask.counts)?.predictedIou ?? null,
      author: nodes[0]?.author ?? 'agent',
    })),
  };
}

function tokensOf(usages: readonly Usage[]): Tokens | null {
  if (!usages.some((usage) => usage.promptTokens !== undefined || usage.completionTokens !== undefined))
    return null;
  const total = (of: (usage: Usage) => number | undefined): number =>
    usages.reduce((sum, usage) => sum + (of(usage) ?? 0), 0);
  return {
    prompt: total((usage) => usage.promptTokens),
    completion: total((usage) => usage.completionTokens),
    cached: total((usage) => usage.cachedTokens),
  };
}

async function textOf(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
