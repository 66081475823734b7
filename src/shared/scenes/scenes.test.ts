import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitmapArea } from '../mask/bitmap';
import { drawings } from './drawings';
import { queriesOf, queryOf } from './queries';
import { objectMask, renderScene } from './raster';
import { isHeldOut, makeDenseScene, makeScene, splits } from './scene';
import { colourNames, kinds } from './vocabulary';

const seeds = fc.integer({ min: 0, max: 1_000_000 });
const anySplit = fc.constantFrom(...splits);

function visibleAreas(split: (typeof splits)[number], seed: number): number[] {
  const scene = makeScene(split, seed, 112);
  const rendered = renderScene(scene);
  return scene.objects.map((_, index) => bitmapArea(objectMask(rendered, index)));
}

describe('ReasonScenes', () => {
  it('makes the same scene and picture again', () => {
    const one = makeScene('test', 7, 96);
    const two = makeScene('test', 7, 96);
    expect(two).toEqual(one);
    expect(renderScene(two).rgb).toEqual(renderScene(one).rgb);
    expect(makeScene('val', 7, 96)).not.toEqual(one);
  });

  it('draws the very bytes that recorded trajectories name by their hash', () => {
    const hash = (split: (typeof splits)[number], side: number): string => {
      const { rgb, ids } = renderScene(makeScene(split, 0, side));
      return createHash('sha256').update(rgb).update(ids).digest('hex');
    };
    expect(splits.map((split) => hash(split, 336))).toEqual([
      '4607be023a0717b58bd52cc30515f8814a2bdc0bd6a07439ade9121bd83ba549',
      'b97c9eb8cfd79af51dad4e2c805006e52bc47686e181450bac454526ea2f4a2c',
      '5147fa3816e826283e82b83458e925af88b0a28b5f63bc156502283f572f43b5',
      'c9ad0b57d2a463c6a3306c88c87c3a807871736e35111a444ab23e99fe629128',
    ]);
  });

  it('is the same scene at any size', () => {
    const small = makeScene('train', 3, 100);
    const large = makeScene('train', 3, 200);
    expect(large.objects.map(({ kind, colour }) => [kind, colour])).toEqual(
      small.objects.map(({ kind, colour }) => [kind, colour]),
    );
    for (const [index, object] of small.objects.entries()) {
      expect(large.objects[index]?.x).toBeCloseTo(object.x * 2, 9);
    }
  });

  it('fills a dense scene with many more things, none of them held out in training', () => {
    const dense = Array.from({ length: 40 }, (_, seed) => makeDenseScene('train', seed, 112));
    expect(makeDenseScene('train', 5, 112)).toEqual(dense[5]);
    const counts = dense.map(({ objects }) => objects.length);
    expect(counts.reduce((sum, count) => sum + count, 0) / dense.length).toBeGreaterThan(15);
    for (const { kind, colour, x, y, radius } of dense.flatMap(({ objects }) => objects)) {
      expect(isHeldOut(kind, colour)).toBe(false);
      for (const centre of [x, y]) {
        expect(centre).toBeGreaterThanOrEqual(radius);
        expect(centre).toBeLessThanOrEqual(112 - radius);
      }
    }
  });

  it('never shows a held-out pair in training, and shows them in the others', () => {
    const held = kinds.flatMap((kind) => colourNames.filter((colour) => isHeldOut(kind, colour)));
    expect(held.length).toBeGreaterThan(15);
    expect(held.length).toBeLessThan(60);
    const pairs = (split: (typeof splits)[number]): boolean[] =>
      Array.from({ length: 200 }, (_, seed) =>
        makeScene(split, seed).objects.some(({ kind, colour }) => isHeldOut(kind, colour)),
      );
    expect(pairs('train').some(Boolean)).toBe(false);
    expect(pairs('test').filter(Boolean).length).toBeGreaterThan(80);
  });

  it('covers pixels with the things that own them, each kind with some', () => {
    for (const kind of kinds) {
      const scene = makeScene('train', 1, 64);
      const object = { kind, colour: 'red', size: 'large', pattern: 'plain' } as const;
      const alone = {
        ...scene,
        objects: [{ ...object, x: 32, y: 32, radius: 24, angle: 0, flipped: false }],
      };
      const area = bitmapArea(objectMask(renderScene(alone), 0));
      expect(area, kind).toBeGreaterThan(0.08 * 48 * 48);
      expect(area, kind).toBeLessThan(0.9 * 48 * 48);
      for (const { ring } of drawings[kind]) {
        expect(Math.max(...ring.map(Math.abs)), kind).toBeLessThanOrEqual(1.05);
      }
    }
  });

  it('gives every pixel one owner, and a mirrored thing a mirrored mask', () => {
    const scene = makeScene('train', 5, 64);
    const object = { kind: 'cup', colour: 'red', size: 'large', pattern: 'plain' } as const;
    const place = { x: 32, y: 32, radius: 24, angle: 0 };
    const mask = (flipped: boolean): Uint8Array =>
      objectMask(renderScene({ ...scene, objects: [{ ...object, ...place, flipped }] }), 0).data;
    const [left, right] = [mask(false), mask(true)];
    const differing = left.filter((value, i) => {
      const row = Math.floor(i / 64) * 64;
      return value !== right[row + 63 - (i - row)];
    }).length;
    // Pixel centres that lie exactly on a side belong to one of both sides only.
    expect(differing).toBeLessThan(40);
  });

  it('asks only what has one right answer', () => {
    fc.assert(
      fc.property(anySplit, seeds, (split, seed) => {
        const scene = makeScene(split, seed, 112);
        const queries = queriesOf(scene, visibleAreas(split, seed));
        expect(new Set(queries.map(({ text }) => text)).size).toBe(queries.length);
        for (const { kind, text, targets, noun } of queries) {
          if (kind === 'none') expect(targets).toEqual([]);
          else if (kind === 'several') expect(targets.length).toBeGreaterThan(1);
          else expect(targets).toHaveLength(1);
          const things = scene.objects.filter(({ kind: is, colour, size }) =>
            noun.split(' ').every((word) => [is, colour, size].some((own) => own === word)),
          );
          if (kind === 'none') expect(things, noun).toEqual([]);
          // A name that is made of looks is that of the target alone.
          if (targets.length === 1 && things.length > 0) {
            expect(things, noun).toEqual([scene.objects[targets[0] ?? -1]]);
          }
          const named = kinds.find((each) => text.startsWith(`the ${each}`));
          const target = scene.objects[targets[0] ?? -1];
          if (named && target) expect(target.kind).toBe(named);
          const named2 = colourNames.find((colour) => text === `everything ${colour}`);
          if (named2) {
            expect(targets.length).toBe(scene.objects.filter(({ colour }) => colour === named2).length);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('knows absent things by their absence', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const scene = makeScene('test', seed, 112);
        for (const { text } of queriesOf(scene, visibleAreas('test', seed)).filter(
          ({ kind }) => kind === 'none',
        )) {
          const words = text.split(' ').slice(1);
          const isThere = scene.objects.some(
            ({ kind, colour }) => words.at(-1) === kind && (words.length === 1 || words[0] === colour),
          );
          expect(isThere, text).toBe(false);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('draws all four kinds of queries', () => {
    const drawn = Array.from(
      { length: 120 },
      (_, seed) => queryOf(makeScene('val', seed, 112), visibleAreas('val', seed)).kind,
    );
    expect(new Set(drawn)).toEqual(new Set(['referring', 'reasoning', 'several', 'none']));
  });
});
