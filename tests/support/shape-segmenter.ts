import type { ImageSource, Prompt, Segmentation, Segmenter } from '@engine/segmenters/segmenter';
import { createBitmap } from '@shared/mask/bitmap';

/** Radius in pixels of what a click adds or takes away. */
const clickRadius = 6;

/**
 * A segmenter for tests of the logic around it: the mask is the box, plus a disc at each positive point, minus a disc at
 * each negative one. `wrong` shifts every box, so that corrections have something to correct.
 */
export function shapeSegmenter(options: { shift?: number } = {}): Segmenter & { calls: Prompt[] } {
  const shift = options.shift ?? 0;
  const calls: Prompt[] = [];
  return {
    calls,
    identity: { name: 'shapes', signature: 'sam1' },
    async encode() {},
    async segment(image: ImageSource, prompt: Prompt): Promise<Segmentation> {
      calls.push(prompt);
      const mask = createBitmap(image.width, image.height);
      const fill = (inside: (x: number, y: number) => boolean, value: 0 | 1): void => {
        for (let y = 0; y < mask.height; y++) {
          for (let x = 0; x < mask.width; x++)
            if (inside(x + 0.5, y + 0.5)) mask.data[y * mask.width + x] = value;
        }
      };
      const { box } = prompt;
      if (box) fill((x, y) => x > box.x1 + shift && x < box.x2 + shift && y > box.y1 && y < box.y2, 1);
      for (const point of prompt.points) {
        const near = (x: number, y: number): boolean => Math.hypot(x - point.x, y - point.y) <= clickRadius;
        fill(near, point.label === 'positive' ? 1 : 0);
      }
      const lowRes = { width: 1, height: 1, data: new Float32Array(1) };
      return { candidates: [{ mask, predictedIou: 0.9, lowRes }], best: 0 };
    },
    async close() {},
  };
}

/** A flat grey picture. */
export function greyImage(width: number, height: number): ImageSource {
  return {
    hash: `grey-${width}x${height}`,
    width,
    height,
    pixels: async () => ({ width, height, data: new Uint8Array(width * height * 3).fill(128) }),
  };
}
