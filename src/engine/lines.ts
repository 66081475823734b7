import { createReadStream } from 'node:fs';

/** One line of a file, without its line feed. */
export interface FileLine {
  text: string;
  /** Bytes of the file before the line. */
  start: number;
  /** Bytes of the line. */
  length: number;
  /** False for a last line that no line feed ends. */
  complete: boolean;
}

/**
 * The lines of a file of any size, read as they are asked for. Only a line feed ends a line: node:readline would also
 * break JSON in two at U+2028.
 */
export async function* readLines(file: string): AsyncGenerator<FileLine, void> {
  let parts: Buffer[] = [];
  let start = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    let rest: Buffer = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, end)]);
      parts = [];
      yield { text: line.toString('utf8'), start, length: line.length, complete: true };
      start += line.length + 1;
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) parts.push(rest);
  }
  const last = Buffer.concat(parts);
  if (last.length > 0) yield { text: last.toString('utf8'), start, length: last.length, complete: false };
}
