import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Size } from '@shared/geometry/types';
import { type Bitmap, createBitmap } from '@shared/mask/bitmap';
import { distanceTransform } from '@shared/mask/distance';
import { summarize } from '@shared/mask/metrics';
import { fillHoles, growMask, shrinkMask, smoothMask } from '@shared/mask/morphology';
import type { PlacedMask } from '@shared/mask/placed';
import { fillPolygonsOpenCv, rasterizePolygons } from '@shared/mask/polygon';
import {
  decodeMask,
  decompressCounts,
  encodeMask,
  fromUncompressed,
  mergeRles,
  type Rle,
  rleArea,
  rleBbox,
  rleIntersectionUnion,
  rleIou,
} from '@shared/mask/rle';
import { describe, expect, it } from 'vitest';
import { wholeBitmap } from '../support/masks';

// The arbiters: vector files made with the reference C code, and, where python3 has them, pycocotools and
// OpenCV themselves. What is missing is skipped out loud.

const shared = resolve(process.env.MASKWRIGHT_SHARED_DATA ?? '../shared/data');

/** `it` for a file of the shared data, or a skipped test whose name says why. */
function withData(name: string, file: string, check: (read: (path: string) => unknown) => void): void {
  if (existsSync(resolve(shared, file))) {
    it(name, () => check((path) => JSON.parse(readFileSync(resolve(shared, path), 'utf8'))));
    return;
  }
  console.warn(`SKIPPED: ${name}: ${file} is not in the shared data (set MASKWRIGHT_SHARED_DATA)`);
  it.skip(`${name} (skipped: shared data ${file} missing)`, () => {});
}

interface PolygonVector {
  ann_id: number;
  size: [number, number];
  rle_area: number;
  rle_bbox: [number, number, number, number];
  counts: string;
}

interface CocoFile {
  images: { id: number; width: number; height: number }[];
  annotations: { id: number; image_id: number; segmentation: number[][] | { counts: number[] } }[];
}

/** Every property a mask has: canonical strings survive decoding and encoding, areas and boxes agree. */
function expectReference(rle: Rle, area: number, bbox: number[]): void {
  expect(rleArea(rle)).toBe(area);
  expect(rleBbox(rle)).toEqual(bbox);
  expect(encodeMask(decodeMask(rle))).toEqual(rle);
  expect(fromUncompressed({ size: rle.size, counts: decompressCounts(rle) })).toEqual(rle);
}

