import { plural } from '../plural';

export const polygon = {
  hint: 'Enter closes · Backspace takes the last corner back · Esc cancels',
  more: (points: number) => `${plural(points, 'corner', 'corners')}, three are needed`,
  empty: 'The polygon covers no pixel.',
  emptyHint: 'Draw it larger or zoom in.',
};
