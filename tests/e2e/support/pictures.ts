import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

export interface PictureFolder {
  folder: string;
  remove(): Promise<void>;
}

/** A folder of small plain pictures with the given names, for specs that need images and do not care which. */
export async function pictureFolder(names: readonly string[]): Promise<PictureFolder> {
  const parent = await mkdtemp(join(tmpdir(), 'maskwright-pictures-'));
  const folder = join(parent, 'pictures');
  await mkdir(folder);
  for (const [index, name] of names.entries()) {
    const background = { r: 40 + index * 40, g: 90, b: 160 };
    await sharp({ create: { width: 320, height: 200, channels: 3, background } })
      .png()
      .toFile(join(folder, name));
  }
  return { folder, remove: () => rm(parent, { recursive: true, force: true }) };
}
