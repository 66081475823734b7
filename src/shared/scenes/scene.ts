import { hashText, pick, seededRandom } from '../random';
import type { Colour, Kind, Pattern, SceneSize } from './vocabulary';
import { colourNames, kinds, patterns } from './vocabulary';

export const splits = ['train', 'val', 'test', 'novel'] as const;
export type SceneSplit = (typeof splits)[number];

/** One thing of a scene; the picture's pixels are the frame. */
export interface SceneObject {
  kind: Kind;
  colour: Colour;
  size: SceneSize;
  pattern: Pattern;
  /** Centre, px. */
  x: number;
  y: number;
  /** Half of the side of the thing's frame, px. */
  radius: number;
  /** Clockwise, degrees. */
  angle: number;
  /** Mirrored left to right. */
  flipped: boolean;
}

/** A picture before it is drawn: later things stand in front of earlier ones. */
export interface Scene {
  split: SceneSplit;
  /** Makes the same scene again. */
  seed: number;
  /** Side of the square picture, px. */
  side: number;
  background: { top: Rgb; bottom: Rgb; roughness: number; horizon: number };
  objects: SceneObject[];
}
export type Rgb = readonly [number, number, number];

/** Number of things in a scene. */
const fewest = 3;
const most = 7;

/** Radii of things as shares of the picture's side. */
const radii = { small: [0.045, 0.075], large: [0.12, 0.19] } as const;

/** Things that a dense scene tries to find room for. */
const denseAttempts = 30;

/** How far things may cover each other, as a share of the smaller one's frame. */
const overlapAllowed = 0.22;

/** True for the one in six pairs of kind and colour that no training scene shows. */
export function isHeldOut(kind: Kind, colour: Colour): boolean {
  return hashText(`${colour} ${kind}`) % 6 === 0;
}

/** A number generator of a scene, apart for each purpose so that a change of one leaves the others alone. */
export function sceneRandom(split: SceneSplit, seed: number, purpose: string): () => number {
  return seededRandom(hashText(`reasonscenes ${split} ${seed} ${purpose}`));
}

const between = (random: () => number, low: number, high: number): number => low + (high - low) * random();

/**
 * A scene of ReasonScenes. Splits share no seed; in all but `train` nearly three scenes of four hold a pair of kind and
 * colour that training never shows.
 *
 * @param side side of the picture, px; the same seed gives the same scene at any side
 */
export function makeScene(split: SceneSplit, seed: number, side = 336): Scene {
  const random = sceneRandom(split, seed, 'scene');
  const light = between(random, 120, 225);
  const tint = (): number => between(random, -26, 26);
  const background = {
    top: [light + tint(), light + tint(), light + tint()] as const,
    bottom: [light - 35 + tint(), light - 35 + tint(), light - 35 + tint()] as const,
    roughness: between(random, 2, 14),
    horizon: between(random, 0.3, 0.75),
  };
  const count = fewest + Math.floor(random() * (most - fewest + 1));
  const looks = lookalikes(split, random, count);
  const objects: SceneObject[] = [];
  for (const { kind, colour } of looks) {
    const size: SceneSize = random() < 0.45 ? 'small' : 'large';
    const [least, greatest] = radii[size];
    const placed = place(random, objects, { kind, colour, size, radius: between(random, least, greatest) });
    if (placed) objects.push(placed);
  }
  return inFront({ split, seed, side, background, objects });
}

/**
 * A scene full of things of all sizes that whole and zoomed views show, for a network that learns to see: many times
 * the things of a scene to learn from. It has few queries with one right answer.
 */
export function makeDenseScene(split: SceneSplit, seed: number, side: number): Scene {
  const { background } = makeScene(split, seed, side);
  const random = sceneRandom(split, seed, 'dense');
  const greatest = Math.exp(between(random, Math.log(0.07), Math.log(0.22)));
  const objects: SceneObject[] = [];
  for (let attempt = 0; attempt < denseAttempts; attempt++) {
    const [kind, colour] = [pick(random, kinds), pick(random, colourNames)];
    const radius = Math.exp(between(random, Math.log(radii.small[0]), Math.log(greatest)));
    if (split === 'train' && isHeldOut(kind, colour)) continue;
    const size = radius < radii.large[0] ? 'small' : 'large';
    const placed = place(random, objects, { kind, colour, size, radius });
    if (placed) objects.push(placed);
  }
  return inFront({ split, seed, side, background, objects });
}

/** Things that stand lower in the picture stand in front; from a side of 1 to the scene's. */
function inFront(scene: Scene): Scene {
  const { objects, side } = scene;
  const sorted = objects.toSorted((a, b) => a.y + a.radius - (b.y + b.radius));
  return { ...scene, objects: sorted.map((object) => scaled(object, side)) };
}

/** Kinds and colours of the things: some share the kind, some the colour, so that queries have to tell them apart. */
function lookalikes(
  split: SceneSplit,
  random: () => number,
  count: number,
): { kind: Kind; colour: Colour }[] {
  const wantsHeldOut = split !== 'train' && random() < 0.5;
  const looks: { kind: Kind; colour: Colour }[] = [];
  while (looks.length < count) {
    const model = looks.length > 0 && random() < 0.55 ? pick(random, looks) : null;
    const kind = model && random() < 0.6 ? model.kind : pick(random, kinds);
    const colour = model && random() < 0.4 ? model.colour : pick(random, colourNames);
    const mustBeHeld = wantsHeldOut && looks.length === 0;
    if (isHeldOut(kind, colour) !== mustBeHeld && (split === 'train' || mustBeHeld)) continue;
    looks.push({ kind, colour });
  }
  return looks;
}

/** A thing in a picture of side 1, or null when there is no room left. */
function place(
  random: () => number,
  others: readonly SceneObject[],
  look: Pick<SceneObject, 'kind' | 'colour' | 'size' | 'radius'>,
): SceneObject | null {
  const { radius } = look;
  const angle = between(random, -18, 18);
  const flipped = random() < 0.5;
  const pattern: Pattern = random() < 0.6 ? 'plain' : pick(random, patterns);
  for (let attempt = 0; attempt < 40; attempt++) {
    const x = between(random, radius, 1 - radius);
    const y = between(random, radius, 1 - radius);
    const clear = others.every((other) => shared(x, y, radius, other) <= overlapAllowed);
    if (clear) return { ...look, pattern, x, y, angle, flipped };
  }
  return null;
}

/** How much of the smaller frame two frames share, 0..1. */
function shared(x: number, y: number, radius: number, other: SceneObject): number {
  const reach = radius + other.radius;
  const width = Math.min(reach - Math.abs(x - other.x), 2 * Math.min(radius, other.radius));
  const height = Math.min(reach - Math.abs(y - other.y), 2 * Math.min(radius, other.radius));
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (2 * Math.min(radius, other.radius)) ** 2;
}

/**
 * The scene as a zoomed view of the same side shows it: `extent` is the window's share of the side, `x` and `y` its
 * top left corner, px. Things outside of the window stay in the list.
 */
export function zoomedScene(scene: Scene, window: { x: number; y: number; extent: number }): Scene {
  const objects = scene.objects.map((object) => ({
    ...object,
    x: (object.x - window.x) / window.extent,
    y: (object.y - window.y) / window.extent,
    radius: object.radius / window.extent,
  }));
  return { ...scene, objects };
}

function scaled(object: SceneObject, side: number): SceneObject {
  return { ...object, x: object.x * side, y: object.y * side, radius: object.radius * side };
}
