import type { DecoderFormat } from './decoder-io';
import { efficientSam } from './efficientsam';
import { sam1 } from './sam1';
import { sam2 } from './sam2';
import type { Signature } from './signatures';

/** Feeding and reading a decoder, by signature. */
export const formats: Record<Signature, DecoderFormat> = { sam1, sam2, efficientsam: efficientSam };
