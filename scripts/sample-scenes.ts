import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bitmapArea } from '@shared/mask/bitmap';
import { sampleFiles } from '@shared/sample';
import { queriesOf, queryKinds, type SceneQuery } from '@shared/scenes/queries';
import { objectMask, type RenderedScene, renderScene } from '@shared/scenes/raster';
import { makeScene } from '@shared/scenes/scene';
import sharp from 'sharp';

const folder = resolve('resources/samples/first-steps');

/** How many scenes, of the split that no training sees. */
const count = 12;
const split = 'test';
const side = 336;

/** Of each kind that a scene offers one query, chosen by turns so that scenes do not ask alike. */
function chosen(queries: readonly SceneQuery[], nth: number): SceneQuery[] {
  return queryKinds.flatMap((kind) => {
    const ofKind = queries.filter((query) => query.kind === kind);
    return ofKind[nth % Math.max(1, ofKind.length)] ?? [];
  });
}

/** The first scenes that offer queries of three kinds or all four. */
export async function drawSample(): Promise<void> {
  const drawn = join(folder, sampleFiles.drawn);
  await rm(drawn, { recursive: true, force: true });
  await mkdir(drawn, { recursive: true });
  const lines: string[] = [];
  let made = 0;
  for (let seed = 0; made < count; seed++) {
    const scene = makeScene(split, seed, side);
    const rendered = renderScene(scene);
    const areas = scene.objects.map((_, index) => bitmapArea(objectMask(rendered, index)));
    const queries = chosen(queriesOf(scene, areas), made);
    if (queries.length < queryKinds.length - 1) continue;
    const image = `${sampleFiles.drawn}/${split}-${seed}.png`;
    await writePng(join(folder, image), rendered);
    for (const { text, kind } of queries) lines.push(JSON.stringify({ image, query: text, kind }));
    process.stdout.write(`${image}  ${queries.map(({ text }) => text).join(' · ')}\n`);
    made += 1;
  }
  await writeFile(join(folder, sampleFiles.queries), `${lines.join('\n')}\n`);
}

async function writePng(file: string, { width, height, rgb }: RenderedScene): Promise<void> {
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9, adaptiveFiltering: true })
    .toFile(file);
}
