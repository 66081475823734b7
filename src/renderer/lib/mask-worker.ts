/** A worker of the window: does one operation on a mask after another. Its bundle has nothing but masks. */
import { type MaskOperation, operate } from '@shared/mask/operations';
import type { Rle } from '@shared/mask/rle';

export interface MaskWork {
  mask: Rle;
  operation: MaskOperation;
}

self.onmessage = ({ data }: MessageEvent<MaskWork>) => self.postMessage(operate(data.mask, data.operation));
