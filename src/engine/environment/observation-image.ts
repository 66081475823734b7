import type { View } from '@shared/geometry/view';
import type { Observation, OverlayStyle } from '@shared/trajectory/schema';
import { LRUCache } from 'lru-cache';
import sharp from 'sharp';
import type { PngImage } from '../policies/policy';
import type { ImageSource, RgbImage } from '../segmenters/segmenter';
import { drawOverlay } from './overlay';

/**
 * Renders what a policy sees at an observation. Resized once, here, to sides that no engine changes again. The
 * same observation gives the same bytes, so nothing of it has to be stored.
 */
export class ObservationRenderer {
  /** Plain view images, without overlay, by image and view; 64 MB. */
  private readonly views = new LRUCache<string, RgbImage>({
    maxSize: 64 * 1024 * 1024,
    sizeCalculation: (image) => image.data.length,
  });

  /** The view with masks and prompts drawn over it. */
  async render(image: ImageSource, observation: Observation, style: OverlayStyle): Promise<PngImage> {
    const plain = await this.plain(image, observation.view);
    const canvas: RgbImage = { ...plain, data: plain.data.slice() };
    drawOverlay(canvas, observation, style);
    const { width, height } = canvas;
    const png = await sharp(canvas.data, { raw: { width, height, channels: 3 } })
      .png({ compressionLevel: 3 })
      .toBuffer();
    return { png, width, height };
  }

  /** The view's picture alone. Shared: it must not be drawn over. */
  async plain(image: ImageSource, view: View): Promise<RgbImage> {
    const { box, width, height } = view;
    const key = `${image.hash} ${box.x1} ${box.y1} ${box.x2} ${box.y2} ${width} ${height}`;
    const cached = this.views.get(key);
    if (cached) return cached;
    if (image.region) {
      const part = await image.region(box, { width, height });
      this.views.set(key, part);
      return part;
    }
    const pixels = await image.pixels();
    const data = await sharp(pixels.data, {
      raw: { width: pixels.width, height: pixels.height, channels: 3 },
      limitInputPixels: false,
    })
      .extract({ left: box.x1, top: box.y1, width: box.x2 - box.x1, height: box.y2 - box.y1 })
      .resize(width, height, { fit: 'fill', kernel: 'lanczos3' })
      .raw()
      .toBuffer();
    const rendered: RgbImage = { width, height, data: new Uint8Array(data) };
    this.views.set(key, rendered);
    return rendered;
  }
}
