import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readPng, writePng } from './png';

const sized = fc.record({ width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) });

describe('PNG of values', () => {
  it('reads back what it writes: grey of 8 and 16 bits, palettes', () => {
    fc.assert(
      fc.property(
        sized,
        fc.boolean(),
        fc.infiniteStream(fc.nat(65535)),
        ({ width, height }, wide, stream) => {
          const numbers = Array.from({ length: width * height }, () => stream.next().value ?? 0);
          const values = wide ? Uint16Array.from(numbers) : Uint8Array.from(numbers);
          expect(readPng(writePng({ width, height, values }))).toMatchObject({
            width,
            height,
            values,
            palette: null,
          });
        },
      ),
    );
    const palette = [[0, 0, 0] as const, [128, 0, 0] as const];
    const file = writePng({ width: 2, height: 1, values: Uint8Array.of(1, 0), palette });
    expect(readPng(file)).toMatchObject({ values: Uint8Array.of(1, 0), palette });
  });

  it('writes what image libraries read', async () => {
    const palette = [[9, 8, 7] as const, [1, 2, 3] as const];
    const file = writePng({ width: 3, height: 1, values: Uint8Array.of(1, 0, 1), palette });
    expect([...(await sharp(file).raw().toBuffer())]).toEqual([1, 2, 3, 9, 8, 7, 1, 2, 3]);
  });

  it('reads what image libraries write, with every filter and bit depth', async () => {
    const width = 37;
    const height = 23;
    const noise = Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * i * 7 + i) % 251));
    const raw = { raw: { width, height, channels: 3 as const } };
    const rgb = readPng(await sharp(noise, raw).png({ adaptiveFiltering: true }).toBuffer());
    expect(Buffer.from(rgb.rgb ?? [])).toEqual(noise);
    const withAlpha = readPng(await sharp(noise, raw).ensureAlpha(0.5).png().toBuffer());
    expect(Buffer.from(withAlpha.rgb ?? [])).toEqual(noise);
    for (const colours of [2, 4, 16, 200]) {
      const file = await sharp(noise, raw).png({ palette: true, colours, dither: 0 }).toBuffer();
      const { values, palette } = readPng(file);
      const expected = await sharp(file).removeAlpha().toColourspace('srgb').raw().toBuffer();
      expect([...(values ?? [])].flatMap((value) => [...(palette?.[value] ?? [])])).toEqual([...expected]);
    }
    const grey16 = await sharp(noise, raw).greyscale().toColourspace('grey16').png().toBuffer();
    expect(readPng(grey16)).toMatchObject({ bitDepth: 16, palette: null });
  });

  it('refuses what is no PNG, cut off or interlaced', async () => {
    const file = writePng({ width: 9, height: 9, values: new Uint8Array(81) });
    expect(() => readPng(Buffer.from('x'))).toThrow('no PNG');
    expect(() => readPng(file.subarray(0, file.length - 20))).toThrow('cut off');
    const interlaced = await sharp(file).png({ progressive: true }).toBuffer();
    expect(() => readPng(interlaced)).toThrow('interlaced');
  });
});
