import { describe, expect, it } from 'vitest';
import { emptyTrajectory, type HandMadeTurn, withTurns } from '../../../tests/support/trajectories';
import { leaksOf } from './leaks';
import { namedThought } from './named-thoughts';
import type { Naming } from './naming';
import { visibleTurns } from './visible';

/** Boxes in the coordinates of the 64 px image; calls are of 0..1000. */
const box = (x1: number, y1: number, x2: number, y2: number) => ({ x1, y1, x2, y2 });
const boxCall = ({ x1, y1, x2, y2 }: ReturnType<typeof box>, name = 'segment_box') => {
  const unit = (value: number): number => Math.round((value * 1000) / 64);
  return { name, arguments: { x1: unit(x1), y1: unit(y1), x2: unit(x2), y2: unit(y2) } };
};
const call = (name: string, given: Record<string, unknown> = {}) => ({ name, arguments: given });

const cup = { name: 'red cup', box: box(0, 0, 64, 16) };
const lamp = { name: 'lamp', box: box(40, 40, 60, 60) };
const one: Naming = { query: 'red cup', count: 1, things: [cup, lamp] };
const none: Naming = { query: 'blue cup', count: 0, things: [cup, lamp] };

function thoughts(naming: Naming, ...turns: HandMadeTurn[]): string[] {
  const trajectory = withTurns(emptyTrajectory(), null, turns);
  return visibleTurns(trajectory).map(({ visible }) => {
    const thought = namedThought(visible, naming);
    expect(leaksOf(thought, visible)).toEqual([]);
    expect(thought.split(' ').length, thought).toBeLessThan(12);
    return thought;
  });
}

describe('thoughts that name the thing', () => {
  it('say what it is, look, and say whether the mask fits', () => {
    expect(
      thoughts(
        one,
        { call: boxCall(box(0, 0, 40, 40), 'zoom') },
        { call: boxCall(cup.box), rows: 12 },
        { call: call('add_point', { x: 500, y: 230, label: 'positive' }), rows: 40 },
        { call: call('revert', { turn: 2 }), rows: 12 },
        { call: call('finish'), rows: 12 },
      ),
    ).toEqual([
      'The red cup is small.',
      'It is the red cup.',
      expect.stringMatching(/^The mask misses a part at its lower/),
      'The mask was better before.',
      'The mask fits the red cup.',
    ]);
  });

  it('name the wrong thing while it is taken for the right one', () => {
    expect(
      thoughts(one, { call: boxCall(lamp.box), rows: 60 }, { call: boxCall(cup.box), rows: 16 })[0],
    ).toBe('It is the lamp.');
    expect(thoughts(none, { call: call('report_no_target') })).toEqual(['There is no blue cup.']);
    expect(thoughts(none, { call: boxCall(cup.box), rows: 16 }, { call: call('report_no_target') })[1]).toBe(
      'That is the red cup. There is no blue cup.',
    );
  });

  it('count what there are several of, and say when one box has to do', () => {
    const cups: Naming = {
      query: 'cups',
      count: 2,
      things: [cup, { name: 'small cup', box: box(0, 40, 20, 60) }, lamp],
    };
    expect(
      thoughts(cups, { call: boxCall(cup.box), rows: 16 }, { call: call('new_object'), rows: 16 }),
    ).toEqual(['There are 2 cups: this is the first.', 'The mask fits this one. On to the next.']);
    expect(thoughts(cups, { call: boxCall(box(0, 0, 64, 64)), rows: 60 }, { call: call('finish') })).toEqual([
      'There are 2 cups: one box for all.',
      'The mask covers the 2 cups.',
    ]);
  });
});
