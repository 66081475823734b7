import { defaultViewConfig, fullView, maxCoordinate, zoomView } from '@shared/geometry/view';
import { callOf } from '@shared/tools/gesture';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Frame, fieldsOf, numbersOf, readNumbers } from './call-numbers';

const size = { width: 640, height: 427 };
const config = defaultViewConfig('norm1000');
const whole: Frame = { size, view: fullView(size, config), coordinates: 'norm1000', lastTurn: 3 };
const zoomed: Frame = { ...whole, view: zoomView(size, { x1: 100, y1: 100, x2: 300, y2: 250 }, config) };
const pixel: Frame = {
  ...whole,
  coordinates: 'pixel',
  view: fullView(size, defaultViewConfig('pixel')),
};

describe('a call as numbers', () => {
  it('is the same call again, in the policy’s coordinates of any view', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(whole, zoomed, pixel),
        fc.tuple(
          fc.nat(1000),
          fc.nat(1000),
          fc.integer({ min: 1, max: 90 }),
          fc.integer({ min: 1, max: 90 }),
        ),
        (frame, [x1, y1, w, h]) => {
          const max = maxCoordinate(frame.view, frame.coordinates);
          const [left, top] = [x1 % (max.width - w + 1), y1 % (max.height - h + 1)];
          const box = { x1: left, y1: top, x2: left + w, y2: top + h };
          const numbers = { x1: `${box.x1}`, y1: `${box.y1}`, x2: `${box.x2}`, y2: `${box.y2}` };
          const read = readNumbers('segment_box', numbers, 'positive', 'policy', frame);
          if (!('gesture' in read)) throw new Error(JSON.stringify(read));
          expect(numbersOf(read.gesture, 'policy', frame)).toEqual(numbers);
          expect(callOf(read.gesture, frame.view, frame.coordinates).arguments).toEqual(box);
        },
      ),
    );
  });

  it('keeps pixels of the image as they are', () => {
    const read = readNumbers('add_point', { x: '12.5', y: '0,5' }, 'negative', 'image', whole);
    expect(read).toEqual({ gesture: { name: 'add_point', point: { x: 12.5, y: 0.5 }, label: 'negative' } });
    expect('gesture' in read && numbersOf(read.gesture, 'image', whole)).toEqual({ x: '12.5', y: '0.5' });
  });

  it('says what is wrong first', () => {
    const box = { x1: '10', y1: '10', x2: '20', y2: '20' };
    const problem = (change: object, units: 'image' | 'policy' = 'policy', frame = whole): unknown => {
      const read = readNumbers('segment_box', { ...box, ...change }, 'positive', units, frame);
      return 'problem' in read ? read.problem : read;
    };
    expect(problem({ x1: '' })).toEqual({ kind: 'number', field: 'x1' });
    expect(problem({ y2: '2e' })).toEqual({ kind: 'number', field: 'y2' });
    expect(problem({ x1: '1.5' })).toEqual({ kind: 'whole', field: 'x1' });
    expect(problem({ x2: '1001' })).toEqual({ kind: 'range', field: 'x2', max: 1000 });
    expect(problem({ y2: '428' }, 'image')).toEqual({ kind: 'range', field: 'y2', max: 427 });
    expect(problem({ x2: '10' })).toEqual({ kind: 'order', field: 'x1', other: 'x2' });
    expect(problem({ x1: '19.9' }, 'image')).toEqual({ kind: 'thin' });
    expect(readNumbers('revert', { turn: '4' }, 'positive', 'image', whole)).toEqual({
      problem: { kind: 'range', field: 'turn', max: 3 },
    });
    expect(readNumbers('zoom_out', {}, 'positive', 'image', whole)).toEqual({
      gesture: { name: 'zoom_out' },
    });
    expect(fieldsOf('new_object')).toEqual([]);
  });
});
