import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Thumbnails, thumbnailSize } from './thumbnails';

let folder = '';
let files: string[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maskwright-thumbnails-'));
  files = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const file = join(folder, `${index}.jpg`);
      await sharp({ create: { width: 3000, height: 2000, channels: 3, background: `#${index}0a0b0` } })
        .jpeg()
        .toFile(file);
      return file;
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hash = (index: number): string => `${index}`.repeat(64);
const request = (thumbnails: Thumbnails, index: number): Promise<Uint8Array> =>
  thumbnails.read(`image-${index}`, files[index] ?? '', hash(index));

test('a thumbnail is small, upright, kept by the hash of its file and read from there', async () => {
  const cache = join(folder, 'cache-kept');
  const bytes = await request(new Thumbnails(cache), 1);
  expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: thumbnailSize, height: 213 });
  expect(readdirSync(join(cache, '11'))).toEqual([`${hash(1)}-${thumbnailSize}.webp`]);
  const gone = await new Thumbnails(cache).read('moved', join(folder, 'gone.jpg'), hash(1));
  expect(gone).toEqual(bytes);
});

test('what is scrolled away is given up, what is in sight is made', async () => {
  const cache = join(folder, 'cache-look');
  const thumbnails = new Thumbnails(cache);
  const all = files.map((_, index) => request(thumbnails, index));
  const settled = Promise.allSettled(all);
  // Requests queue only after they looked for a kept file, which is far faster than making the first thumbnail. Any may
  // be the first.
  await Promise.race(all);
  thumbnails.lookAt(['image-7']);
  const results = await settled;
  expect(results[7]?.status).toBe('fulfilled');
  const given = results.filter((result) => result.status === 'rejected');
  expect(given.length).toBeGreaterThan(0);
  for (const { reason } of given) expect(reason).toMatchObject({ code: 'CANCELLED' });
  // What was given up is made when it comes into sight again.
  const again = await Promise.all(files.map((_, index) => request(thumbnails, index)));
  expect(again.every((bytes) => bytes.length > 0)).toBe(true);
});

test('a broken file fails with a reason and leaves nothing behind', async () => {
  const cache = join(folder, 'cache-broken');
  const broken = join(folder, 'broken.jpg');
  writeFileSync(broken, 'no image');
  const thumbnails = new Thumbnails(cache);
  await expect(thumbnails.read('x', broken, hash(9))).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  expect(existsSync(join(cache, '99'))).toBe(false);
  // The queue goes on.
  expect((await request(thumbnails, 0)).length).toBeGreaterThan(0);
});