describe('reference vectors', () => {
  withData('reads 10 crowd annotations', 'formats/coco_crowd_rle.json', (read) => {
    const vectors = read('formats/coco_crowd_rle.json') as {
      segmentation: { counts: number[]; size: [number, number] };
      area: number;
      bbox: number[];
      derived: { rle_area: number; rle_bbox: number[]; compressed: string };
    }[];
    expect(vectors.length).toBe(10);
    for (const { segmentation, derived, bbox } of vectors) {
      const rle = fromUncompressed(segmentation);
      expect(rle.counts).toBe(derived.compressed);
      expectReference(rle, derived.rle_area, derived.rle_bbox);
      expect([...decompressCounts(rle)]).toEqual(segmentation.counts);
      // The file's own box is one pixel smaller.
      expect(rleBbox(rle).map((value, i) => (i < 2 ? value : value - 1))).toEqual(bbox);
    }
  });

  withData('reads 243 polygon masks', 'formats/coco_polygon_rle_vectors.json', (read) => {
    const vectors = read('formats/coco_polygon_rle_vectors.json') as PolygonVector[];
    expect(vectors.length).toBe(243);
    for (const { size, counts, rle_area, rle_bbox } of vectors)
      expectReference({ size, counts }, rle_area, rle_bbox);
  });

  withData('rasterises the polygons of coco20 bit for bit', 'photos/coco20/instances.json', (read) => {
    const vectors = read('formats/coco_polygon_rle_vectors.json') as PolygonVector[];
    const { annotations } = read('photos/coco20/instances.json') as CocoFile;
    let checked = 0;
    for (const { ann_id, size, counts } of vectors) {
      const segmentation = annotations.find((annotation) => annotation.id === ann_id)?.segmentation;
      if (!Array.isArray(segmentation)) continue;
      expect(rasterizePolygons(segmentation, { width: size[1], height: size[0] })).toEqual({ size, counts });
      checked++;
    }
    // The other vectors belong to images that are not part of the shared data.
    expect(checked).toBe(142);
  });

  withData('rasterises the RefCOCO example', 'formats/refcoco_true_examples.json', (read) => {
    const { instances } = read('formats/refcoco_true_examples.json') as {
      instances: {
        annotation: { segmentation: number[][] };
        rasterised: { rle_area: number; rle_bbox: number[]; counts: string; size: [number, number] };
      };
    };
    const { size, counts, rle_area, rle_bbox } = instances.rasterised;
    const rle = rasterizePolygons(instances.annotation.segmentation, { width: size[1], height: size[0] });
    expect(rle).toEqual({ size, counts });
    expectReference(rle, rle_area, rle_bbox);
  });

  withData('measures 38 pairs of masks', 'formats/coco_iou_vectors.json', (read) => {
    const masks = new Map<number, Rle>();
    for (const { ann_id, size, counts } of read('formats/coco_polygon_rle_vectors.json') as PolygonVector[]) {
      masks.set(ann_id, { size, counts });
    }
    const pairs = read('formats/coco_iou_vectors.json') as {
      a: number;
      b: number;
      intersection: number;
      union: number;
      iou: number;
    }[];
    expect(pairs.length).toBe(38);
    for (const pair of pairs) {
      const [a, b] = [masks.get(pair.a), masks.get(pair.b)];
      if (a === undefined || b === undefined) throw new Error(`No vector for pair ${pair.a}, ${pair.b}`);
      const { intersection, union } = pair;
      expect(rleIntersectionUnion(a, b)).toEqual({ intersection, union });
      expect(rleIou(a, b)).toBe(pair.iou);
      expect(rleArea(mergeRles([a, b], 'intersection'))).toBe(intersection);
      expect(rleArea(mergeRles([a, b], 'union'))).toBe(union);
    }
  });

  withData('reads 605 masks of SA-V', 'formats/sav_000001_manual.json', (read) => {
    const { masklet, masklet_size_abs } = read('formats/sav_000001_manual.json') as {
      masklet: Rle[][];
      masklet_size_abs: number[];
    };
    expect(masklet.length * (masklet[0]?.length ?? 0)).toBe(605);
    for (const rle of masklet.flat()) expectReference(rle, rleArea(rle), rleBbox(rle));
    for (const [object, expected] of masklet_size_abs.entries()) {
      const areas = masklet.map((frame) => rleArea(frame[object] as Rle)).filter((area) => area > 0);
      expect(areas.reduce((sum, area) => sum + area, 0) / areas.length).toBeCloseTo(expected, 6);
    }
  });

  withData('averages 51 samples', 'formats/giou_ciou_vector.json', (read) => {
    const vector = read('formats/giou_ciou_vector.json') as {
      samples: { I: number; U: number }[];
      gIoU: number;
      cIoU: number;
    };
    const samples = vector.samples.map(({ I, U }) => ({ intersection: I, union: U }));
    expect(samples.length).toBe(51);
    const segzero = summarize('segzero', samples);
    expect(segzero.gIoU).toBeCloseTo(vector.gIoU, 12);
    expect(segzero.cIoU).toBeCloseTo(vector.cIoU, 12);
    const lisa = summarize('lisa', samples);
    expect(lisa.gIoU).toBeCloseTo(vector.gIoU, 6);
    expect(lisa.cIoU).toBeCloseTo(vector.cIoU, 12);
  });

  withData('draws ReasonSeg masks as LISA does', 'photos/reasonseg_style/expected_areas.json', (read) => {
    const expected = read('photos/reasonseg_style/expected_areas.json') as {
      image: string;
      width: number;
      height: number;
      lisa_target_pixels: number;
      lisa_ignore_pixels: number;
    }[];
    expect(expected.length).toBe(11);
    for (const { image, width, height, lisa_target_pixels, lisa_ignore_pixels } of expected) {
      const file = read(`photos/reasonseg_style/val/${image.replace('.jpg', '.json')}`) as {
        shapes: { label: string; points: [number, number][] }[];
      };
      const shapes = file.shapes
        .filter((shape) => shape.label.toLowerCase() !== 'flag')
        .map(({ label, points }) => {
          const { data } = fillPolygonsOpenCv([points.flat()], { width, height });
          return {
            data,
            value: label.includes('ignore') ? 255 : 1,
            area: data.filter((pixel) => pixel === 1).length,
          };
        })
        .sort((a, b) => b.area - a.area);
      const mask = new Uint8Array(width * height);
      for (const { data, value } of shapes) {
        data.forEach((pixel, i) => {
          if (pixel === 1) mask[i] = value;
        });
      }
      expect(mask.filter((pixel) => pixel === 1).length).toBe(lisa_target_pixels);
      expect(mask.filter((pixel) => pixel === 255).length).toBe(lisa_ignore_pixels);
    }
  });
});

