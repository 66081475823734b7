import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { page, section } from '@engine/evaluation/page';
import { escapeXml } from '@shared/evaluation/charts';
import { type Bitmap, bitmapArea, bitmapBox } from '@shared/mask/bitmap';
import { maskToPolygons, simplifyRing } from '@shared/mask/polygon';
import { queriesOf, queryKinds, queryOf, type SceneQuery } from '@shared/scenes/queries';
import { objectMask, renderScene } from '@shared/scenes/raster';
import { isHeldOut, makeScene, type SceneSplit, splits } from '@shared/scenes/scene';
import sharp from 'sharp';

const folder = resolve('docs/reason-scenes');
const side = 336;
/** Scenes of each split on the page, and those that the numbers are of. */
const shown = 24;
const counted = 500;
/** Of each kind so many queries a scene. */
const queriesOfKind = 2;
/** Side of the pictures on the page, px. */
const pictureSide = 208;

/** Writes index.html with its pictures, and prints what was counted of each split. */
export async function makeScenesPage(): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'images'), { recursive: true });
  const sections: string[] = [];
  for (const split of splits) {
    const figures: string[] = [];
    for (let seed = 0; seed < shown; seed++) figures.push(await figureOf(split, seed));
    sections.push(section(`Split ${split}`, `<div class="scenes">${figures.join('\n')}</div>`));
  }
  const lead = `<p>Point at a query, or go to it with Tab, to see its mask. ${shown} scenes of each split; reason-scenes.md explains the benchmark.</p>`;
  const html = page('ReasonScenes', { markup: lead }, sections)
    .replace('img-src data:', "img-src 'self'")
    .replace('</style>', `${styles()}</style>`);
  await writeFile(join(folder, 'index.html'), html);
  for (const split of splits) process.stdout.write(`${JSON.stringify(countsOf(split))}\n`);
}

function drawn(split: SceneSplit, seed: number) {
  const scene = makeScene(split, seed, side);
  const rendered = renderScene(scene);
  const masks = scene.objects.map((_, index) => objectMask(rendered, index));
  return { scene, rendered, masks, areas: masks.map(bitmapArea) };
}

async function figureOf(split: SceneSplit, seed: number): Promise<string> {
  const { scene, rendered, masks, areas } = drawn(split, seed);
  const name = `images/${split}-${seed}.webp`;
  await sharp(rendered.rgb, { raw: { width: side, height: side, channels: 3 } })
    .resize(pictureSide)
    .webp({ quality: 78 })
    .toFile(join(folder, name));
  const all = queriesOf(scene, areas);
  const queries = queryKinds.flatMap((kind) =>
    all.filter((query) => query.kind === kind).slice(0, queriesOfKind),
  );
  const outlines = queries.map((query, index) => `<path class="m${index}" d="${outlineOf(query, masks)}"/>`);
  const items = queries.map(
    ({ kind, text }, index) =>
      `<li class="q${index}" tabindex="0">${escapeXml(text)} <small>${kind}</small></li>`,
  );
  return `<figure><div class="picture"><img src="${name}" alt="scene ${split}-${seed}" width="${pictureSide}" height="${pictureSide}" loading="lazy"><svg viewBox="0 0 ${side} ${side}" aria-hidden="true">${outlines.join('')}</svg></div><figcaption>${split}-${seed}</figcaption><ul>${items.join('')}</ul></figure>`;
}

/** SVG path around the query's targets; empty where there is none. */
function outlineOf({ targets }: SceneQuery, masks: readonly Bitmap[]): string {
  return targets
    .flatMap((index) => {
      const mask = masks[index];
      return mask ? maskToPolygons(mask) : [];
    })
    .flatMap(({ outer, holes }) => [outer, ...holes])
    .map((ring) => {
      const points = simplifyRing(ring, 0.8).map((value) => Math.round(value * 10) / 10);
      return `M${points.join(' ')}Z`;
    })
    .join('');
}

function styles(): string {
  const most = queryKinds.length * queriesOfKind;
  const pairs = Array.from({ length: most }, (_, index) =>
    ['hover', 'focus'].map((state) => `figure:has(.q${index}:${state}) .m${index}`).join(','),
  );
  return `
.scenes{display:grid;grid-template-columns:repeat(auto-fill,minmax(${pictureSide}px,1fr));gap:16px}
figure{margin:0}
.picture{position:relative;width:${pictureSide}px;height:${pictureSide}px}
.picture svg{position:absolute;inset:0}
.picture path{fill:#00e0ff;fill-opacity:.45;fill-rule:evenodd;stroke:#001a20;stroke-width:2;opacity:0}
${pairs.join(',')}{opacity:1}
figcaption{font-size:12px;opacity:.7}
figure ul{margin:4px 0 0;padding:0;list-style:none;font-size:13px}
figure li{padding:1px 4px;border-radius:4px;cursor:default}
figure li:hover,figure li:focus{background:rgba(0,200,230,.25);outline:none}
figure small{opacity:.6}
`;
}

/** What the document says of a split. */
function countsOf(split: SceneSplit) {
  const kinds: Record<string, number> = {};
  const sides = { small: [] as number[], large: [] as number[] };
  const areasOf = { small: [] as number[], large: [] as number[] };
  let objects = 0;
  let heldOut = 0;
  let asked = 0;
  for (let seed = 0; seed < counted; seed++) {
    const { scene, masks, areas } = drawn(split, seed);
    objects += scene.objects.length;
    if (scene.objects.some(({ kind, colour }) => isHeldOut(kind, colour))) heldOut += 1;
    const { kind, targets } = queryOf(scene, areas);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    asked += queriesOf(scene, areas).length;
    for (const index of targets) {
      const mask = masks[index];
      const box = mask && bitmapBox(mask);
      const object = scene.objects[index];
      if (!box || !object) continue;
      sides[object.size].push(Math.max(box.x2 - box.x1, box.y2 - box.y1));
      areasOf[object.size].push(areas[index] ?? 0);
    }
  }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const sizes = (['small', 'large'] as const).map((size) => ({
    size,
    targets: sides[size].length,
    longestSide: median(sides[size]),
    area: median(areasOf[size]),
  }));
  return {
    split,
    scenes: counted,
    kinds,
    objects: objects / counted,
    heldOut,
    queries: asked / counted,
    sizes,
  };
}
