/**
 * COCO run-length encoding. Pixels are counted column by column; the first run counts background. Reference:
 * maskApi.c of cocoapi as distributed by pycocotools, whose results these functions reproduce.
 */
export { MaskFormatError } from './errors';
export { decodeMask, encodeMask } from './rle-bitmap';
export {
  cropRle,
  emptyRle,
  isEmptyRle,
  mergeRles,
  rleArea,
  rleBbox,
  rleBox,
  rleIntersectionUnion,
  rleIou,
  subtractRle,
} from './rle-runs';
export {
  compressCounts,
  decompressCounts,
  fromUncompressed,
  type Rle,
  type RleCounts,
  rleSchema,
  toUncompressed,
} from './rle-string';
