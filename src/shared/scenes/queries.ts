import { pick } from '../random';
import { fullName, uniqueName } from './names';
import { type Scene, type SceneObject, type SceneSplit, sceneRandom } from './scene';
import {
  type Colour,
  colourNames,
  families,
  isHeldOutWording,
  type Kind,
  kinds,
  knowledge,
  pluralOf,
  wordings,
} from './vocabulary';

/** `referring`: by looks and place. `reasoning`: by what things are for. `several`, `none`: more targets, no target. */
export const queryKinds = ['referring', 'reasoning', 'several', 'none'] as const;
export type QueryKind = (typeof queryKinds)[number];

export interface SceneQuery {
  kind: QueryKind;
  text: string;
  /** Indices in `scene.objects`; empty when nothing matches. */
  targets: number[];
  /** What it names, without an article: "red cup", "cups", "red things". */
  noun: string;
}

/**
 * All queries that can be asked of a scene with one right answer, in a fixed order. `visible` is the number of
 * pixels of each thing: what is hidden for the most part is never asked for.
 */
export function queriesOf(scene: Scene, visible: readonly number[]): SceneQuery[] {
  const shown = scene.objects.flatMap((object, index) => {
    const frame = (2 * object.radius) ** 2;
    return (visible[index] ?? 0) >= Math.max(30, 0.12 * frame) ? [{ object, index }] : [];
  });
  // A thing that can hardly be seen makes "the only cup" ambiguous, so uniqueness is judged among all.
  const context: Context = { all: scene.objects, shown, split: scene.split };
  const queries = [
    ...byLooks(context),
    ...byPlace(context),
    ...byKnowledge(context),
    ...byFamily(context),
    ...several(context),
    ...none(context, sceneRandom(scene.split, scene.seed, 'none')),
  ];
  const texts = new Set<string>();
  return queries.filter(({ text }) => !texts.has(text) && texts.add(text));
}

/**
 * One query of a scene, kinds in the proportion 5 : 3 : 1 : 1 as far as the scene offers them; in `novel` reasoning
 * alone.
 */
export function queryOf(scene: Scene, visible: readonly number[]): SceneQuery {
  const random = sceneRandom(scene.split, scene.seed, 'query');
  const queries = queriesOf(scene, visible);
  const draw = random();
  const usual = draw < 0.5 ? 'referring' : draw < 0.8 ? 'reasoning' : draw < 0.9 ? 'several' : 'none';
  const wanted: QueryKind = scene.split === 'novel' ? 'reasoning' : usual;
  const matching = queries.filter(({ kind }) => kind === wanted);
  return pick(random, matching.length > 0 ? matching : queries);
}

interface Shown {
  object: SceneObject;
  index: number;
}

interface Context {
  all: readonly SceneObject[];
  shown: readonly Shown[];
  split: SceneSplit;
}

/** One thing, asked for by looks or place; where nothing else tells it from others its noun is the query's. */
function referring(text: string, { object, index }: Shown, { all }: Context): SceneQuery {
  const noun = uniqueName(object, all) ?? text.replace(/^the /, '');
  return { kind: 'referring', text, targets: [index], noun };
}

function byLooks(context: Context): SceneQuery[] {
  const { all, shown } = context;
  return shown.flatMap((thing) => {
    const { kind, colour, size } = thing.object;
    const sameKind = all.filter((other) => other.kind === kind);
    const same = sameKind.filter((other) => other.colour === colour);
    if (sameKind.length === 1) {
      return [referring(`the ${kind}`, thing, context), referring(`the ${colour} ${kind}`, thing, context)];
    }
    if (same.length === 1) return [referring(`the ${colour} ${kind}`, thing, context)];
    const sameSize = same.filter((other) => other.size === size);
    return sameSize.length === 1 ? [referring(`the ${size} ${colour} ${kind}`, thing, context)] : [];
  });
}

/** How much further apart than the other way two things must be, in radii, for a side to be clear. */
const clearly = 0.8;

function byPlace(context: Context): SceneQuery[] {
  const { all, shown } = context;
  const queries: SceneQuery[] = [];
  for (const kind of kinds) {
    const same = shown.filter(({ object }) => object.kind === kind);
    if (same.length < 2 || all.filter((object) => object.kind === kind).length !== same.length) continue;
    queries.push(...outermost(kind, same, context));
    for (const { object: other } of shown) {
      if (all.filter((each) => each.kind === other.kind).length !== 1) continue;
      for (const [words, isThere] of Object.entries(relations)) {
        const there = same.filter(({ object }) => isThere(object, other));
        const unclear = same.filter(
          ({ object }) => !isThere(object, other) && !opposite(words, object, other),
        );
        const only = there[0];
        if (only && there.length === 1 && unclear.length === 0) {
          queries.push(referring(`the ${kind} ${words} the ${other.kind}`, only, context));
        }
      }
    }
  }
  return queries;
}

