import { plural } from '../plural';

export const history = {
  /** The engine's label of a step; a turn has no words of its own. */
  mark: (label: string) => (label === 'turn' ? 'a turn' : label),
  undone: (what: string) => `Undone: ${what}`,
  redone: (what: string) => `Done again: ${what}`,
  onImage: (name: string) => `It was on ${name}, which is shown now.`,
  onImages: (images: number) => `It was on ${plural(images, 'image', 'images')}.`,
};
