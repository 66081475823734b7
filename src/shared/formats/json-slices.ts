/**
 * The texts of the parts of a JSON text, unparsed: numbers keep the digits that the file has ("1.0", "702.10e1"), which
 * parsing and writing again would change.
 */

/** The members of an object's text in their order, values as they are written. Throws SyntaxError. */
export function rawMembers(text: string): { key: string; value: string }[] {
  const members: { key: string; value: string }[] = [];
  let at = skipSpace(text, 0);
  at = expect(text, at, '{');
  at = skipSpace(text, at);
  if (text[at] === '}') return members;
  for (;;) {
    const keyEnd = endOfValue(text, skipSpace(text, at));
    const key: unknown = JSON.parse(text.slice(skipSpace(text, at), keyEnd));
    if (typeof key !== 'string') throw new SyntaxError(`A key at ${at} is no text.`);
    const from = skipSpace(text, expect(text, skipSpace(text, keyEnd), ':'));
    const end = endOfValue(text, from);
    members.push({ key, value: text.slice(from, end) });
    at = skipSpace(text, end);
    if (text[at] === '}') return members;
    at = expect(text, at, ',');
  }
}

/** The elements of an array's text in their order, as they are written. Throws SyntaxError. */
export function rawElements(text: string): string[] {
  const elements: string[] = [];
  let at = skipSpace(text, expect(text, skipSpace(text, 0), '['));
  if (text[at] === ']') return elements;
  for (;;) {
    const from = skipSpace(text, at);
    const end = endOfValue(text, from);
    elements.push(text.slice(from, end));
    at = skipSpace(text, end);
    if (text[at] === ']') return elements;
    at = expect(text, at, ',');
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

function expect(text: string, at: number, character: string): number {
  if (text[at] === character) return at + 1;
  throw new SyntaxError(`Expected "${character}" at ${at} of a JSON text, found "${text[at] ?? 'its end'}".`);
}

/** Where the value that begins at `from` ends. Brackets are counted, what is in them is not checked. */
function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== '{' && first !== '[') {
    let at = from;
    while (at < text.length && !',]} \n\r\t:'.includes(text.charAt(at))) at += 1;
    if (at === from) throw new SyntaxError(`Expected a value at ${from} of a JSON text.`);
    return at;
  }
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
      continue;
    }
    if (code === 0x7b || code === 0x5b) depth += 1;
    else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    at += 1;
  }
  throw new SyntaxError(`A bracket at ${from} of a JSON text is left open.`);
}

function endOfString(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  while (at >= 0) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return at + 1;
    at = text.indexOf('"', at + 1);
  }
  throw new SyntaxError(`A text at ${from} of a JSON text is left open.`);
}
