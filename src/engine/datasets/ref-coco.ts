import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import type { DatasetOptions, DatasetSource } from './dataset';
import { readRefsFile, refTargets, splitsOf } from './refs';

/**
 * RefCOCO, RefCOCO+ and RefCOCOg: the folder with `refs(unc).p` (or google, umd; or as JSON) and `instances.json`, or
 * the file of refs itself.
 */
export async function openRefCoco(path: string, options: DatasetOptions): Promise<DatasetSource> {
  const refsFile = await findRefs(resolve(path), options.splitBy ?? null);
  const folder = dirname(refsFile);
  const instances = options.instances ?? join(folder, 'instances.json');
  if (!(await exists(instances))) {
    throw new MaskwrightError('NOT_FOUND', `There is no file ${instances}.`, {
      hint: 'Name the COCO instances file of the refs with --instances.',
    });
  }
  const entries = await readRefsFile(refsFile);
  const images = options.images ?? (await usualImages(folder));
  return {
    name: `${basename(folder)} ${basename(refsFile)}`,
    splits: splitsOf(entries.refs),
    read: (split, { onSkip }) =>
      refTargets(entries, instances, { images, sentences: options.sentences, split, onSkip }),
  };
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function findRefs(path: string, splitBy: string | null): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) return path;
  const names = found === null ? [] : await readdir(path);
  const refs = names.filter((name) => /^refs.*\.(json|p)$/.test(name)).sort();
  const chosen = refs.filter((name) => splitBy === null || name.includes(`(${splitBy})`));
  // The same refs as pickle and as JSON: either will do.
  const different = new Set(chosen.map((name) => name.replace(/\.(json|p)$/, '')));
  if (chosen[0] !== undefined && different.size === 1) return join(path, chosen[0]);
  throw new MaskwrightError(
    'NOT_FOUND',
    chosen.length === 0
      ? `There is no file of refs${splitBy === null ? '' : ` by ${splitBy}`} in ${path}.`
      : `There are several files of refs in ${path}: ${chosen.join(', ')}.`,
    {
      hint:
        chosen.length === 0
          ? 'It has to be named refs(unc).p, refs(google).p or refs(umd).p, or end in .json.'
          : 'Say whose splits with --split-by, or name the file.',
    },
  );
}

/** Where REFER and LISA keep the images of COCO's train2014 beside the data sets; null: beside the refs. */
async function usualImages(folder: string): Promise<string | null> {
  for (const place of ['mscoco/images/train2014', 'train2014', 'mscoco/train2014']) {
    const images = join(folder, '..', 'images', place);
    if (await exists(images)) return images;
  }
  return null;
}