const relations: Record<string, (object: SceneObject, other: SceneObject) => boolean> = {
  'left of': (object, other) => other.x - object.x > clearly * Math.max(object.radius, other.radius),
  'right of': (object, other) => object.x - other.x > clearly * Math.max(object.radius, other.radius),
  above: (object, other) => other.y - object.y > clearly * Math.max(object.radius, other.radius),
  below: (object, other) => object.y - other.y > clearly * Math.max(object.radius, other.radius),
};

const opposites: Record<string, string> = {
  'left of': 'right of',
  'right of': 'left of',
  above: 'below',
  below: 'above',
};

function opposite(words: string, object: SceneObject, other: SceneObject): boolean {
  return relations[opposites[words] ?? '']?.(object, other) ?? false;
}

function outermost(kind: Kind, same: readonly Shown[], context: Context): SceneQuery[] {
  const ends: [string, (object: SceneObject) => number][] = [
    ['leftmost', (object) => object.x],
    ['rightmost', (object) => -object.x],
    ['highest', (object) => object.y],
    ['lowest', (object) => -object.y],
  ];
  return ends.flatMap(([word, measure]) => {
    const [first, second] = [...same].sort((a, b) => measure(a.object) - measure(b.object));
    if (!first || !second) return [];
    const gap = measure(second.object) - measure(first.object);
    const enough = 0.5 * Math.max(first.object.radius, second.object.radius);
    return gap > enough ? [referring(`the ${word} ${kind}`, first, context)] : [];
  });
}

function byKnowledge({ all, shown, split }: Context): SceneQuery[] {
  return knowledge.flatMap((fact) => {
    const matching = all.filter(({ kind }) => fact.kinds.includes(kind));
    const target = shown.find(({ object }) => object === matching[0]);
    if (matching.length !== 1 || !target) return [];
    const phrases = split === 'novel' ? [fact.novel] : phrasesOf(fact.properties, split === 'train');
    return phrases.map((text) => reasoning(text, target, all));
  });
}

function reasoning(text: string, { object, index }: Shown, all: readonly SceneObject[]): SceneQuery {
  return { kind: 'reasoning', text, targets: [index], noun: uniqueName(object, all) ?? fullName(object) };
}

/** Every property in every wording; in training without the pairs that are held out. */
function phrasesOf(properties: readonly string[], isTraining: boolean): string[] {
  return properties.flatMap((property) =>
    wordings.flatMap((wording) =>
      isTraining && isHeldOutWording(wording, property) ? [] : [`${wording} ${property}`],
    ),
  );
}

function familyOf(kind: Kind): string | null {
  return Object.entries(families).find(([, members]) => members.includes(kind))?.[0] ?? null;
}

/** The odd one out: all the others are of one family, or of one kind. */
function byFamily({ all, shown }: Context): SceneQuery[] {
  if (all.length < 4) return [];
  for (const group of [familyOf, (kind: Kind): string => kind]) {
    const odd = shown.filter(({ object }) => {
      const others = all.filter((other) => other !== object).map(({ kind }) => group(kind));
      return others[0] !== null && new Set(others).size === 1 && group(object.kind) !== others[0];
    });
    const [only] = odd;
    if (only && odd.length === 1) {
      return [reasoning('the one that does not belong', only, all)];
    }
  }
  return [];
}

function several({ all, shown }: Context): SceneQuery[] {
  const groups = [
    ...kinds.map((kind) => ({
      text: `all ${pluralOf(kind)}`,
      noun: pluralOf(kind),
      belongs: (object: SceneObject) => object.kind === kind,
    })),
    ...colourNames.map((colour) => ({
      text: `everything ${colour}`,
      noun: `${colour} things`,
      belongs: (object: SceneObject) => object.colour === colour,
    })),
  ];
  return groups.flatMap(({ text, noun, belongs }) => {
    const targets = shown.filter(({ object }) => belongs(object)).map(({ index }) => index);
    if (targets.length < 2 || all.filter(belongs).length !== targets.length) return [];
    return [{ kind: 'several' as const, text, targets, noun }];
  });
}

/** Things that are not there though their colour and their kind are: nothing in the picture gives them away. */
function none({ all }: Context, random: () => number): SceneQuery[] {
  const has = (kind: Kind, colour: Colour): boolean =>
    all.some((object) => object.kind === kind && object.colour === colour);
  const crossed = all.flatMap(({ kind }) =>
    all.flatMap(({ colour }) => (has(kind, colour) ? [] : [`the ${colour} ${kind}`])),
  );
  const absent = kinds.filter((kind) => all.every((object) => object.kind !== kind));
  const texts = [...new Set([...crossed.slice(0, 2), `the ${pick(random, absent)}`])];
  return texts.map((text) => ({ kind: 'none', text, targets: [], noun: text.replace(/^the /, '') }));
}
