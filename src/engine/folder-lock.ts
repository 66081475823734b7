import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { MaskwrightError } from '@shared/contract/errors';
import { z } from 'zod';

export const lockFile = 'run.lock';

const holderSchema = z.object({
  pid: z.number().int().positive(),
  host: z.string(),
  /** Tells the process from a later one with the same number; null where the system does not say. */
  started: z.string().nullable(),
});
type Holder = z.infer<typeof holderSchema>;

/** Folders that this process holds. */
const held = new Set<string>();

/**
 * Runs work that writes into a folder, which is made if it is missing, with a lock file in it, so that no other process
 * works there. The lock of a process that is dead is taken over.
 *
 * @throws MaskwrightError CONFLICT while another process works in the folder
 */
export async function withFolderLock<T>(dir: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dir, { recursive: true });
  const file = resolve(dir, lockFile);
  const mine: Holder = { pid: process.pid, host: hostname(), started: await startOf(process.pid) };
  const text = `${JSON.stringify(mine)}\n`;
  if (held.has(file)) throw busy(dir, file, mine);
  held.add(file);
  try {
    await acquire(dir, file, text);
    try {
      return await work();
    } finally {
      if ((await textOf(file)) === text) await rm(file, { force: true });
    }
  } finally {
    held.delete(file);
  }
}

async function acquire(dir: string, file: string, text: string): Promise<void> {
  let torn: string | null = null;
  for (;;) {
    if (await written(file, text)) return;
    const found = await textOf(file);
    if (found === null) continue;
    const holder = holderOf(found);
    if (holder && (await isAlive(holder))) throw busy(dir, file, holder);
    if (!holder && found !== torn) {
      // It may be about to be written.
      torn = found;
      await setTimeout(100);
      continue;
    }
    // Moving it away is what only one of several can do. Who moved the lock of a faster one puts it back.
    const aside = `${file}.${process.pid}`;
    const isMoved = await rename(file, aside).then(
      () => true,
      () => false,
    );
    if (!isMoved) continue;
    const moved = await textOf(aside);
    if (moved !== found && moved !== null) await written(file, moved);
    await rm(aside, { force: true });
  }
}

/** False where the file is there already. */
async function written(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw new MaskwrightError('FORBIDDEN', `The folder cannot be written: ${file}`, {
      hint: 'Choose a folder that you may write to.',
      cause: error,
    });
  }
}

/** Null: no process can be told, as after a crash that tore the file. */
function holderOf(text: string): Holder | null {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  // Of another machine's processes nothing is known.
  if (holder.host !== hostname()) return true;
  // This process knows what it holds itself: it is an earlier one's with the same number.
  if (holder.pid === process.pid) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // Another user's process may not be signalled, but is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return holder.started === null || holder.started === (await startOf(holder.pid));
}

/** When a process was started, on the system's own clock (Linux). */
async function startOf(pid: number): Promise<string | null> {
  const stat = await textOf(`/proc/${pid}/stat`);
  // The name may hold anything, so that fields are counted from its end: start time is the 20th there.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

function textOf(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

function busy(dir: string, file: string, { pid, host }: Holder): MaskwrightError {
  const where = host === hostname() ? '' : ` on ${host}`;
  return new MaskwrightError('CONFLICT', `Another process works in ${dir} (process ${pid}${where}).`, {
    hint:
      where === ''
        ? 'Wait for it, stop it, or choose another --out folder.'
        : `Choose another --out folder; if no process of ${host} works there any more, delete ${file}.`,
  });
}
