/** Colours and class lists of index masks, as Pascal VOC and its tools have them. */

export type Rgb = readonly [number, number, number];

/** Pascal VOC's colour of an index 0..255: black, dark red, dark green, … */
export function vocColor(index: number): Rgb {
  const color: [number, number, number] = [0, 0, 0];
  let rest = index;
  for (let bit = 7; bit >= 0; bit -= 1) {
    for (const channel of [0, 1, 2] as const) color[channel] |= ((rest >> channel) & 1) << bit;
    rest >>= 3;
  }
  return color;
}

/** The class of each value of a mask; `color` where the masks are painted in colours. */
export interface MaskClass {
  value: number;
  name: string;
  color: Rgb | null;
}

/** `name:r,g,b::` a line, the first one is value 0. A name must hold neither a colon nor a line break. */
export function labelMapText(names: readonly string[]): string {
  const lines = names.map((name, value) => `${name}:${vocColor(value).join(',')}::`);
  return `# label:color_rgb:parts:actions\n${lines.join('\n')}\n`;
}

/** Names of what is no class: readers take such pixels for empty. */
export const isBackgroundName = (name: string): boolean => /^(background|void|ignore)$/i.test(name.trim());

/** A class name that a label map can hold; a class that is called as the background is gets an underscore. */
export function labelMapName(name: string): string {
  const held = name.replace(/[:#\r\n]+/g, '_').trim() || '_';
  return isBackgroundName(held) ? `${held}_` : held;
}

/**
 * Reads a list of classes: `name:r,g,b::` (label map of VOC and CVAT), `value name`, `value: name`, `value,name`, or
 * plain names where the first line is value 0. Empty lines and lines that begin with `#` are left out.
 */
export function parseMaskClasses(text: string): MaskClass[] {
  const lines = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const numbered = lines.every((line) => /^\d+\s*[\s:,;=]\s*\S/.test(line));
  return lines.map((line, index) => {
    const map = /^(.*?):(\d+),(\d+),(\d+)(:.*)?$/.exec(line);
    if (map !== null)
      return { value: index, name: map[1] ?? '', color: [Number(map[2]), Number(map[3]), Number(map[4])] };
    const pair = numbered ? /^(\d+)\s*[\s:,;=]\s*(.*)$/.exec(line) : null;
    if (pair !== null) return { value: Number(pair[1]), name: (pair[2] ?? '').trim(), color: null };
    return { value: index, name: line, color: null };
  });
}
