import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { it } from 'vitest';
import { hasPythonModule } from '../support/python';
import { coco20, hasSharedData, surrogates } from '../support/shared-data';
import { benchMasks } from './masks';
import { benchSegmenter } from './segmenter';
import { benchClient, benchEnvironment } from './turns';

const rows: [string, number][] = [];
const outDir = resolve('out/main');

/** `npm run bench`: ratios within one run, because absolute times say more about the machine than about the program. */
it('prints what our layers cost over what they stand on', async () => {
  if (hasSharedData('encoder and decoder ratios')) {
    const [encoder = '', decoder = ''] = surrogates.sam1.split(',');
    const { encodeRatio, medians } = await benchSegmenter({
      encoder,
      decoder,
      images: coco20.images,
      threadFile: join(outDir, 'segmenter-thread.js'),
    });
    const folder = mkdtempSync(join(tmpdir(), 'maskwright-bench-images-'));
    cpSync(join(coco20.images, '000000000471.jpg'), join(folder, 'bus.jpg'));
    const client = await benchClient({ folder, segmenter: surrogates.sam1, outDir });
    const environment = await benchEnvironment(join(coco20.images, '000000000471.jpg'));
    rows.push(['image file → embedding / bare encoder run', encodeRatio]);
    rows.push(['prompt → mask at the client / bare decoder run', client / medians.bareSegment]);
    rows.push(["environment's own time a turn / bare decoder run", environment / medians.bareSegment]);
  }
  if (hasPythonModule('pycocotools', 'mask ratios')) {
    const { ratios } = benchMasks();
    for (const [name, ratio] of Object.entries(ratios)) rows.push([`RLE ${name} / pycocotools`, ratio]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  process.stdout.write(
    `\n${rows.map(([name, ratio]) => `${name.padEnd(width)}  ${ratio.toFixed(2)}`).join('\n')}\n\n`,
  );
});
