import { expect, it } from 'vitest';
import { decodeLegacyText } from './legacy-text';

it('reads UTF-8, with a byte order mark or not', () => {
  expect(decodeLegacyText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('a');
  expect(decodeLegacyText(new TextEncoder().encode('the dog’s “bowl” – 犬'))).toBe('the dog’s “bowl” – 犬');
});

it('reads what is not UTF-8 as Windows-1252', () => {
  expect(decodeLegacyText(Uint8Array.of(0x64, 0x92, 0x73, 0x20, 0x93, 0xe9, 0x94, 0x80))).toBe('d’s “é”€');
  expect(() => decodeLegacyText(Uint8Array.of(0x81, 0x61))).toThrow('neither');
});