const probe = `
import json
found = {}
for name in ('numpy', 'pycocotools.mask', 'cv2'):
    try:
        module = __import__(name)
        found[name] = getattr(module, '__version__', 'yes')
    except Exception:
        pass
print(json.dumps(found))
`;

function python(script: string, input = ''): unknown {
  const result = spawnSync('python3', ['-c', script], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new Error(`python3 failed: ${result.error?.message ?? result.stderr}`);
  return JSON.parse(result.stdout);
}

const modules = ((): Record<string, string> => {
  try {
    return python(probe) as Record<string, string>;
  } catch {
    return {};
  }
})();

function withPython(name: string, needed: string[], check: () => void): void {
  const missing = needed.filter((module) => modules[module] === undefined);
  if (missing.length === 0) {
    it(name, check);
    return;
  }
  console.warn(`SKIPPED: ${name}: python3 has no ${missing.join(', ')}`);
  it.skip(`${name} (skipped: python3 without ${missing.join(', ')})`, () => {});
}

/** A small generator with a fixed seed (mulberry32), so that a failure can be repeated. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Noise, empty, full, or ellipses; sides from 1 to 70. */
function randomMask(random: () => number, width: number, height: number): Bitmap {
  const mask = createBitmap(width, height);
  const kind = Math.floor(random() * 8);
  if (kind === 0) return mask;
  if (kind === 1) mask.data.fill(1);
  if (kind === 2) for (let i = 0; i < mask.data.length; i++) mask.data[i] = random() < 0.5 ? 1 : 0;
  for (let n = 3; n < kind; n++) {
    const [cx, cy] = [random() * width, random() * height];
    const [rx, ry] = [1 + (random() * width) / 2, 1 + (random() * height) / 2];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1) mask.data[y * width + x] = 1;
      }
    }
  }
  return mask;
}

function randomPolygons(random: () => number, width: number, height: number, margin: number): number[][] {
  return Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
    Array.from({ length: 2 * (3 + Math.floor(random() * 10)) }, (_, i) => {
      const side = i % 2 === 0 ? width : height;
      return Math.round((random() * (1 + 2 * margin) - margin) * side * 100) / 100;
    }),
  );
}

