import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MaskwrightError } from '@shared/contract/errors';
import { fileNames, type Manifest, manifestSchema } from '@shared/training/manifest';
import { z } from 'zod';
import { applicationName, applicationVersion } from '../../application';
import { lockFile } from '../../folder-lock';
import { writeTextFile } from '../write-file';
import { engineVersions } from './forms';

/** Throws NOT_FOUND or FORMAT_UNREADABLE. */
export async function readManifest(dir: string): Promise<Manifest> {
  const path = join(dir, fileNames.manifest);
  const text = await readFile(path, 'utf8').catch(() => {
    throw new MaskwrightError('NOT_FOUND', `There is no export of training data in ${dir}.`, {
      hint: `A folder of export-training holds ${fileNames.manifest}.`,
    });
  });
  const manifest = manifestSchema.safeParse(parsedOrNull(text));
  if (manifest.success) return manifest.data;
  const issue = manifest.error.issues[0];
  throw new MaskwrightError(
    'FORMAT_UNREADABLE',
    `${path} is no manifest of training data: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
  );
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Lies in the folder from the first file of an export until its manifest is written. */
const unfinishedFile = 'unfinished.json';
const unfinishedSchema = z.strictObject({ files: z.array(z.string()) });

/**
 * Makes the folder of an export ready. What an export wrote that was stopped is removed, with `overwrite` also the files
 * of a finished one. Nothing is removed where there is anything else.
 *
 * @param files names of the files that are going to be written beside images and manifest
 * @throws MaskwrightError CONFLICT for a folder that holds anything else
 */
export async function prepareFolder(
  dir: string,
  files: readonly string[],
  overwrite: boolean,
): Promise<void> {
  await mkdir(dir, { recursive: true });
  const earlier = await earlierExport(dir);
  const own = earlier && (overwrite || !earlier.isFinished) ? earlier.files : [];
  const removed: string[] = [];
  for (const name of await readdir(dir)) {
    if (name === lockFile) continue;
    if (own.length > 0 && name === fileNames.images) {
      const images = (await readdir(join(dir, name))).map((image) => join(name, image));
      removed.push(...images.filter((image) => isOwnImage.test(image)));
      const other = images.find((image) => !isOwnImage.test(image));
      if (other !== undefined) throw notEmpty(dir, other, overwrite);
    } else if (own.includes(name) || (own.length > 0 && isTorn.test(name))) removed.push(name);
    else throw notEmpty(dir, name, overwrite);
  }
  // The marks of an export last: killed here, it is known as one again.
  const isMark = (name: string): boolean => name === fileNames.manifest || name === unfinishedFile;
  for (const name of removed) if (!isMark(name)) await rm(join(dir, name));
  if (own.length > 0) await rmdir(join(dir, fileNames.images)).catch(() => {});
  for (const name of removed) if (isMark(name)) await rm(join(dir, name));
  await writeFile(join(dir, unfinishedFile), JSON.stringify({ files }));
}

const isOwnImage = /^images[\\/][0-9a-f]{64}\.png$/;
/** What a kill leaves of a file that is written beside its place and then moved there. */
const isTorn = /^manifest\.json\.\d+$/;

/** The names of what an export in the folder wrote, images apart; null without one. */
async function earlierExport(dir: string): Promise<{ files: string[]; isFinished: boolean } | null> {
  const manifest = await readManifest(dir).catch(() => null);
  const text = await readFile(join(dir, unfinishedFile), 'utf8').catch(() => null);
  if (!manifest && text === null) return null;
  // Torn, it was killed before it wrote anything else.
  const unfinished = unfinishedSchema.safeParse(text === null ? null : parsedOrNull(text)).data?.files ?? [];
  const files = [...(manifest?.files.map(({ name }) => name) ?? []), ...unfinished];
  return { files: [...files, fileNames.manifest, unfinishedFile], isFinished: manifest !== null };
}

function notEmpty(dir: string, found: string, overwrite: boolean): MaskwrightError {
  return new MaskwrightError('CONFLICT', `${dir} is not empty: it holds ${found}.`, {
    hint: overwrite
      ? 'Only the files of an earlier export are replaced. Choose another folder.'
      : 'Choose another folder, or give --overwrite to replace an earlier export.',
  });
}

/** The manifest of an export with the fingerprints of its files, which are all written. */
export async function manifestOf(
  dir: string,
  names: readonly string[],
  told: Omit<Manifest, 'manifestVersion' | 'engineVersion' | 'application' | 'files'>,
): Promise<Manifest> {
  const files = [];
  for (const name of names) files.push({ name, ...(await fingerprintOf(join(dir, name))) });
  return {
    manifestVersion: 1,
    engineVersion: engineVersions[told.engine],
    application: { name: applicationName, version: applicationVersion },
    ...told,
    files,
  };
}

/** Ends an export. */
export async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  await writeTextFile(join(dir, fileNames.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
  await rm(join(dir, unfinishedFile));
}

/** Bytes and sha256 (hex) of a file. */
export async function fingerprintOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}
