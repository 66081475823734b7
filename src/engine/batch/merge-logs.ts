import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { z } from 'zod';
import { writeTextFile, writeTextParts } from '../exporters';
import { readLines } from '../lines';
import { fingerprintFile, logFile } from './progress-log';

/** What a run appends to as it goes, a line a result. */
const logFiles = [logFile, 'thoughts.jsonl'];

const stampSchema = z.looseObject({ shard: z.string().optional() });

export interface MergeReport {
  /** Lines of the merged logs: items that were finished, or failed, in one of the folders. */
  items: number;
  /** Shards of the same run that no folder holds, as "I/N". */
  missing: string[];
}

/**
 * Makes one folder of the folders of a run's shards, as if one process had done their items: its log holds all their
 * finished and failed items, and its stamp is the one of the run without shards, so that the run's own command goes on
 * from there and writes the results. Folders with a run inside them (other turn budgets of an evaluation) are merged
 * likewise. Merging again, and more, adds only what is new. Lines torn by a kill are left out.
 *
 * @throws MaskwrightError NOT_FOUND for a folder without a run, CONFLICT for folders of different runs
 */
export async function mergeLogs(dirs: readonly string[], out: string): Promise<MergeReport> {
  if (dirs.some((dir) => resolve(dir) === resolve(out)))
    throw new MaskwrightError('INVALID_REQUEST', `${out} cannot be merged into itself.`);
  const report = await mergeRuns(dirs, out);
  const inner = new Set((await Promise.all(dirs.map(innerRuns))).flat());
  for (const name of [...inner].sort()) {
    const sources = dirs
      .map((dir) => join(dir, name))
      .filter((dir) => existsSync(join(dir, fingerprintFile)));
    report.items += (await mergeRuns(sources, join(out, name))).items;
  }
  return report;
}

async function innerRuns(dir: string): Promise<string[]> {
  const entries = await readdir(dir);
  return entries.filter((name) => existsSync(join(dir, name, fingerprintFile)));
}

async function mergeRuns(dirs: readonly string[], out: string): Promise<MergeReport> {
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
  const sources = before ? [out, ...dirs] : dirs;
  let items = 0;
  for (const name of logFiles) {
    const logs = sources.map((dir) => join(dir, name)).filter((log) => existsSync(log));
    if (logs.length === 0) continue;
    const lines = await writeUnion(logs, join(out, name));
    if (name === logFile) items = lines;
  }
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

/** Each line once, in the order of the files. Gives the number of lines. */
async function writeUnion(logs: readonly string[], file: string): Promise<number> {
  const seen = new Set<string>();
  async function* lines(): AsyncGenerator<string, void> {
    for (const log of logs) {
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
