/**
 * Category colours that stay apart for people with colour-blindness: Okabe and Ito's set without black, followed by
 * Paul Tol's "muted". Repeats after the last; a category's name is always shown beside its colour.
 */
export const palette = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#f0e442',
  '#882255',
  '#44aa99',
  '#332288',
  '#ddcc77',
  '#117733',
  '#aa4499',
  '#88ccee',
  '#999933',
  '#cc6677',
] as const;

/** A colour of the palette by any whole number: neighbours differ. */
export function paletteColor(index: number): string {
  return palette[Math.abs(Math.trunc(index)) % palette.length] ?? palette[0];
}

/** A colour for a new category: the first of the palette that none of the others has, else the next in turn. */
export function freeColor(taken: readonly string[]): string {
  return palette.find((color) => !taken.includes(color)) ?? paletteColor(taken.length);
}
