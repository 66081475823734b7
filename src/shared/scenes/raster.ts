import { type Bitmap, createBitmap } from '../mask/bitmap';
import { drawings, type Part, type Tone } from './drawings';
import { type Rgb, type Scene, type SceneObject, sceneRandom } from './scene';
import { colours } from './vocabulary';

/** A drawn scene. */
export interface RenderedScene {
  width: number;
  height: number;
  /** Row-major RGB, 3 bytes a pixel. */
  rgb: Uint8Array;
  /** For every pixel the number of the thing whose colour its centre has: 1 + index in `scene.objects`, else 0. */
  ids: Uint8Array;
}

/** Samples a pixel and axis. Odd, so that the middle one lies on the pixel's centre and decides whose pixel it is. */
const samples = 3;

const fixedTones: Record<Exclude<Tone, 'main' | 'light' | 'dark'>, Rgb> = {
  wood: [124, 82, 46],
  metal: [160, 166, 174],
  glass: [178, 214, 232],
  night: [34, 34, 40],
  glow: [250, 214, 92],
  leafy: [74, 140, 60],
};

function toneOf(tone: Tone, own: Rgb): Rgb {
  if (tone === 'main') return own;
  if (tone === 'light') return mix(own, [255, 255, 255], 0.55);
  if (tone === 'dark') return mix(own, [0, 0, 0], 0.35);
  return fixedTones[tone];
}

const mix = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** Draws a scene. The same scene gives the same bytes on every machine. */
export function renderScene(scene: Scene): RenderedScene {
  const { side } = scene;
  const fine = side * samples;
  const colour = new Float32Array(fine * fine * 3);
  const owner = new Uint8Array(fine * fine);
  paintBackground(scene, colour, fine);
  for (const [index, object] of scene.objects.entries()) paintObject(object, index + 1, colour, owner, fine);
  return reduce(scene, colour, owner);
}

/** The visible pixels of one thing. */
export function objectMask(rendered: RenderedScene, index: number): Bitmap {
  const mask = createBitmap(rendered.width, rendered.height);
  for (let i = 0; i < mask.data.length; i++) mask.data[i] = rendered.ids[i] === index + 1 ? 1 : 0;
  return mask;
}

function paintBackground(scene: Scene, colour: Float32Array, fine: number): void {
  const { top, bottom, horizon } = scene.background;
  for (let y = 0; y < fine; y++) {
    const height = y / fine;
    const base = height < horizon ? mix(top, bottom, 0.3 * (height / horizon)) : bottom;
    for (let x = 0; x < fine; x++) {
      const at = (y * fine + x) * 3;
      colour[at] = base[0];
      colour[at + 1] = base[1];
      colour[at + 2] = base[2];
    }
  }
}

function paintObject(
  object: SceneObject,
  id: number,
  colour: Float32Array,
  owner: Uint8Array,
  fine: number,
): void {
  const own: Rgb = colours[object.colour];
  for (const part of drawings[object.kind]) {
    const ring = placed(part, object);
    fillRing(ring, fine, (y, from, to) => {
      const tone = toneOf(part.tone, own);
      for (let x = from; x < to; x++) {
        // Light falls from the top left.
        const u = ((x + 0.5) / samples - object.x) / object.radius;
        const v = ((y + 0.5) / samples - object.y) / object.radius;
        const shade = (1 - 0.1 * (u + v)) * (part.tone === 'main' ? patternShade(object, u, v) : 1);
        const at = y * fine + x;
        owner[at] = id;
        colour[at * 3] = tone[0] * shade;
        colour[at * 3 + 1] = tone[1] * shade;
        colour[at * 3 + 2] = tone[2] * shade;
      }
    });
  }
}

function patternShade(object: SceneObject, u: number, v: number): number {
  if (object.pattern === 'striped') return Math.floor((u + v + 4) * 3) % 2 === 0 ? 1 : 0.8;
  if (object.pattern === 'dotted') {
    const du = ((u + 4) * 3) % 1;
    const dv = ((v + 4) * 3) % 1;
    return (du - 0.5) ** 2 + (dv - 0.5) ** 2 < 0.08 ? 0.76 : 1;
  }
  return 1;
}

/** A part's ring in pixels of the picture. */
function placed({ ring }: Part, object: SceneObject): number[] {
  const cos = Math.cos((object.angle * Math.PI) / 180) * object.radius;
  const sin = Math.sin((object.angle * Math.PI) / 180) * object.radius;
  const points: number[] = [];
  for (let i = 0; i < ring.length; i += 2) {
    const x = (ring[i] ?? 0) * (object.flipped ? -1 : 1);
    const y = ring[i + 1] ?? 0;
    points.push(object.x + x * cos - y * sin, object.y + x * sin + y * cos);
  }
  return points;
}

/** Calls back with the runs of samples whose centres lie inside the ring (non-zero winding). */
function fillRing(
  ring: readonly number[],
  fine: number,
  run: (y: number, from: number, to: number) => void,
): void {
  let top = Number.POSITIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < ring.length; i += 2) {
    top = Math.min(top, ring[i] ?? 0);
    bottom = Math.max(bottom, ring[i] ?? 0);
  }
  const firstRow = Math.max(0, Math.ceil(top * samples - 0.5));
  const lastRow = Math.min(fine - 1, Math.floor(bottom * samples - 0.5));
  for (let y = firstRow; y <= lastRow; y++) {
    const crossings = crossingsAt(ring, (y + 0.5) / samples);
    let winding = 0;
    for (const [index, crossing] of crossings.entries()) {
      winding += crossing.turn;
      const next = crossings[index + 1];
      if (winding === 0 || !next) continue;
      const from = Math.max(0, Math.ceil(crossing.x * samples - 0.5));
      const to = Math.min(fine, Math.ceil(next.x * samples - 0.5));
      if (to > from) run(y, from, to);
    }
  }
}

function crossingsAt(ring: readonly number[], y: number): { x: number; turn: number }[] {
  const crossings: { x: number; turn: number }[] = [];
  let x1 = ring.at(-2) ?? 0;
  let y1 = ring.at(-1) ?? 0;
  for (let i = 0; i < ring.length; i += 2) {
    const x2 = ring[i] ?? 0;
    const y2 = ring[i + 1] ?? 0;
    if (y1 <= y !== y2 <= y) {
      crossings.push({ x: x1 + ((y - y1) * (x2 - x1)) / (y2 - y1), turn: y2 > y1 ? 1 : -1 });
    }
    x1 = x2;
    y1 = y2;
  }
  return crossings.sort((a, b) => a.x - b.x);
}

/** Averages the samples of each pixel and adds the grain of the picture. */
function reduce(scene: Scene, colour: Float32Array, owner: Uint8Array): RenderedScene {
  const { side } = scene;
  const fine = side * samples;
  const rgb = new Uint8Array(side * side * 3);
  const ids = new Uint8Array(side * side);
  const random = sceneRandom(scene.split, scene.seed, 'grain');
  const middle = Math.floor(samples / 2);
  const area = samples * samples;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const grain = (random() - 0.5) * scene.background.roughness;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let dy = 0; dy < samples; dy++) {
          const row = ((y * samples + dy) * fine + x * samples) * 3 + channel;
          for (let dx = 0; dx < samples; dx++) sum += colour[row + dx * 3] ?? 0;
        }
        rgb[(y * side + x) * 3 + channel] = Math.max(0, Math.min(255, Math.round(sum / area + grain)));
      }
      ids[y * side + x] = owner[(y * samples + middle) * fine + x * samples + middle] ?? 0;
    }
  }
  return { width: side, height: side, rgb, ids };
}
