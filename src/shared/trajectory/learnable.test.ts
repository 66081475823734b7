import { describe, expect, it } from 'vitest';
import {
  box,
  emptyTrajectory,
  finish,
  type HandMadeTurn,
  noTarget,
  point,
  revertTo,
  rowsMask,
  settled,
  withTurns,
  withVerdict,
  zoomOut,
} from '../../../tests/support/trajectories';
import { judgeTrajectory } from './learnable';
import type { Trajectory } from './schema';

const turn = (
  call: HandMadeTurn['call'],
  rows: number | null,
  iou: number | null,
  more = {},
): HandMadeTurn => ({
  call,
  rows,
  node: { iou, ...more },
});

const reasons = (trajectory: Trajectory): (string | null)[] =>
  judgeTrajectory(trajectory).turns.map(({ reason }) => reason);

const played = (...turns: HandMadeTurn[]): Trajectory => settled(withTurns(emptyTrajectory(), null, turns));

describe('what is imitated', () => {
  it('is every turn of a good episode', () => {
    const trajectory = played(
      turn(box, 30, 0.6),
      turn(point, 32, 0.9),
      turn(finish, 32, 0.9, { ended: 'finished' }),
    );
    expect(reasons(trajectory)).toEqual([null, null, null]);
    expect(judgeTrajectory(trajectory)).toMatchObject({ unusable: null, finalIou: 0.9 });
    expect(judgeTrajectory(trajectory).turns.map(({ iouBefore, iou }) => [iouBefore, iou])).toEqual([
      [0, 0.6],
      [0.6, 0.9],
      [0.9, 0.9],
    ]);
  });

  it('is no turn that lowered the IoU, was taken back, changed nothing or was refused', () => {
    const trajectory = played(
      turn(box, 30, 0.8),
      turn(point, 31, 0.7),
      turn(revertTo(1), 30, 0.8),
      turn(zoomOut, 30, 0.8),
      turn(point, 30, 0.8, { invalid: 'outside' }),
      turn(null, 30, 0.8, { invalid: 'no call' }),
      turn({ name: 'add_point', arguments: { x: 1 } }, 30, 0.8),
      turn(point, 29, 0.8),
      turn(revertTo(7), 30, 0.8),
      turn(finish, 30, 0.8, { ended: 'finished' }),
    );
    expect(reasons(trajectory)).toEqual([
      null,
      'lowered_iou',
      null,
      'no_effect',
      'invalid_call',
      'invalid_call',
      'invalid_call',
      'reverted',
      null,
      null,
    ]);
  });

  it('is no wrong hypothesis, said to be one or found to be one, but a coarse step is', () => {
    const said = played(turn(box, 20, 0.55), turn(box, 32, 1), turn(finish, 32, 1, { ended: 'finished' }));
    expect(reasons(said)).toEqual([null, null, null]);
    expect(reasons(withVerdict(said, 'n1', { by: 'simulator' }))).toEqual(['rejected', null, null]);
    expect(reasons(played(turn(box, 20, 0.2), turn(point, 21, 0.3), turn(box, 32, 1)))).toEqual([
      'dropped_hypothesis',
      'dropped_hypothesis',
      null,
    ]);
    expect(reasons(played(turn(box, 20, 0), turn(box, 32, 1)))).toEqual(['missed', null]);
  });

  it('counts a hypothesis again that a revert brought back', () => {
    const trajectory = played(turn(box, 30, 0.9), turn(box, 5, 0.1), turn(revertTo(1), 30, 0.9));
    expect(reasons(trajectory)).toEqual([null, 'lowered_iou', null]);
  });

  it('knows where nothing is to be found', () => {
    expect(reasons(played(turn(noTarget, null, 1, { ended: 'no_target' })))).toEqual([null]);
    const searched = played(
      turn(box, 30, 0),
      turn(revertTo(0), null, 1),
      turn(noTarget, null, 1, { ended: 'no_target' }),
    );
    expect(reasons(searched)).toEqual(['lowered_iou', null, null]);
    expect(reasons(played(turn(noTarget, null, 0, { ended: 'no_target' })))).toEqual(['missed']);
  });

  it('is what a person accepted, judged by the accepted masks', () => {
    const agent = { author: 'agent' as const };
    const turns = withTurns(emptyTrajectory(), null, [
      turn(box, 16, null, agent),
      turn(point, 8, null, agent),
      turn(point, 32, null, { author: 'human' }),
    ]);
    expect(reasons(settled(turns))).toEqual(['unjudged', 'unjudged', null]);
    const accepted = settled(turns, { status: 'accepted', masks: [rowsMask(32)] });
    expect(reasons(accepted)).toEqual([null, 'lowered_iou', null]);
    expect(judgeTrajectory(accepted).turns.map(({ iou }) => iou)).toEqual([0.5, 0.25, 1]);
  });

  it('is nothing of what was rejected, is open or ended badly', () => {
    const turns = withTurns(emptyTrajectory(), null, [turn(box, 30, 0.9)]);
    expect(judgeTrajectory(settled(turns, { status: 'rejected' })).unusable).toBe('rejected');
    expect(judgeTrajectory(turns).unusable).toBe('unsettled');
    expect(judgeTrajectory(played(turn(box, 30, 0.4))).unusable).toBe('low_iou');
    expect(judgeTrajectory(played(turn(box, 30, 0.4)), { minIou: 0.3 }).unusable).toBe(null);
    expect(judgeTrajectory(withVerdict(settled(turns), 'n1', {})).unusable).toBe('nothing_to_learn');
  });

  it('never trains a turn off the accepted path, nor one that was never run', () => {
    const forked = withTurns(withTurns(emptyTrajectory(), null, [turn(box, 10, 0.3)]), null, [
      turn(box, 32, 1, { author: 'human' }),
      turn(finish, 32, 1, { ended: 'finished', observation: null }),
    ]);
    const trajectory = settled(withVerdict(forked, 'n1', { verdict: 'corrected', replacement: 'n2' }), {
      node: 'n2',
    });
    expect(judgeTrajectory(trajectory).turns.map(({ node }) => node.id)).toEqual(['n2']);
  });
});
