/** A mask, run-length encoding or polygon that breaks its format. The message says what is wrong and where. */
export class MaskFormatError extends Error {
  override readonly name = 'MaskFormatError';
}
