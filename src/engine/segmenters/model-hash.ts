import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { MaskwrightError, messageOf } from '@shared/contract/errors';

/** Hashes by path, size and time of the last change, for the life of the process. */
const known = new Map<string, Promise<string>>();

/**
 * sha256 of a model's file, hex, with the size and time of the files beside it in which exports over 2 GB keep
 * their weights. MODEL_MISSING when there is no such file.
 */
export async function modelHash(file: string): Promise<string> {
  const stats = await stat(file).catch((error: unknown) => {
    throw new MaskwrightError('MODEL_MISSING', `There is no model file at ${file}.`, {
      hint: 'Choose the file again, or fetch the model.',
      cause: error,
    });
  });
  const weights: string[] = [];
  for (const name of [`${file}.data`, `${file}_data`, `${file.replace(/\.onnx$/, '')}.data`]) {
    const beside = await stat(name).catch(() => null);
    if (beside !== null) weights.push(`${beside.size}:${beside.mtimeMs}`);
  }
  const identity = [file, stats.size, stats.mtimeMs, ...weights].join('\n');
  const hash = known.get(identity) ?? hashFile(file, weights);
  known.set(identity, hash);
  hash.catch(() => known.delete(identity));
  return hash;
}

async function hashFile(file: string, weights: readonly string[]): Promise<string> {
  const sum = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) sum.update(chunk);
  } catch (error) {
    throw new MaskwrightError('MODEL_UNREADABLE', `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  for (const text of weights) sum.update(text);
  return sum.digest('hex');
}
