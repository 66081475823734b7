/** The things and words of ReasonScenes. */

import { hashText } from '../random';

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
 * What can be said of kinds without naming them. A query puts one of `wordings` around a property. `novel` phrases are
 * of words that no training text has: they are asked in the split `novel` alone, of models that know the world.
 */
export const knowledge: readonly { kinds: readonly Kind[]; properties: readonly string[]; novel: string }[] =
  [
    {
      kinds: ['cup', 'bottle'],
      properties: ['holds a drink', 'is made to drink from', 'helps against thirst'],
      novel: 'what a parched guest reaches for',
    },
    {
      kinds: ['key'],
      properties: ['opens a door', 'fits a lock', 'is turned to get in'],
      novel: 'what is missing when nobody comes home',
    },
    {
      kinds: ['lamp'],
      properties: ['gives light', 'makes a dark room bright', 'is switched on at night'],
      novel: 'what a reader needs after sunset',
    },
    {
      kinds: ['fish'],
      properties: ['lives in water', 'swims without legs', 'is caught with a hook'],
      novel: 'what an angler hopes for',
    },
    {
      kinds: ['bird'],
      properties: ['can fly by itself', 'builds a nest', 'sings in the morning'],
      novel: 'the feathered animal',
    },
    {
      kinds: ['car'],
      properties: ['drives on a road', 'has four wheels', 'needs a place to park'],
      novel: 'what a mechanic repairs',
    },
    {
      kinds: ['boat'],
      properties: ['carries people over a lake', 'sails in the wind', 'lies in a harbour'],
      novel: 'what a captain steers',
    },
    {
      kinds: ['umbrella'],
      properties: ['keeps the rain off', 'is opened in bad weather', 'helps against getting wet'],
      novel: 'what to take along under grey clouds',
    },
    {
      kinds: ['chair'],
      properties: ['is made to sit on', 'lets a tired person rest', 'stands at a table'],
      novel: 'what is offered to a visitor on their feet',
    },
    {
      kinds: ['scissors'],
      properties: ['cuts paper', 'has two blades', 'is used by a tailor'],
      novel: 'what a barber works with',
    },
    {
      kinds: ['book'],
      properties: ['has many pages', 'is made to be read', 'stands on a shelf'],
      novel: 'what a library lends',
    },
    {
      kinds: ['apple'],
      properties: ['is a fruit', 'tastes sweet', 'grows in an orchard'],
      novel: 'what keeps the doctor away',
    },
    {
      kinds: ['house'],
      properties: ['has rooms and a roof', 'is where a family lives', 'is a building'],
      novel: 'what an architect plans',
    },
    {
      kinds: ['hat'],
      properties: ['is worn on the head', 'keeps the sun off the face', 'is taken off as a greeting'],
      novel: 'what a gentleman lifts when he meets somebody',
    },
    {
      kinds: ['ball'],
      properties: ['is kicked in a game', 'bounces on the floor', 'rolls away on its own'],
      novel: 'what two teams run after',
    },
    {
      kinds: ['tree'],
      properties: ['gives shade in a park', 'has a trunk', 'is the tallest plant'],
      novel: 'what a lumberjack fells',
    },
    {
      kinds: ['mushroom'],
      properties: ['grows in a wood without flowers', 'has a cap and a stem', 'may be poisonous'],
      novel: 'what belongs to the fungi',
    },
    {
      kinds: ['flower'],
      properties: ['is visited by a bee', 'smells in the garden', 'belongs in a vase'],
      novel: 'what a florist sells',
    },
    {
      kinds: ['leaf'],
      properties: ['falls in autumn', 'is eaten by a caterpillar', 'turns brown when it dries'],
      novel: 'what is raked up in October',
    },
  ];

/** How a property is asked for. */
export const wordings = ['what', 'the one that', 'something that', 'the thing that'] as const;
export type Wording = (typeof wordings)[number];

/** True for the one in four pairs of wording and property that no training scene asks. */
export function isHeldOutWording(wording: Wording, property: string): boolean {
  return hashText(`${wording} ${property}`) % 4 === 0;
}

/** Plural of a kind: "scissors" is one already. */
export function pluralOf(kind: Kind): string {
  if (kind === 'scissors' || kind === 'fish') return kind;
  if (kind === 'leaf') return 'leaves';
  return `${kind}s`;
}
