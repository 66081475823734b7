/**
 * Whether an image file ends as its format says. A file that was cut off while it was copied has a sound header, so
 * that it looks good until its pixels are needed; telling by the end costs nothing where the whole file is read anyway.
 */

/** How much of a file's end is needed. */
export const endLength = 4096;

const has = (end: Uint8Array, bytes: readonly number[]): boolean => {
  for (let start = end.length - bytes.length; start >= 0; start -= 1) {
    if (bytes.every((byte, index) => end[start + index] === byte)) return true;
  }
  return false;
};

/** Ends of formats that have one. Files may carry other data behind it, so it is looked for, not expected last. */
const marks: ReadonlyMap<string, readonly number[]> = new Map([
  ['image/jpeg', [0xff, 0xd9]],
  ['image/png', [0x49, 0x45, 0x4e, 0x44]],
  ['image/gif', [0x3b]],
]);

/** True when a file may be cut off: its end mark is missing. `end`: the last `endLength` bytes, or all of them. */
export function mayBeCutOff(mime: string, end: Uint8Array): boolean {
  const mark = marks.get(mime);
  return mark !== undefined && !has(end, mark);
}
