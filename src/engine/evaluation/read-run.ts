import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { type Sample, sampleSchema } from '@shared/evaluation/sample';
import { readLines } from '../lines';
import { samplesFile } from './evaluate';

/** The samples of an evaluated folder. Throws NOT_FOUND or FORMAT_UNREADABLE that names the line. */
export async function readSamples(dir: string): Promise<Sample[]> {
  const file = join(dir, samplesFile);
  await access(file).catch((error: unknown) => {
    throw new MaskwrightError('NOT_FOUND', `${dir} holds no finished evaluation (${samplesFile}).`, {
      hint: 'Name a folder that maskwright eval --out wrote.',
      cause: error,
    });
  });
  const samples: Sample[] = [];
  let line = 0;
  for await (const { text } of readLines(file)) {
    line += 1;
    if (text.trim() === '') continue;
    const sample = parsed(text);
    if (!sample) {
      throw new MaskwrightError('FORMAT_UNREADABLE', `Line ${line} of ${file} is no evaluated sample.`, {
        hint: 'It may be cut off or of another version: run the evaluation again.',
      });
    }
    samples.push(sample);
  }
  return samples;
}

function parsed(text: string): Sample | null {
  try {
    return sampleSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
