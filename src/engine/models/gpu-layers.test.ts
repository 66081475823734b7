import { describe, expect, it } from 'vitest';
import { layersThatFit } from './gpu-layers';

const gib = 2 ** 30;
/** About Qwen2.5-VL-7B at 4 bits. */
const size = { layers: 28, modelBytes: 4.7 * gib, mmprojBytes: 1.3 * gib, cacheBytesPerToken: 57_344 };

describe('layersThatFit', () => {
  it('takes all layers and the output matrix where there is room', () => {
    expect(layersThatFit(size, 8192, 24 * gib)).toBe(29);
  });
  it('takes a part on a small card, fewer with a longer context', () => {
    const short = layersThatFit(size, 4096, 4 * gib);
    expect(short).toBeGreaterThan(0);
    expect(short).toBeLessThan(28);
    expect(layersThatFit(size, 32_768, 4 * gib)).toBeLessThan(short);
  });
  it('takes none where not even the vision tower fits', () => {
    expect(layersThatFit(size, 8192, 1 * gib)).toBe(0);
    expect(layersThatFit(size, 8192, 0)).toBe(0);
  });
});
