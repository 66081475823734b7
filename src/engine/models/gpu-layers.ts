/** What a choice of layers is made of. Bytes. */
export interface ModelSize {
  layers: number;
  modelBytes: number;
  mmprojBytes: number;
  cacheBytesPerToken: number;
}

/** Part of a card's memory that is left to the system and to compute buffers. */
const reserve = { share: 0.1, bytes: 512 * 2 ** 20 };

/**
 * How many layers to offload to a card with this much memory: all when weights, vision tower and key-value
 * cache fit, else as many as do, 0 when not even the vision tower fits.
 *
 * @param memory bytes of the card
 * @param contextSize tokens
 */
export function layersThatFit(size: ModelSize, contextSize: number, memory: number): number {
  const usable = memory * (1 - reserve.share) - reserve.bytes - size.mmprojBytes;
  const perLayer = (size.modelBytes + size.cacheBytesPerToken * contextSize) / Math.max(1, size.layers);
  if (usable <= 0 || perLayer <= 0) return 0;
  // llama.cpp counts the output matrix as one more layer.
  return usable >= perLayer * size.layers ? size.layers + 1 : Math.floor(usable / perLayer);
}
