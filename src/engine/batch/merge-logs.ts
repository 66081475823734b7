import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { z } from 'zod';
import { writeTextFile, writeTextParts } from '../exporters';
import { readLines } from '../lines';
import { fingerprintFile, logFile } from './progress-log';

const stampSchema = z.looseObject({ shard: z.string().optional() });

export interface MergeReport {
  /** Lines of the merged log: items that were finished, or failed, in one of the folders. */
  items: number;
  /** Shards of the same run that no folder holds, as "I/N". */
  missing: string[];
}

/**
 * Makes one folder of the folders of a run's shards, as if one process had done their items: its log holds all their
 * finished and failed items, and its stamp is the one of the run without shards, so that the run's own command goes on
 * from there and writes the results. Merging again, and more, adds only what is new. Lines torn by a kill are left out.
 *
 * @throws MaskwrightError NOT_FOUND for a folder without a run, CONFLICT for folders of different runs
 */
export async function mergeLogs(dirs: readonly string[], out: string): Promise<MergeReport> {
  if (dirs.some((dir) => resolve(dir) === resolve(out)))
    throw new MaskwrightError('INVALID_REQUEST', `${out} cannot be merged into itself.`);
  const runs = await Promise.all(dirs.map(readStamp));
  const [first] = runs;
  if (!first) throw new MaskwrightError('INVALID_REQUEST', 'There is nothing to merge.');
  const before = await readStamp(out).catch(() => null);
  for (const other of [...runs, ...(before ? [before] : [])]) {
    if (other.text === first.text) continue;
    throw new MaskwrightError(
      'CONFLICT',
      `${first.dir} and ${other.dir} hold runs with other settings (${fingerprintFile}).`,
      { hint: 'Merge the shards of one command, into a new folder.' },
    );
  }
  await mkdir(out, { recursive: true });
  // The stamp first: a merge that is cut short leaves a run of which nothing is done yet.
  await writeTextFile(join(out, fingerprintFile), first.text);
  const items = await writeUnion(before ? [out, ...dirs] : dirs, join(out, logFile));
  return { items, missing: missingShards(runs.flatMap(({ shard }) => shard ?? [])) };
}

async function readStamp(dir: string): Promise<{ dir: string; text: string; shard: string | undefined }> {
  const text = await readFile(join(dir, fingerprintFile), 'utf8').catch((error: unknown) => {
    throw new MaskwrightError('NOT_FOUND', `${dir} holds no run (${fingerprintFile}).`, { cause: error });
  });
  try {
    const { shard, ...run } = stampSchema.parse(JSON.parse(text));
    return { dir, text: `${JSON.stringify(run, null, 2)}\n`, shard };
  } catch (error) {
    throw new MaskwrightError('FORMAT_UNREADABLE', `${join(dir, fingerprintFile)} is damaged.`, {
      cause: error,
    });
  }
}

/** Each line once, in the order of the folders. Gives the number of lines. */
async function writeUnion(dirs: readonly string[], file: string): Promise<number> {
  const seen = new Set<string>();
  async function* lines(): AsyncGenerator<string, void> {
    for (const dir of dirs) {
      const log = join(dir, logFile);
      if (!existsSync(log)) continue;
      for await (const { text, complete } of readLines(log)) {
        const sum = createHash('sha256').update(text).digest('base64');
        if (!complete || seen.has(sum)) continue;
        seen.add(sum);
        yield `${text}\n`;
      }
    }
  }
  await writeTextParts(file, lines());
  return seen.size;
}

function missingShards(shards: readonly string[]): string[] {
  const count = Number(shards[0]?.split('/')[1] ?? 0);
  return Array.from({ length: count }, (_, place) => `${place + 1}/${count}`).filter(
    (shard) => !shards.includes(shard),
  );
}