describe('pycocotools and OpenCV', () => {
  const masksScript = `
import base64, json, sys
import numpy as np
from pycocotools import mask as m
out = []
for case in json.load(sys.stdin):
    h, w = case['height'], case['width']
    a, b = (m.encode(np.asfortranarray(np.frombuffer(base64.b64decode(case[k]), np.uint8).reshape(h, w))) for k in 'ab')
    out.append({
        'a': a['counts'].decode(), 'b': b['counts'].decode(),
        'area': int(m.area(a)), 'bbox': m.toBbox(a).tolist(),
        'iou': float(m.iou([a], [b], [0])[0, 0]), 'crowd': float(m.iou([a], [b], [1])[0, 0]),
        'union': m.merge([a, b])['counts'].decode(), 'intersection': m.merge([a, b], intersect=True)['counts'].decode(),
        # Their decoder reads our string.
        'same': bool((m.decode({'size': [h, w], 'counts': case['ours']}) == m.decode(a)).all()),
    })
print(json.dumps(out))
`;

  withPython('encode, measure and merge 400 masks alike', ['numpy', 'pycocotools.mask'], () => {
    const random = randomNumbers(1);
    const cases = Array.from({ length: 400 }, () => {
      const width = 1 + Math.floor(random() * 70);
      const height = 1 + Math.floor(random() * 70);
      return [randomMask(random, width, height), randomMask(random, width, height)] as const;
    });
    const base64 = (mask: Bitmap): string => Buffer.from(mask.data).toString('base64');
    const answers = python(
      masksScript,
      JSON.stringify(
        cases.map(([a, b]) => ({
          width: a.width,
          height: a.height,
          a: base64(a),
          b: base64(b),
          ours: encodeMask(a).counts,
        })),
      ),
    ) as Record<string, unknown>[];
    for (const [i, [maskA, maskB]] of cases.entries()) {
      const [a, b] = [encodeMask(maskA), encodeMask(maskB)];
      expect({
        a: a.counts,
        b: b.counts,
        area: rleArea(a),
        bbox: rleBbox(a),
        iou: rleIou(a, b),
        crowd: rleIou(a, b, true),
        union: mergeRles([a, b], 'union').counts,
        intersection: mergeRles([a, b], 'intersection').counts,
        same: true,
      }).toEqual(answers[i]);
    }
  });

  const polygonsScript = `
import json, sys
from pycocotools import mask as m
print(json.dumps([m.merge(m.frPyObjects(c['rings'], c['height'], c['width']))['counts'].decode() for c in json.load(sys.stdin)]))
`;

  withPython('rasterise 1,000 polygons alike', ['numpy', 'pycocotools.mask'], () => {
    const random = randomNumbers(2);
    const cases = Array.from({ length: 1000 }, (_, i) => {
      const width = 1 + Math.floor(random() * 90);
      const height = 1 + Math.floor(random() * 90);
      return { width, height, rings: randomPolygons(random, width, height, i % 2) };
    });
    const ours = cases.map(({ rings, width, height }) => rasterizePolygons(rings, { width, height }).counts);
    expect(ours).toEqual(python(polygonsScript, JSON.stringify(cases)));
  });

  const photosFile = resolve(shared, 'photos/coco_train/instances.json');
  if (existsSync(photosFile)) {
    withPython('rasterise the polygons of coco_train alike', ['numpy', 'pycocotools.mask'], () => {
      const { images, annotations } = JSON.parse(readFileSync(photosFile, 'utf8')) as CocoFile;
      const sizes = new Map(images.map(({ id, width, height }) => [id, { width, height }]));
      const cases = annotations.flatMap(({ image_id, segmentation }) => {
        const size = sizes.get(image_id);
        return size !== undefined && Array.isArray(segmentation) ? [{ ...size, rings: segmentation }] : [];
      });
      expect(cases.length).toBeGreaterThan(1000);
      const ours = cases.map(
        ({ rings, width, height }) => rasterizePolygons(rings, { width, height }).counts,
      );
      expect(ours).toEqual(python(polygonsScript, JSON.stringify(cases)));
    });
  } else {
    console.warn('SKIPPED: rasterise the polygons of coco_train: not in the shared data');
    it.skip('rasterise the polygons of coco_train alike (skipped: shared data missing)', () => {});
  }

  const openCvScript = `
import base64, json, sys
import cv2
import numpy as np
out = []
for case in json.load(sys.stdin):
    h, w = case['height'], case['width']
    filled = np.zeros((h, w), np.uint8)
    cv2.fillPoly(filled, [np.array(r).reshape(-1, 2).astype(np.int32) for r in case['rings']], 1)
    mask = np.frombuffer(base64.b64decode(case['mask']), np.uint8).reshape(h, w)
    distance = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    out.append({'filled': filled.ravel().tolist(), 'distance': distance.ravel().tolist()})
print(json.dumps(out))
`;

  // Before 4.6, fillPoly rounded sides that leave the image in another way.
  const [major = 0, minor = 0] = (modules.cv2 ?? '0.0').split('.').map(Number);
  const margin = major * 100 + minor >= 406 ? 1 : 0;

  withPython('fill polygons and measure distances as OpenCV', ['numpy', 'cv2'], () => {
    const random = randomNumbers(3);
    const cases = Array.from({ length: 400 }, (_, i) => {
      const width = 1 + Math.floor(random() * 60);
      const height = 1 + Math.floor(random() * 60);
      return {
        size: { width, height },
        mask: randomMask(random, width, height),
        rings: randomPolygons(random, width - 1, height - 1, (i % 3) * margin),
      };
    });
    const answers = python(
      openCvScript,
      JSON.stringify(
        cases.map(({ size, mask, rings }) => ({
          ...size,
          rings,
          mask: Buffer.from(mask.data).toString('base64'),
        })),
      ),
    ) as { filled: number[]; distance: number[] }[];
    for (const [i, { size, mask, rings }] of cases.entries()) {
      const answer = answers[i];
      if (answer === undefined) throw new Error(`No answer for case ${i}`);
      expect(Array.from(fillPolygonsOpenCv(rings, size).data)).toEqual(answer.filled);
      const distances = distanceTransform(mask, true);
      const worst = answer.distance.reduce((most, d, p) => Math.max(most, Math.abs(d - distances[p]!)), 0);
      expect(worst).toBeLessThan(1e-4);
    }
  });

  const editsScript = `
import base64, json, sys
import cv2
import numpy as np
out = []
for case in json.load(sys.stdin):
    h, w, r = case['height'], case['width'], case['radius']
    mask = np.frombuffer(base64.b64decode(case['mask']), np.uint8).reshape(h, w)
    y, x = np.mgrid[-r:r + 1, -r:r + 1]
    disc = (x * x + y * y <= r * r).astype(np.uint8)
    # Sums over the disc, as far as it lies on the image.
    total = lambda a: cv2.filter2D(a.astype(np.float64), -1, disc.astype(np.float64), borderType=cv2.BORDER_CONSTANT)
    twice = np.rint(2 * total(mask) - total(np.ones_like(mask)))
    holes = mask.copy()
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(holes, contours, -1, 1, cv2.FILLED)
    out.append({
        'grown': cv2.dilate(mask, disc).ravel().tolist(),
        'shrunk': cv2.erode(mask, disc).ravel().tolist(),
        'smooth': np.where(twice == 0, mask, twice > 0).astype(int).ravel().tolist(),
        'filled': holes.ravel().tolist(),
    })
print(json.dumps(out))
`;

  withPython('grow, shrink, smooth and fill 300 masks alike', ['numpy', 'cv2'], () => {
    const random = randomNumbers(4);
    const cases = Array.from({ length: 300 }, () => {
      const size = { width: 1 + Math.floor(random() * 60), height: 1 + Math.floor(random() * 60) };
      const radius = 1 + Math.floor(random() * 7);
      return { size, radius, mask: randomMask(random, size.width, size.height) };
    }).filter(({ mask }) => mask.data.includes(1));
    const answers = python(
      editsScript,
      JSON.stringify(
        cases.map(({ size, radius, mask }) => ({
          ...size,
          radius,
          mask: Buffer.from(mask.data).toString('base64'),
        })),
      ),
    ) as { grown: number[]; shrunk: number[]; smooth: number[]; filled: number[] }[];
    expect(answers.length).toBe(cases.length);
    for (const [i, { size, radius, mask }] of cases.entries()) {
      const placed = { x: 0, y: 0, ...mask };
      expect({
        grown: wholePixels(growMask(placed, radius, size), size),
        shrunk: wholePixels(shrinkMask(placed, radius, size), size),
        smooth: wholePixels(smoothMask(placed, radius, size), size),
        filled: wholePixels(fillHoles(placed), size),
      }).toEqual(answers[i]);
    }
  });
});

function wholePixels(mask: PlacedMask | null, size: Size): number[] {
  return Array.from(wholeBitmap(mask, size).data);
}
