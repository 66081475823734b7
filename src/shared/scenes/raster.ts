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

/** Which thing each pixel shows: what masks are made of. */
export type SceneIds = Omit<RenderedScene, 'rgb'>;

/** Draws a scene. The same scene gives the same bytes on every machine. */
export function renderScene(scene: Scene): RenderedScene {
  const { side } = scene;
  const fine = side * samples;
  const { ids } = drawIds(scene);
  const rgb = new Uint8Array(side * side * 3);
  const shapes = shapesOf(scene);
  // One row of pixels at a time: all samples of a picture are too many for a processor's cache.
  const rows = Array.from({ length: samples }, () => new Float32Array(fine * 3));
  const random = sceneRandom(scene.split, scene.seed, 'grain');
  for (let y = 0; y < side; y++) {
    for (const [dy, row] of rows.entries()) paintRow(scene, shapes, y * samples + dy, row);
    averageRow(rows, rgb.subarray(y * side * 3), () => (random() - 0.5) * scene.background.roughness);
  }
  return { width: side, height: side, rgb, ids };
}

/** The same things as {@link renderScene} draws, without the picture: many times as fast. */
export function drawIds(scene: Scene): SceneIds {
  const { side } = scene;
  const ids = new Uint8Array(side * side);
  const middle = Math.floor(samples / 2);
  for (const { id, ring, firstRow, lastRow } of shapesOf(scene)) {
    for (let y = Math.ceil((firstRow - middle) / samples); y * samples + middle <= lastRow; y++) {
      fillRow(ring, y * samples + middle, side * samples, (from, to) => {
        const first = y * side + Math.ceil((from - middle) / samples);
        ids.fill(id, first, Math.max(first, y * side + Math.ceil((to - middle) / samples)));
      });
    }
  }
  return { width: side, height: side, ids };
}

/** The visible pixels of one thing. */
export function objectMask(drawn: SceneIds, index: number): Bitmap {
  const mask = createBitmap(drawn.width, drawn.height);
  for (let i = 0; i < mask.data.length; i++) mask.data[i] = drawn.ids[i] === index + 1 ? 1 : 0;
  return mask;
}

/** A part of a thing, in its place. */
interface Shape {
  id: number;
  object: SceneObject;
  isMain: boolean;
  tone: Rgb;
  /** In pixels of the picture. */
  ring: number[];
  /** Of samples, the last one included; none where it is less than the first. */
  firstRow: number;
  lastRow: number;
}

/** In the order in which they are painted. */
function shapesOf({ objects, side }: Scene): Shape[] {
  return objects.flatMap((object, index) =>
    drawings[object.kind].map((part) => {
      const ring = placed(part, object);
      const ys = ring.filter((_, i) => i % 2 === 1);
      return {
        id: index + 1,
        object,
        isMain: part.tone === 'main',
        tone: toneOf(part.tone, colours[object.colour]),
        ring,
        firstRow: Math.max(0, Math.ceil(Math.min(...ys) * samples - 0.5)),
        lastRow: Math.min(side * samples - 1, Math.floor(Math.max(...ys) * samples - 0.5)),
      };
    }),
  );
}

/** @param row RGB of a row of samples */
function paintRow({ background, side }: Scene, shapes: readonly Shape[], y: number, row: Float32Array): void {
  const fine = side * samples;
  const { top, bottom, horizon } = background;
  const height = y / fine;
  const base = height < horizon ? mix(top, bottom, 0.3 * (height / horizon)) : bottom;
  for (let at = 0; at < row.length; at += 3) {
    row[at] = base[0];
    row[at + 1] = base[1];
    row[at + 2] = base[2];
  }
  for (const { object, isMain, tone, ring, firstRow, lastRow } of shapes) {
    if (y < firstRow || y > lastRow) continue;
    const v = ((y + 0.5) / samples - object.y) / object.radius;
    fillRow(ring, y, fine, (from, to) => {
      for (let x = from; x < to; x++) {
        // Light falls from the top left.
        const u = ((x + 0.5) / samples - object.x) / object.radius;
        const shade = (1 - 0.1 * (u + v)) * (isMain ? patternShade(object, u, v) : 1);
        row[x * 3] = tone[0] * shade;
        row[x * 3 + 1] = tone[1] * shade;
        row[x * 3 + 2] = tone[2] * shade;
      }
    });
  }
}

/** Averages the samples of each pixel of a row and adds the grain of the picture. */
function averageRow(rows: readonly Float32Array[], rgb: Uint8Array, grain: () => number): void {
  const width = (rows[0]?.length ?? 0) / (3 * samples);
  for (let x = 0; x < width; x++) {
    const added = grain();
    let red = 0;
    let green = 0;
    let blue = 0;
    // Sums of so few float32 are exact.
    for (const row of rows) {
      for (let at = x * 3 * samples; at < (x + 1) * 3 * samples; at += 3) {
        red += row[at]!;
        green += row[at + 1]!;
        blue += row[at + 2]!;
      }
    }
    rgb[x * 3] = byteOf(red / area + added);
    rgb[x * 3 + 1] = byteOf(green / area + added);
    rgb[x * 3 + 2] = byteOf(blue / area + added);
  }
}

const area = samples * samples;

const byteOf = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));

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

/** Calls back with the runs of a row of samples whose centres lie inside the ring (non-zero winding). */
function fillRow(
  ring: readonly number[],
  y: number,
  fine: number,
  run: (from: number, to: number) => void,
): void {
  const crossings = crossingsAt(ring, (y + 0.5) / samples);
  let winding = 0;
  for (const [index, crossing] of crossings.entries()) {
    winding += crossing.turn;
    const next = crossings[index + 1];
    if (winding === 0 || !next) continue;
    const from = Math.max(0, Math.ceil(crossing.x * samples - 0.5));
    const to = Math.min(fine, Math.ceil(next.x * samples - 0.5));
    if (to > from) run(from, to);
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
