import { mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LargeImage, TilePyramids } from './tile-pyramids';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiles-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('what is read is noted as used, so that it is not the next to be deleted', async () => {
  const path = join(folder, 'photo.png');
  const size = { width: 600, height: 400 };
  await sharp({ create: { ...size, channels: 3, background: 'teal' } }).toFile(path);
  const image: LargeImage = { path, hash: 'a', size };
  const cache = join(folder, 'cache');
  const read = async (): Promise<void> => {
    const pyramids = new TilePyramids(cache);
    await pyramids.overview(image);
    await pyramids.tile(image, { level: 0, column: 0, row: 0 });
  };
  await read();
  const names = await readdir(cache);
  expect(names).toHaveLength(2);
  for (const name of names) await utimes(join(cache, name), 1000, 1000);
  await read();
  for (const name of names) expect((await stat(join(cache, name))).mtimeMs).toBeGreaterThan(1_000_000);
});
