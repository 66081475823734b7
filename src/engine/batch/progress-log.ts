import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { trajectorySchema } from '@shared/trajectory/schema';
import { z } from 'zod';

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

const fingerprintFile = 'run.json';
const logFile = 'progress.jsonl';

/**
 * The finished items of a batch run, one JSON line each, appended as they finish. A run that was killed goes on
 * from here; a line torn by the kill is dropped and its item done again.
 */
export class ProgressLog {
  readonly done = new Map<string, ItemResult>();
  private readonly file: string;

  /**
   * @param fingerprint everything that decides the results; a folder with another fingerprint is refused
   * @throws MaskwrightError CONFLICT when the folder holds another run
   */
  constructor(dir: string, fingerprint: Record<string, unknown>) {
    mkdirSync(dir, { recursive: true });
    this.file = join(dir, logFile);
    const stamp = join(dir, fingerprintFile);
    const text = `${JSON.stringify(fingerprint, null, 2)}\n`;
    if (existsSync(stamp) && existsSync(this.file)) {
      if (readFileSync(stamp, 'utf8') !== text) {
        throw new MaskwrightError(
          'CONFLICT',
          `${dir} holds the results of a run with other settings (${fingerprintFile}).`,
          {
            hint: 'Choose another --out folder, repeat the earlier command, or delete the folder.',
          },
        );
      }
      this.load();
    } else {
      writeFileSync(stamp, text);
      writeFileSync(this.file, '');
    }
  }

  /** Appends a result; it is in the operating system's hands when this returns, so killing the process loses nothing. */
  add(result: ItemResult): void {
    this.done.set(result.key, result);
    appendFileSync(this.file, `${JSON.stringify(result)}\n`);
  }

  private load(): void {
    const text = readFileSync(this.file, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) writeFileSync(this.file, whole);
    for (const line of whole.split('\n')) {
      if (line === '') continue;
      const parsed = itemResultSchema.safeParse(parseJson(line));
      // Failed items are tried again: their cause may be gone.
      if (parsed.success && parsed.data.ok) this.done.set(parsed.data.key, parsed.data);
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
