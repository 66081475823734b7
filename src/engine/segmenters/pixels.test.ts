import { describe, expect, test } from 'vitest';
import { encoderInput } from './encoder-input';
import { resizeBilinear } from './resample';
import type { RgbImage } from './segmenter';
import type { EncoderPlan } from './signatures';
import { maskFromLogits } from './upsample';

const pattern: RgbImage = {
  width: 5,
  height: 4,
  data: Uint8Array.from({ length: 60 }, (_, i) => (i * 37) % 256),
};

describe('resizeBilinear', () => {
  // Expected bytes: Pillow 13.0, Image.resize(size, Image.BILINEAR) of the same pattern.
  test('gives Pillow’s bytes when shrinking', () => {
    expect([...resizeBilinear(pattern, 3, 2).data]).toEqual([
      79, 116, 137, 115, 91, 120, 150, 124, 99, 146, 136, 126, 121, 134, 122, 113, 129, 119,
    ]);
    expect([...resizeBilinear(pattern, 2, 4).data]).toEqual([
      99, 78, 115, 147, 126, 81, 84, 121, 158, 132, 87, 124, 127, 164, 96, 93, 130, 156, 170, 102, 128, 136,
      162, 94,
    ]);
  });

  test('gives Pillow’s bytes when enlarging', () => {
    const row = [...resizeBilinear(pattern, 9, 7).data].slice(27, 54);
    expect(row).toEqual([
      15, 52, 89, 52, 89, 126, 114, 151, 188, 135, 99, 136, 146, 18, 55, 116, 80, 117, 104, 131, 150, 166,
      142, 69, 203, 149, 21,
    ]);
    const column = [...resizeBilinear(pattern, 5, 9).data].slice(15, 30);
    expect(column).toEqual([7, 44, 81, 118, 155, 192, 186, 10, 47, 84, 121, 158, 195, 189, 13]);
  });

  test('leaves an image of the right size alone, and white white at any scale', () => {
    expect(resizeBilinear(pattern, 5, 4)).toBe(pattern);
    const white: RgbImage = { width: 400, height: 3, data: new Uint8Array(3600).fill(255) };
    expect(new Set(resizeBilinear(white, 7, 11).data)).toEqual(new Set([255]));
  });
});

describe('encoderInput', () => {
  const plan: EncoderPlan = {
    signature: 'sam1',
    input: 'x',
    type: 'float32',
    layout: 'nchw',
    size: 4,
    fit: 'longest-side',
    pad: true,
    normalise: 'imagenet',
    outputs: [],
  };
  const image: RgbImage = { width: 4, height: 2, data: new Uint8Array(24).fill(100) };

  test('SAM 1: normalised planes with zeros below', () => {
    const { shape, data } = encoderInput(image, plan);
    expect(shape).toEqual([1, 3, 4, 4]);
    expect(data).toHaveLength(48);
    expect(data[0]).toBeCloseTo((100 - 123.675) / 58.395, 6);
    expect(data[16]).toBeCloseTo((100 - 116.28) / 57.12, 6);
    expect(data[32 + 7]).toBeCloseTo((100 - 103.53) / 57.375, 6);
    expect([...data.slice(8, 16)]).toEqual(new Array(8).fill(0));
  });

  test('stretched, in 0..1', () => {
    const { shape, data } = encoderInput(image, { ...plan, fit: 'stretch', pad: false, normalise: 'unit' });
    expect(shape).toEqual([1, 3, 4, 4]);
    expect(data.every((value) => Math.abs(value - 100 / 255) < 1e-6)).toBe(true);
  });

  test('raw bytes, height × width × RGB', () => {
    const raw = encoderInput(pattern, {
      ...plan,
      size: 5,
      type: 'uint8',
      layout: 'hwc',
      pad: false,
      normalise: 'raw',
    });
    expect(raw.shape).toEqual([4, 5, 3]);
    expect(raw.data).toEqual(pattern.data);
    const batched = encoderInput(pattern, { ...plan, size: 5, layout: 'nhwc', normalise: 'raw' });
    expect(batched.shape).toEqual([1, 5, 5, 3]);
    expect([...batched.data.slice(0, 60)]).toEqual([...pattern.data]);
  });
});

describe('maskFromLogits', () => {
  test('takes the plane at its offset and cuts the padding away', () => {
    // The second plane is positive in its left column of content; the padding would be positive too.
    const data = Float32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1, 9, 1, -1, 9, 9, 9, 9]);
    const mask = maskFromLogits(
      { data, offset: 9, width: 3, height: 3, contentWidth: 2, contentHeight: 2 },
      8,
      4,
    );
    expect([...mask.data.slice(0, 8)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    expect([...mask.data.slice(24)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  });

  test('zero and NaN are background; any direction of scaling keeps a diagonal edge', () => {
    const flat = { offset: 0, width: 2, height: 2, contentWidth: 2, contentHeight: 2 };
    expect(maskFromLogits({ ...flat, data: new Float32Array(4) }, 3, 3).data).toEqual(new Uint8Array(9));
    expect(maskFromLogits({ ...flat, data: new Float32Array(4).fill(Number.NaN) }, 3, 3).data).toEqual(
      new Uint8Array(9),
    );
    const side = 64;
    const data = Float32Array.from({ length: side * side }, (_, i) => Math.floor(i / side) - (i % side));
    for (const [width, height] of [
      [16, 16],
      [200, 100],
      [31, 90],
    ] as const) {
      const mask = maskFromLogits(
        { data, offset: 0, width: side, height: side, contentWidth: side, contentHeight: side },
        width,
        height,
      );
      let wrong = 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const expected = (y + 0.5) / height > (x + 0.5) / width + 1e-6 ? 1 : 0;
          if (mask.data[y * width + x] !== expected) wrong++;
        }
      }
      // Only pixels whose centre lies on the edge may differ, by rounding.
      expect(wrong).toBeLessThanOrEqual(Math.max(width, height) / 4);
    }
  });
});
