import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const folder = resolve('resources/models');
const manifestSchema = z.strictObject({
  models: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.literal('segmenter'),
      /** Which signature `openSegmenter` recognises. */
      interface: z.enum(['sam1', 'sam2', 'efficientsam']),
      files: z.array(
        z.strictObject({
          file: z.string(),
          role: z.enum(['encoder', 'decoder']),
          bytes: z.number().int(),
          sha256: z.string().length(64),
        }),
      ),
      licence: z.string(),
      trainedOn: z.string(),
      attribution: z.string(),
      madeBy: z.string(),
      quality: z.string(),
      limits: z.string(),
    }),
  ),
});
const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));

describe('shipped models', () => {
  it('has an entry for every file, and a file for every entry', () => {
    const listed = manifest.models.flatMap((model) => model.files.map(({ file }) => file)).sort();
    const there = readdirSync(folder).filter((name) => /\.(onnx|gguf|bin)$/.test(name));
    expect(there.sort()).toEqual(listed);
    for (const { attribution } of manifest.models) expect(readdirSync(folder)).toContain(attribution);
  });

  for (const { name, files, interface: signature } of manifest.models) {
    it.each(files)(`${name}: $file is the file that was described`, ({ file, bytes, sha256 }) => {
      const content = readFileSync(join(folder, file));
      expect(content.length).toBe(bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    });

    it(`${name} has the interface that is named, and at most 8 MB`, async () => {
      const fileOf = (role: string): string =>
        join(folder, files.find((file) => file.role === role)?.file ?? '');
      const segmenter = await openSegmenter({
        encoder: fileOf('encoder'),
        decoder: fileOf('decoder'),
        cacheDir: mkdtempSync(join(tmpdir(), 'maskwright-manifest-')),
      });
      const { signature: found, surrogate } = segmenter.report();
      await segmenter.close();
      expect({ found, surrogate }).toEqual({ found: signature, surrogate: false });
      expect(files.reduce((sum, file) => sum + file.bytes, 0)).toBeLessThanOrEqual(8_000_000);
    });
  }
});
