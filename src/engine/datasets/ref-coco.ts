import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import type { DatasetOptions, DatasetSource } from './dataset';
import { readRefs } from './refs';

/** A folder with refs and instances.json as RefCOCO has it, or the file of refs itself. */
export async function openRefCoco(path: string, options: DatasetOptions): Promise<DatasetSource> {
  const refsFile = await findRefs(resolve(path), options.splitBy ?? null);
  const instances = options.instances ?? join(dirname(refsFile), 'instances.json');
  const { images, sentences } = options;
  return {
    name: `${basename(dirname(refsFile))} ${basename(refsFile)}`,
    splits: ['train', 'val', 'test', 'testA', 'testB'],
    read: (split, { onSkip }) => readRefs(refsFile, instances, { images, sentences, split, onSkip }),
  };
}

async function findRefs(path: string, splitBy: string | null): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) return path;
  const names = found === null ? [] : await readdir(path);
  const refs = names.filter((name) => /^refs.*\.(json|p)$/.test(name)).sort();
  const [only, ...others] = refs.filter((name) => splitBy === null || name.includes(splitBy));
  if (only !== undefined && others.length === 0) return join(path, only);
  throw new MaskwrightError('NOT_FOUND', `There is no single file of refs in ${path}.`, {
    hint:
      refs.length > 0 ? `Name one of ${refs.join(', ')}.` : 'It has to be named refs(unc).p or refs….json.',
  });
}
