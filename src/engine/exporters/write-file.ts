import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import writeFileAtomic from 'write-file-atomic';

/**
 * Writes a text file so that a crash leaves the old one or the new one, never a part. Synced to disk when it
 * resolves. Throws FORBIDDEN with the reason.
 */
export async function writeTextFile(file: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(file, text, { encoding: 'utf8', fsync: true });
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/** As {@link writeTextFile}, for a text too long for one string: its parts come one by one. */
export async function writeTextParts(file: string, parts: AsyncIterable<string>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await pipeline(Readable.from(parts), createWriteStream(temporary, { flush: true }));
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof MaskwrightError ? error : cannotWrite(file, error);
  }
}

/** FORBIDDEN with the reason. */
export function cannotWrite(file: string, error: unknown): MaskwrightError {
  return new MaskwrightError('FORBIDDEN', `The file cannot be written: ${file}: ${messageOf(error)}`, {
    hint: 'Choose a folder that you may write to, with enough space.',
    cause: error,
  });
}
