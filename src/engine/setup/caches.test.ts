import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { clearCache, storageOf } from './caches';

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'maskwright-caches-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

it('counts the files of each cache, folders within included, and clears one of them', async () => {
  const cacheDir = join(dataDir, 'cache');
  mkdirSync(join(cacheDir, 'embeddings'), { recursive: true });
  mkdirSync(join(cacheDir, 'thumbnails', 'ab'), { recursive: true });
  for (let index = 0; index < 70; index++) {
    writeFileSync(join(cacheDir, 'embeddings', `${index}.embedding`), Buffer.alloc(10));
  }
  writeFileSync(join(cacheDir, 'thumbnails', 'ab', 'one.webp'), Buffer.alloc(7));

  const before = await storageOf({ dataDir, cacheDir });
  expect(before.dataFolder).toBe(dataDir);
  expect(before.caches).toMatchObject([
    { kind: 'embeddings', files: 70, bytes: 700 },
    { kind: 'thumbnails', files: 1, bytes: 7 },
  ]);

  await clearCache(cacheDir, 'embeddings');
  expect((await storageOf({ dataDir, cacheDir })).caches).toMatchObject([
    { kind: 'embeddings', files: 0, bytes: 0 },
    { kind: 'thumbnails', files: 1, bytes: 7 },
  ]);
});

it('takes a cache that was never made for an empty one', async () => {
  const cacheDir = join(dataDir, 'nowhere');
  await clearCache(cacheDir, 'thumbnails');
  const { caches } = await storageOf({ dataDir, cacheDir });
  expect(caches.map(({ files }) => files)).toEqual([0, 0]);
});
