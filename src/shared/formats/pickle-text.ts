/** Texts and numbers as pickles write them out. */

/** Most digits or bytes of an integer: time to read one grows with the square of its length. */
export const longestNumber = 4300;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  // In parts: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** A text of Python 2, which does not say how it is encoded: UTF-8 where it can be, else Latin-1. */
export function bytesText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1(bytes);
  }
}

const escapes: Readonly<Record<string, number>> = {
  '\\': 0x5c,
  "'": 0x27,
  '"': 0x22,
  a: 0x07,
  b: 0x08,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  v: 0x0b,
};

/** The bytes of a quoted text as Python's `repr` writes one, such as `'a\x00b'`. */
export function escapedBytes(quoted: string): Uint8Array {
  const text = quoted.trimEnd();
  const quote = text.charAt(0);
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) {
    throw new Error('a text has no quotes around it');
  }
  const bytes = new Uint8Array(text.length);
  let length = 0;
  const escaped = /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|([\s\S]))/y;
  for (let at = 1; at < text.length - 1; ) {
    escaped.lastIndex = at;
    const found = text.charAt(at) === '\\' ? escaped.exec(text) : null;
    if (found === null) {
      bytes[length++] = text.charCodeAt(at);
      at += 1;
      continue;
    }
    const [whole, hex, octal, letter = ''] = found;
    at += whole.length;
    const known = escapes[letter];
    if (hex !== undefined) bytes[length++] = Number.parseInt(hex, 16);
    else if (octal !== undefined) bytes[length++] = Number.parseInt(octal, 8);
    else if (known !== undefined) bytes[length++] = known;
    else if (letter === 'x') throw new Error('a text has an escape that is cut off');
    else {
      bytes[length++] = 0x5c;
      bytes[length++] = letter.charCodeAt(0);
    }
  }
  return bytes.subarray(0, length);
}

/** Python's raw-unicode-escape: `\uXXXX` and `\UXXXXXXXX` stand for characters, all else for itself. */
export function rawUnicode(line: string): string {
  return line.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g,
    (whole: string, short?: string, long?: string, other?: string) => {
      if (other === 'u' || other === 'U') throw new Error('a text has an escape that is cut off');
      if (other !== undefined) return whole;
      const code = Number.parseInt(short ?? long ?? '', 16);
      if (code > 0x10ffff) throw new Error('a text has a character that does not exist');
      return String.fromCodePoint(code);
    },
  );
}

/** A number where it is exact, else bigint. */
export function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function parseInteger(text: string): number | bigint {
  const digits = text.trim();
  if (!/^[+-]?\d+$/.test(digits)) throw new Error(`"${digits.slice(0, 20)}" is no number`);
  if (digits.length > longestNumber) throw new Error(`a number has ${digits.length} digits`);
  return narrowed(BigInt(digits.replace('+', '')));
}

/** As Python's `repr` writes it: `0.1`, `1e+300`, `-inf`, `nan`. */
export function parseFloatText(text: string): number {
  const word = text.trim();
  const special: Readonly<Record<string, number>> = {
    inf: Number.POSITIVE_INFINITY,
    '-inf': Number.NEGATIVE_INFINITY,
    nan: Number.NaN,
  };
  const known = special[word];
  if (known !== undefined) return known;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word))
    throw new Error(`"${word.slice(0, 20)}" is no number`);
  return Number(word);
}
