/**
 * Four mask pixels at a time. Reading neighbouring pixels as one 32-bit word needs little-endian byte order
 * and a buffer that starts on a word; callers fall back to bytes where {@link wordView} gives null.
 */
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** The whole words of `data` (shared memory, dtype uint32, the last length % 4 bytes left out), or null. */
export function wordView(data: Uint8Array): Uint32Array | null {
  if (!littleEndian || data.byteOffset % 4 !== 0) return null;
  return new Uint32Array(data.buffer, data.byteOffset, data.length >>> 2);
}
