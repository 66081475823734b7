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
    throw new MaskwrightError('FORBIDDEN', `The file cannot be written: ${file}: ${messageOf(error)}`, {
      hint: 'Choose a folder that you may write to, with enough space.',
      cause: error,
    });
  }
}
