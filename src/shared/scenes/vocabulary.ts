/** The things and words of ReasonScenes. */

export const kinds = [
  'apple',
  'ball',
  'bird',
  'boat',
  'book',
  'bottle',
  'car',
  'chair',
  'cup',
  'fish',
  'flower',
  'hat',
  'house',
  'key',
  'lamp',
  'leaf',
  'mushroom',
  'scissors',
  'tree',
  'umbrella',
] as const;
export type Kind = (typeof kinds)[number];

/** Colour words with the RGB of a thing in that colour under plain light, 0..255. */
export const colours = {
  red: [214, 48, 42],
  orange: [240, 138, 32],
  yellow: [240, 208, 48],
  green: [62, 160, 70],
  blue: [44, 98, 204],
  purple: [132, 66, 176],
  pink: [238, 132, 178],
  brown: [132, 84, 48],
  white: [240, 240, 236],
  black: [38, 38, 44],
} as const satisfies Record<string, readonly [number, number, number]>;
export type Colour = keyof typeof colours;
export const colourNames = Object.keys(colours).filter((name): name is Colour => name in colours);

export const sizes = ['small', 'large'] as const;
export type SceneSize = (typeof sizes)[number];

export const patterns = ['plain', 'striped', 'dotted'] as const;
export type Pattern = (typeof patterns)[number];

/** What each kind belongs to, for "the one that does not belong". */
export const families: Record<string, readonly Kind[]> = {
  'a plant': ['flower', 'leaf', 'mushroom', 'tree'],
  'an animal': ['bird', 'fish'],
  'a vehicle': ['boat', 'car'],
  'a household thing': ['book', 'bottle', 'chair', 'cup', 'key', 'lamp', 'scissors'],
  'something to wear or carry': ['hat', 'umbrella'],
};

/**
 * What can be said of kinds without naming them. The first phrases are for all splits, those of `held` are only
 * asked in `val` and `test`.
 */
export const knowledge: readonly { kinds: readonly Kind[]; phrases: readonly string[]; held: string }[] = [
  {
    kinds: ['cup', 'bottle'],
    phrases: ['something to drink from', 'what holds a drink'],
    held: 'what a thirsty guest reaches for',
  },
  {
    kinds: ['key'],
    phrases: ['what would open the door', 'something that fits a lock'],
    held: 'what is missing when the door stays shut',
  },
  {
    kinds: ['lamp'],
    phrases: ['what makes a dark room bright', 'something that gives light'],
    held: 'what to switch on in the evening',
  },
  {
    kinds: ['fish'],
    phrases: ['the one that lives in water', 'the swimmer without legs'],
    held: 'what an angler hopes for',
  },
  {
    kinds: ['bird'],
    phrases: ['the one that can fly by itself', 'what builds a nest'],
    held: 'the singer with wings',
  },
  {
    kinds: ['car'],
    phrases: ['what drives on a road', 'something with wheels'],
    held: 'what needs a place to park',
  },
  {
    kinds: ['boat'],
    phrases: ['what carries people over a lake', 'something that sails'],
    held: 'what lies in a harbour',
  },
  {
    kinds: ['umbrella'],
    phrases: ['what keeps the rain off', 'something to open in bad weather'],
    held: 'what helps against getting wet',
  },
  {
    kinds: ['chair'],
    phrases: ['something to sit on', 'where a tired person rests'],
    held: 'what is offered to a guest who stands',
  },
  {
    kinds: ['scissors'],
    phrases: ['what cuts paper', 'the tool with two blades'],
    held: 'what a tailor uses on cloth',
  },
  {
    kinds: ['book'],
    phrases: ['something to read', 'what has many pages'],
    held: 'what a library lends',
  },
  {
    kinds: ['apple'],
    phrases: ['the fruit', 'something sweet to bite into'],
    held: 'what keeps the doctor away',
  },
  {
    kinds: ['house'],
    phrases: ['where a family lives', 'the building'],
    held: 'what has rooms and a roof',
  },
  {
    kinds: ['hat'],
    phrases: ['what is worn on the head', 'something against the sun for the head'],
    held: 'what is taken off as a greeting',
  },
  {
    kinds: ['ball'],
    phrases: ['the toy that bounces', 'what is kicked in a game'],
    held: 'what two teams run after',
  },
  {
    kinds: ['tree'],
    phrases: ['what gives shade in a park', 'the tallest plant'],
    held: 'where a nest could be built',
  },
  {
    kinds: ['mushroom'],
    phrases: ['what grows in a wood without flowers', 'the one with a cap and a stem'],
    held: 'what one should not eat without knowing it',
  },
  {
    kinds: ['flower'],
    phrases: ['what a bee would visit', 'a gift from the garden'],
    held: 'what belongs in a vase',
  },
];

/** Plural of a kind: "scissors" is one already. */
export function pluralOf(kind: Kind): string {
  if (kind === 'scissors' || kind === 'fish') return kind;
  if (kind === 'leaf') return 'leaves';
  return `${kind}s`;
}
