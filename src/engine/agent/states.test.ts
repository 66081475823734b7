import { defaultViewConfig } from '@shared/geometry/view';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { Environment } from '../environment/environment';
import { States } from './states';

const environment = new Environment({
  image: greyImage(60, 40),
  segmenter: shapeSegmenter(),
  coordinates: 'norm1000',
  viewConfig: defaultViewConfig('norm1000'),
  turnBudget: 8,
});

describe('states of an episode', () => {
  it('hold no bitmap when they are packed, and are the same again afterwards', async () => {
    const { state: root } = environment.reset();
    const states = new States(root);
    const calls = [
      { name: 'segment_box', arguments: { x1: 100, y1: 100, x2: 600, y2: 800 } },
      { name: 'zoom', arguments: { x1: 0, y1: 0, x2: 800, y2: 800 } },
      { name: 'new_object', arguments: {} },
      { name: 'add_point', arguments: { x: 900, y: 500, label: 'positive' } },
      { name: 'revert', arguments: { turn: 3 } },
    ];
    let last: string | null = null;
    for (const [index, call] of calls.entries()) {
      const before = states.get(last);
      if (!before) throw new Error('known');
      const { state, invalid } = await environment.step(before, call);
      expect(invalid).toBeNull();
      states.set(`n${index + 1}`, last, state);
      last = `n${index + 1}`;
    }
    const before = calls.map((_, index) => structuredClone(states.get(`n${index + 1}`)));
    expect(states.bitmapBytes).toBeGreaterThan(0);
    states.pack();
    states.pack();
    expect(states.bitmapBytes).toBe(0);
    expect(states.peek('n5')).toMatchObject({ turn: 5, ended: null });
    expect(states.bitmapBytes).toBe(0);
    expect(states.get('n5')).toEqual(before[4]);
    expect(calls.map((_, index) => states.get(`n${index + 1}`))).toEqual(before);
    // Turns that changed nothing share their bitmap again.
    expect(states.get('n2')?.objects[0]?.mask).toBe(states.get('n1')?.objects[0]?.mask);
    expect(states.get('n9')).toBeUndefined();
  });
});
