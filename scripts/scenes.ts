import { once } from 'node:events';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bitmapArea, bitmapBox } from '@shared/mask/bitmap';
import { encodeMask } from '@shared/mask/rle';
import { queriesOf } from '@shared/scenes/queries';
import { objectMask, renderScene } from '@shared/scenes/raster';
import {
  makeDenseScene,
  makeScene,
  type Scene,
  sceneRandom,
  splits,
  zoomedScene,
} from '@shared/scenes/scene';
import sharp from 'sharp';
import { z } from 'zod';

const optionsSchema = z.object({
  split: z.enum(splits).default('train'),
  from: z.coerce.number().int().min(0).default(0),
  count: z.coerce.number().int().min(1).default(16),
  /** Share of scenes that are shown as a zoomed view around one of their things. */
  zoom: z.coerce.number().min(0).max(1).default(0),
  /** Scenes full of things, without queries. */
  dense: z.boolean().default(false),
  side: z.coerce.number().int().min(28).max(1024).default(336),
  out: z.string().optional(),
  stream: z.boolean().default(false),
});
type Options = z.output<typeof optionsSchema>;

/** The scene, or a window of two to six times a thing's size around that thing, which lies anywhere within. */
function viewOf(scene: Scene, zoom: number): Scene {
  const random = sceneRandom(scene.split, scene.seed, 'zoom');
  const object = scene.objects[Math.floor(random() * scene.objects.length)];
  if (random() >= zoom || !object) return scene;
  const { side } = scene;
  const width = Math.min(side, 2 * object.radius * (2 + 4 * random()));
  const place = (centre: number): number => {
    const start = centre - width / 2 + (random() - 0.5) * Math.max(0, width - 2.4 * object.radius);
    return Math.min(side - width, Math.max(0, start));
  };
  return zoomedScene(scene, { x: place(object.x), y: place(object.y), extent: width / side });
}

/** One scene as it is written: its things with visible boxes (px, half-open) and areas, and its queries. */
function sceneLine(seed: number, { split, side, zoom, dense }: Options) {
  const original = dense ? makeDenseScene(split, seed, side) : makeScene(split, seed, side);
  const scene = viewOf(original, zoom);
  const rendered = renderScene(scene);
  const masks = scene.objects.map((_, index) => objectMask(rendered, index));
  const areas = masks.map(bitmapArea);
  const objects = scene.objects.map(({ kind, colour, size }, index) => {
    const mask = masks[index];
    const box = mask ? bitmapBox(mask) : null;
    return {
      kind,
      colour,
      size,
      area: areas[index] ?? 0,
      box: box ? [box.x1, box.y1, box.x2, box.y2] : null,
    };
  });
  const isZoomed = scene !== original;
  return {
    rendered,
    masks,
    line: { split, seed, side, isZoomed, objects, queries: dense ? [] : queriesOf(scene, areas) },
  };
}

/**
 * `--stream`: for each scene the length of a JSON text (uint32, little endian), the text, then side² × 3 bytes RGB
 * and side² bytes of owners (1 + index of the thing, 0 for none).
 */
async function stream(options: Options): Promise<void> {
  const { from, count } = options;
  for (let seed = from; seed < from + count; seed++) {
    const { rendered, line } = sceneLine(seed, options);
    const text = Buffer.from(JSON.stringify(line), 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    const frame = Buffer.concat([length, text, rendered.rgb, rendered.ids]);
    if (!process.stdout.write(frame)) await once(process.stdout, 'drain');
  }
}

async function folder(out: string, options: Options): Promise<void> {
  const { split, from, count, side } = options;
  await mkdir(join(out, 'images'), { recursive: true });
  const lines = await open(join(out, 'scenes.jsonl'), 'w');
  for (let seed = from; seed < from + count; seed++) {
    const { rendered, masks, line } = sceneLine(seed, options);
    const image = `images/${split}-${seed}.png`;
    await sharp(rendered.rgb, { raw: { width: side, height: side, channels: 3 } }).toFile(join(out, image));
    const objects = line.objects.map((object, index) => {
      const mask = masks[index];
      return { ...object, mask: mask ? encodeMask(mask) : null };
    });
    await lines.write(`${JSON.stringify({ ...line, image, objects })}\n`);
  }
  await lines.close();
}

export async function scenes(args: readonly string[]): Promise<void> {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      split: string,
      from: string,
      count: string,
      side: string,
      zoom: string,
      dense: { type: 'boolean' },
      out: string,
      stream: { type: 'boolean' },
    },
  });
  const options = optionsSchema.parse(values);
  // A reader that has enough closes the pipe.
  process.stdout.on('error', () => process.exit(0));
  if (options.stream) await stream(options);
  else if (options.out !== undefined) await folder(options.out, options);
  else throw new Error('Say where to: --out DIR or --stream.');
}
