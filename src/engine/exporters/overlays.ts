import { decodeMask } from '@shared/mask/rle';
import sharp from 'sharp';
import { defaultOverlayStyle, drawMask } from '../environment/overlay';
import { decodeImage } from '../images/decode-image';
import type { ExportSet } from './export-set';
import type { FolderFormat } from './folder-format';

/** Pictures for reports: every mask blended over the image in its class's colour, with an outline. JPEG. */
export function overlaysFormat(set: ExportSet): FolderFormat {
  return {
    paths: ({ stem }) => [`${stem}.jpg`],
    async files(image) {
      const base = await decodeImage(set.store.imagePath(image.image.id));
      const view = { ...base, box: { x1: 0, y1: 0, x2: base.width, y2: base.height } };
      for (const { mask, categoryId } of image.annotations) {
        const color = rgbOf(set.categoryOf(categoryId)?.color ?? '#ffffff');
        drawMask(base, decodeMask(mask), view, color, { ...defaultOverlayStyle, alpha: 0.4 });
      }
      const { width, height, data } = base;
      const jpeg = sharp(data, { raw: { width, height, channels: 3 } }).jpeg({ quality: 90 });
      const files = [{ path: `${image.stem}.jpg`, data: await jpeg.toBuffer() }];
      return { files, annotations: image.annotations };
    },
    about: () => [],
    isAsImported: () => false,
    readBack: (image) => image.annotations.map(({ mask }) => mask),
  };
}

function rgbOf(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1, 7), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
