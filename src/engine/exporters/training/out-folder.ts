import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MaskwrightError } from '@shared/contract/errors';
import { fileNames, type Manifest, manifestSchema } from '@shared/training/manifest';
import { applicationName, applicationVersion } from '../../application';
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

/**
 * Makes the folder of an export ready. With `overwrite` the files of an earlier export are removed, and nothing else.
 * Throws CONFLICT for a folder that holds anything.
 */
export async function prepareFolder(dir: string, overwrite: boolean): Promise<void> {
  await mkdir(dir, { recursive: true });
  if (overwrite) await removeExport(dir);
  const [found] = await readdir(dir);
  if (found === undefined) return;
  throw new MaskwrightError('CONFLICT', `${dir} is not empty: it holds ${found}.`, {
    hint: overwrite
      ? 'Only the files of an earlier export are replaced. Choose another folder.'
      : 'Choose another folder, or give --overwrite to replace an earlier export.',
  });
}

async function removeExport(dir: string): Promise<void> {
  const manifest = await readManifest(dir).catch(() => null);
  if (!manifest) return;
  const images = join(dir, fileNames.images);
  for (const name of await readdir(images).catch(() => [])) {
    if (/^[0-9a-f]{64}\.png$/.test(name)) await rm(join(images, name));
  }
  if ((await readdir(images).catch(() => ['']))[0] === undefined) await rm(images, { recursive: true });
  for (const { name } of manifest.files) {
    if (!/[\\/]/.test(name) && name !== '..') await rm(join(dir, name), { force: true });
  }
  await rm(join(dir, fileNames.manifest));
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

export async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  await writeTextFile(join(dir, fileNames.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Bytes and sha256 (hex) of a file. */
export async function fingerprintOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}
