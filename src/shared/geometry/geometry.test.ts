import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boxArea,
  boxCenter,
  boxIou,
  clampBox,
  containsPoint,
  intersectBoxes,
  normalizeBox,
  padBox,
} from './box';
import { longestSideTransform, stretchTransform } from './letterbox';
import { boxSchema, pointSchema, type Size, sizeSchema } from './types';
import {
  boxFromImage,
  boxToImage,
  type Coordinates,
  defaultViewConfig,
  fromImage,
  fullView,
  isInsideView,
  maxCoordinate,
  toImage,
  type View,
  type ViewConfig,
  zoomView,
} from './view';

const coordinate = fc.double({ min: -50, max: 150, noNaN: true });
const anyBox = fc
  .tuple(coordinate, coordinate, coordinate, coordinate)
  .map(([a, b, c, d]) => normalizeBox({ x: a, y: b }, { x: c, y: d }));

describe('boxes', () => {
  it('computes areas, unions and intersections', () => {
    const a = { x1: 0, y1: 0, x2: 4, y2: 2 };
    const b = { x1: 2, y1: 1, x2: 6, y2: 3 };
    expect(boxArea(a)).toBe(8);
    expect(boxArea({ x1: 3, y1: 0, x2: 1, y2: 5 })).toBe(0);
    expect(intersectBoxes(a, b)).toEqual({ x1: 2, y1: 1, x2: 4, y2: 2 });
    expect(boxIou(a, b)).toBeCloseTo(2 / 14, 12);
    expect(intersectBoxes(a, { x1: 4, y1: 0, x2: 5, y2: 2 })).toBeNull();
    expect(boxIou(a, { x1: 1, y1: 1, x2: 1, y2: 1 })).toBe(0);
  });

  it('clamps, normalises, pads', () => {
    const size = { width: 10, height: 5 };
    expect(clampBox({ x1: -3, y1: 2, x2: 30, y2: 9 }, size)).toEqual({ x1: 0, y1: 2, x2: 10, y2: 5 });
    expect(boxArea(clampBox({ x1: 20, y1: 20, x2: 30, y2: 30 }, size))).toBe(0);
    expect(normalizeBox({ x: 5, y: 1 }, { x: 2, y: 4 })).toEqual({ x1: 2, y1: 1, x2: 5, y2: 4 });
    expect(padBox({ x1: 2, y1: 2, x2: 4, y2: 6 }, 1)).toEqual({ x1: 1, y1: 1, x2: 5, y2: 7 });
    expect(padBox({ x1: 2, y1: 2, x2: 4, y2: 6 }, -9)).toEqual({ x1: 3, y1: 4, x2: 3, y2: 4 });
    expect(boxCenter({ x1: 2, y1: 2, x2: 4, y2: 6 })).toEqual({ x: 3, y: 4 });
  });

  it('is half-open', () => {
    const box = { x1: 0, y1: 0, x2: 2, y2: 2 };
    expect(containsPoint(box, { x: 0, y: 0 })).toBe(true);
    expect(containsPoint(box, { x: 2, y: 1 })).toBe(false);
  });

  it('keeps IoU symmetric and between 0 and 1', () => {
    fc.assert(
      fc.property(anyBox, anyBox, (a, b) => {
        const iou = boxIou(a, b);
        expect(iou).toBe(boxIou(b, a));
        expect(iou).toBeGreaterThanOrEqual(0);
        expect(iou).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it('has schemas', () => {
    expect(pointSchema.safeParse({ x: 1.5, y: 2 }).success).toBe(true);
    expect(boxSchema.safeParse({ x1: 1, y1: 2, x2: Number.NaN, y2: 3 }).success).toBe(false);
    expect(sizeSchema.safeParse({ width: 0, height: 3 }).success).toBe(false);
  });
});

const conventions: Coordinates[] = ['norm1000', 'pixel'];

/** Ordinary, one-pixel, very wide and very tall images; `swap` is what an EXIF rotation by 90° does. */
const anySize: fc.Arbitrary<Size> = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1, max: 8000 }), fc.constant(1), fc.constant(30_000)),
    fc.oneof(fc.integer({ min: 1, max: 8000 }), fc.constant(1)),
    fc.boolean(),
  )
  .map(([a, b, swap]) => (swap ? { width: b, height: a } : { width: a, height: b }));

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const anyCase = fc
  .record({
    size: anySize,
    coordinates: fc.constantFrom(...conventions),
    zoom: fc.option(fc.tuple(fraction, fraction, fraction, fraction), { nil: null }),
    u: fraction,
    v: fraction,
  })
  .map((value) => {
    const config = defaultViewConfig(value.coordinates);
    const { size, zoom } = value;
    const view =
      zoom === null
        ? fullView(size, config)
        : zoomView(
            size,
            {
              x1: zoom[0] * size.width,
              y1: zoom[1] * size.height,
              x2: zoom[2] * size.width,
              y2: zoom[3] * size.height,
            },
            config,
          );
    return { ...value, config, view };
  });

function expectValidView(view: View, size: Size, config: ViewConfig): void {
  expect(view.width % config.multiple).toBe(0);
  expect(view.height % config.multiple).toBe(0);
  const pixels = view.width * view.height;
  expect(pixels).toBeGreaterThanOrEqual(config.minPixels);
  expect(pixels).toBeLessThanOrEqual(config.maxPixels);
  expect(Math.max(view.width / view.height, view.height / view.width)).toBeLessThan(200);
  const { box } = view;
  for (const side of Object.values(box)) expect(Number.isInteger(side)).toBe(true);
  expect(box.x1).toBeGreaterThanOrEqual(0);
  expect(box.y1).toBeGreaterThanOrEqual(0);
  expect(box.x2).toBeLessThanOrEqual(size.width);
  expect(box.y2).toBeLessThanOrEqual(size.height);
  expect(boxArea(box)).toBeGreaterThan(0);
}

describe('views', () => {
  it('gives views that every engine leaves alone, for any image and zoom', () => {
    fc.assert(
      fc.property(anyCase, ({ view, size, config }) => expectValidView(view, size, config)),
      { numRuns: 500 },
    );
  });

  it('maps view → image → view onto itself for every integer coordinate', () => {
    fc.assert(
      fc.property(anyCase, ({ view, coordinates, u, v }) => {
        const range = maxCoordinate(view, coordinates);
        const point = { x: Math.round(u * range.width), y: Math.round(v * range.height) };
        expect(isInsideView(view, coordinates, point)).toBe(true);
        expect(fromImage(view, coordinates, toImage(view, coordinates, point))).toEqual(point);
      }),
      { numRuns: 500 },
    );
  });

  it('maps image → view → image within half a unit of the view', () => {
    fc.assert(
      fc.property(anyCase, ({ view, coordinates, u, v }) => {
        const { box } = view;
        const range = maxCoordinate(view, coordinates);
        const point = { x: box.x1 + u * (box.x2 - box.x1), y: box.y1 + v * (box.y2 - box.y1) };
        const back = toImage(view, coordinates, fromImage(view, coordinates, point));
        const tolerance = 0.5 + 1e-6;
        expect(Math.abs(back.x - point.x)).toBeLessThanOrEqual((tolerance * (box.x2 - box.x1)) / range.width);
        expect(Math.abs(back.y - point.y)).toBeLessThanOrEqual(
          (tolerance * (box.y2 - box.y1)) / range.height,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('swaps sides when the image is rotated by 90°', () => {
    fc.assert(
      fc.property(anySize, fc.constantFrom(...conventions), (size, coordinates) => {
        const config = defaultViewConfig(coordinates);
        const upright = fullView(size, config);
        const rotated = fullView({ width: size.height, height: size.width }, config);
        expect(rotated.width * rotated.height).toBe(upright.width * upright.height);
        expect(Math.max(rotated.width, rotated.height)).toBe(Math.max(upright.width, upright.height));
      }),
    );
  });

  it('does not resample an image that already fits', () => {
    expect(fullView({ width: 640, height: 480 }, defaultViewConfig('norm1000'))).toEqual({
      box: { x1: 0, y1: 0, x2: 640, y2: 480 },
      width: 640,
      height: 480,
    });
    expect(fullView({ width: 448, height: 336 }, defaultViewConfig('pixel'))).toMatchObject({
      width: 448,
      height: 336,
    });
  });

  it('keeps the aspect ratio of photographs within one multiple', () => {
    for (const size of [
      { width: 1600, height: 1200 },
      { width: 4032, height: 3024 },
      { width: 40, height: 30 },
    ]) {
      const view = fullView(size, defaultViewConfig('norm1000'));
      expect(Math.abs(view.width - (view.height * size.width) / size.height)).toBeLessThanOrEqual(32);
    }
  });

  it('enlarges a zoomed part to the pixel budget and never zooms below the least extent', () => {
    const config = defaultViewConfig('norm1000');
    const size = { width: 640, height: 480 };
    const view = zoomView(size, { x1: 100, y1: 100, x2: 101, y2: 101 }, config);
    expect(view.box).toEqual({ x1: 92, y1: 92, x2: 109, y2: 109 });
    expect(view.width * view.height).toBeGreaterThan(config.maxPixels * 0.9);
    const corner = zoomView(size, { x1: 639.5, y1: 479.5, x2: 640, y2: 480 }, config);
    expect(corner.box).toEqual({ x1: 624, y1: 464, x2: 640, y2: 480 });
    const strip = zoomView(size, { x1: 0, y1: 100, x2: 640, y2: 102 }, config);
    expect(strip.box).toEqual({ x1: 0, y1: 61, x2: 640, y2: 141 });
    expect(zoomView(size, { x1: 900, y1: 900, x2: 950, y2: 950 }, config).box).toEqual(corner.box);
    expect(zoomView({ width: 1, height: 1 }, { x1: 0, y1: 0, x2: 1, y2: 1 }, config).box).toEqual({
      x1: 0,
      y1: 0,
      x2: 1,
      y2: 1,
    });
  });

  it('clamps what lies outside and converts boxes', () => {
    const view = zoomView(
      { width: 200, height: 100 },
      { x1: 100, y1: 0, x2: 200, y2: 100 },
      defaultViewConfig('norm1000'),
    );
    expect(view.box).toEqual({ x1: 100, y1: 0, x2: 200, y2: 100 });
    expect(fromImage(view, 'norm1000', { x: 0, y: 300 })).toEqual({ x: 0, y: 1000 });
    expect(Object.is(fromImage(view, 'norm1000', { x: 99.99, y: 0 }).x, 0)).toBe(true);
    const inView = { x1: 250, y1: 100, x2: 750, y2: 1000 };
    const inImage = { x1: 125, y1: 10, x2: 175, y2: 100 };
    expect(boxToImage(view, 'norm1000', inView)).toEqual(inImage);
    expect(boxFromImage(view, 'norm1000', inImage)).toEqual(inView);
    expect(boxToImage(view, 'norm1000', { x1: 750, y1: 1000, x2: 250, y2: 100 })).toEqual(inImage);
    expect(isInsideView(view, 'norm1000', { x: 1001, y: 0 })).toBe(false);
    expect(isInsideView(view, 'pixel', { x: view.width, y: view.height })).toBe(true);
    expect(isInsideView(view, 'pixel', { x: view.width + 1, y: 0 })).toBe(false);
  });

  it('gives square images and zooms views of exactly the pixels that an agent was trained with', () => {
    const config = { multiple: 28, minPixels: 28_224, maxPixels: 28_224 };
    for (const side of [40, 168, 336, 4000]) {
      expect(fullView({ width: side, height: side }, config)).toMatchObject({ width: 168, height: 168 });
    }
    const zoomed = zoomView({ width: 336, height: 336 }, { x1: 20, y1: 30, x2: 90, y2: 100 }, config);
    expect(zoomed).toEqual({ box: { x1: 20, y1: 30, x2: 90, y2: 100 }, width: 168, height: 168 });
    const long = zoomView({ width: 336, height: 336 }, { x1: 0, y1: 0, x2: 90, y2: 40 }, config);
    expect({ width: long.width, height: long.height }).toEqual({ width: 252, height: 112 });
  });

  it('never gives more pixels than the limit, whatever the shape, and no side under one multiple', () => {
    fc.assert(
      fc.property(anySize, fc.integer({ min: 784, max: 60_000 }), (size, pixels) => {
        const config = { multiple: 28, minPixels: pixels, maxPixels: pixels };
        const { width, height } = fullView(size, config);
        expect(width % 28 === 0 && height % 28 === 0 && width >= 28 && height >= 28).toBe(true);
        expect(width * height).toBeLessThanOrEqual(pixels);
        expect(width * height).toBeGreaterThan(pixels / 4);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses limits that no size meets', () => {
    expect(() => fullView({ width: 10, height: 10 }, { multiple: 32, minPixels: 10, maxPixels: 20 })).toThrow(
      /multiples of 32/,
    );
  });
});

describe('encoder transforms', () => {
  it('scales the longest side as SAM does', () => {
    const t = longestSideTransform({ width: 640, height: 427 }, 1024);
    expect([t.width, t.height]).toEqual([1024, 683]);
    expect(t.scaleX).toBe(1.6);
    expect(t.scaleY).toBe(683 / 427);
    expect(longestSideTransform({ width: 333, height: 500 }, 1024)).toMatchObject({
      width: 682,
      height: 1024,
    });
    expect(longestSideTransform({ width: 10_000, height: 1 }, 1024)).toMatchObject({
      width: 1024,
      height: 1,
    });
  });

  it('stretches as SAM 2 does', () => {
    const t = stretchTransform({ width: 640, height: 427 }, 1024);
    expect([t.width, t.height]).toEqual([1024, 1024]);
    expect(t.apply({ x: 320, y: 427 })).toEqual({ x: 512, y: 1024 });
  });

  it('inverts', () => {
    fc.assert(
      fc.property(anySize, fc.boolean(), fraction, fraction, (size, stretch, u, v) => {
        const t = stretch ? stretchTransform(size, 1024) : longestSideTransform(size, 1024);
        const point = { x: u * size.width, y: v * size.height };
        const inEncoder = t.apply(point);
        expect(inEncoder.x).toBeLessThanOrEqual(1024 + 1e-6);
        expect(inEncoder.y).toBeLessThanOrEqual(1024 + 1e-6);
        const back = t.invert(inEncoder);
        expect(back.x).toBeCloseTo(point.x, 6);
        expect(back.y).toBeCloseTo(point.y, 6);
      }),
    );
  });
});
