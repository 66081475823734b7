import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from './decode-image';
import { openImage, readImageInfo } from './image-file';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'maskwright-images-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two by three pixels: a red one at the top left, the rest blue. */
const pixels = Buffer.from([255, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255]);
const raw = (): Sharp => sharp(pixels, { raw: { width: 2, height: 3, channels: 3 } });

async function written(name: string, bytes: Buffer | Promise<Buffer>): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, await bytes);
  return file;
}

describe('decodeImage', () => {
  test('RGB in rows', async () => {
    const image = await decodeImage(await raw().png().toBuffer());
    expect(image).toEqual({ width: 2, height: 3, data: new Uint8Array(pixels) });
  });

  test('the EXIF orientation is applied, once', async () => {
    // 6: turned by a quarter clockwise for display; the red pixel comes to the top right.
    const file = await written('turned.png', raw().withMetadata({ orientation: 6 }).png().toBuffer());
    const image = await decodeImage(file);
    expect([image.width, image.height]).toEqual([3, 2]);
    expect([...image.data.slice(6, 9)]).toEqual([255, 0, 0]);
    expect(await readImageInfo(file)).toMatchObject({ width: 3, height: 2, mime: 'image/png' });
  });

  test('grey, transparent, 16-bit and CMYK images become 8-bit RGB', async () => {
    const grey = await decodeImage(await raw().greyscale().png().toBuffer());
    expect(grey.data).toHaveLength(18);
    const alpha = await decodeImage(await raw().ensureAlpha(0.5).png().toBuffer());
    expect(alpha.data).toEqual(new Uint8Array(pixels));
    const deep = await decodeImage(await raw().toColourspace('rgb16').png().toBuffer());
    expect(deep.data).toEqual(new Uint8Array(pixels));
    const cmyk = await decodeImage(await raw().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer());
    expect([cmyk.width, cmyk.height, cmyk.data.length]).toEqual([2, 3, 18]);
  });

  test('broken files say what is wrong', async () => {
    const jpeg = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer();
    const cases: Array<[string, string]> = [
      [await written('empty.jpg', Buffer.alloc(0)), 'empty'],
      [await written('text.png', Buffer.from('no image')), 'unsupported'],
      [await written('cut.jpg', jpeg.subarray(0, jpeg.length - 60)), 'The image cannot be read'],
      [join(folder, 'gone.png'), 'gone'],
    ];
    for (const [file, reason] of cases) {
      await expect(decodeImage(file)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
      await expect(decodeImage(file)).rejects.toThrow(reason);
    }
    await expect(readImageInfo(join(folder, 'empty.jpg'))).rejects.toThrow('the file is empty');
    await expect(readImageInfo(join(folder, 'gone.png'))).rejects.toThrow('the file is gone');
  });

  test('a file that was cut off is found when it is looked at, whatever its type, and an odd end is not taken for it', async () => {
    const noise = {
      width: 300,
      height: 200,
      channels: 3 as const,
      noise: { type: 'gaussian' as const, mean: 120, sigma: 40 },
    };
    const picture = sharp({ create: { ...noise, background: 'red' } });
    for (const format of ['jpeg', 'png'] as const) {
      const whole = await picture.clone().toFormat(format).toBuffer();
      const half = await written(`half.${format}`, whole.subarray(0, whole.length / 2));
      await expect(readImageInfo(half)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
      const trailed = await written(
        `trailed.${format}`,
        Buffer.concat([whole, Buffer.from('made by a camera')]),
      );
      expect(await readImageInfo(trailed)).toMatchObject({ width: 300, height: 200 });
    }
  });

  test('a huge image is refused before it is decoded', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="20000" height="20000"/>');
    await expect(decodeImage(svg)).rejects.toThrow('more than 300 million pixels');
  });
});

test('openImage decodes when asked, and once while the pixels are held', async () => {
  const source = await openImage(await written('plain.png', raw().png().toBuffer()));
  expect(source.hash).toMatch(/^[0-9a-f]{64}$/);
  expect([source.width, source.height]).toEqual([2, 3]);
  const [first, second] = await Promise.all([source.pixels(), source.pixels()]);
  expect(first.data).toEqual(new Uint8Array(pixels));
  expect(second).toBe(first);
  expect(await source.pixels()).toBe(first);
});
