/** Characters of Windows-1252 at 0x80..0x9f; null where it has none. */
const windows1252 = '€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ';

/**
 * Text of a file that is UTF-8, with or without a byte order mark, or else Windows-1252 (Python's cp1252). Throws an
 * Error for bytes that are neither. Not by TextDecoder: that of Node 20 takes Windows-1252 for Latin-1, so that
 * typographic quotes become control characters.
 */
export function decodeLegacyText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => {
      if (byte < 0x80 || byte > 0x9f) return String.fromCharCode(byte);
      const character = windows1252.charAt(byte - 0x80);
      if (character === '\0') throw new Error('it is neither UTF-8 nor Windows-1252');
      return character;
    }).join('');
  }
}
