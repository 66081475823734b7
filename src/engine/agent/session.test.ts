import { MaskwrightError } from '@shared/contract/errors';
import type { EpisodeState } from '@shared/contract/methods';
import { defaultViewConfig } from '@shared/geometry/view';
import type { RawCall } from '@shared/tools/definitions';
import type { Trajectory } from '@shared/trajectory/schema';
import { acceptedPath, newTrajectory, verdictOf } from '@shared/trajectory/tree';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { Environment } from '../environment/environment';
import { ObservationRenderer } from '../environment/observation-image';
import type { Policy, ProposeOptions } from '../policies/policy';
import { headerOf } from './episode';
import { EpisodeSession } from './session';

const box = (x1: number): RawCall => ({ name: 'segment_box', arguments: { x1, y1: 250, x2: 500, y2: 750 } });
const finish: RawCall = { name: 'finish', arguments: {} };

/** Proposes the calls in turn; `null` never answers until it is aborted. */
function scripted(calls: (RawCall | null)[]): Policy {
  return {
    identity: { kind: 'test', name: 'script' },
    author: 'agent',
    readsPrompt: false,
    async propose({ state }, options?: ProposeOptions) {
      const call = calls[state.turn];
      if (call === undefined)
        throw new MaskwrightError('POLICY_FAILED', 'Script ran out.', { hint: 'Write more.' });
      if (call === null) {
        await new Promise((_, reject) => {
          options?.signal?.addEventListener('abort', () =>
            reject(new MaskwrightError('CANCELLED', 'Stopped.')),
          );
        });
      }
      options?.onText?.('thinking');
      return { thought: `turn ${state.turn + 1}`, call, problem: null, raw: '', usage: {} };
    },
    async close() {},
  };
}

function start(policy: Policy | null, mode: EpisodeState['mode'] = 'step') {
  const environment = new Environment({
    image: greyImage(100, 80),
    segmenter: shapeSegmenter(),
    coordinates: 'norm1000',
    viewConfig: defaultViewConfig('norm1000'),
    turnBudget: 4,
  });
  const header = headerOf(environment, {
    id: 'e1',
    imageName: 'grey',
    query: 'it',
    policy: policy?.identity ?? { kind: 'human', name: 'person' },
    seed: null,
  });
  const saved: Trajectory[] = [];
  const statuses: string[] = [];
  const session = new EpisodeSession({
    imageId: 'i1',
    mode,
    trajectory: newTrajectory(header, environment.reset().observation),
    environment,
    policy,
    policyLength: null,
    renderer: new ObservationRenderer(),
    onChange: (state) => statuses.push(state.status),
    onText: () => {},
    save: (trajectory) => saved.push(trajectory),
    lastMark: () => 0,
  });
  return { session, saved, statuses };
}

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(done()).toBe(true);
}

describe('episode session', () => {
  it('shows a call as a ghost before it runs, then runs it', async () => {
    const { session, statuses } = start(scripted([box(100), finish]));
    const ghost = await session.propose();
    expect(ghost.status).toBe('proposed');
    expect(ghost.pending).toMatchObject({
      thought: 'turn 1',
      name: 'segment_box',
      gesture: { box: { x1: 10, y1: 20 } },
    });
    expect(ghost.trajectory.nodes).toEqual([]);
    const ran = await session.acceptCall();
    expect(ran).toMatchObject({ status: 'waiting', head: 'n1', pending: null, canPropose: true });
    expect(ran.trajectory.verdicts).toMatchObject([{ node: 'n1', verdict: 'accepted', by: 'human' }]);
    expect(statuses).toContain('thinking');
  });

  it('keeps a replaced ghost as the rejected sibling of the person’s call', async () => {
    const { session } = start(scripted([box(100), finish]));
    await session.propose();
    const { trajectory, head } = await session.act({
      name: 'segment_box',
      box: { x1: 20, y1: 20, x2: 50, y2: 60 },
    });
    expect(trajectory.nodes).toMatchObject([
      { id: 'n1', author: 'human', parent: null, call: { arguments: { x1: 200 } } },
      { id: 'n2', author: 'agent', parent: null, observation: null },
    ]);
    expect(trajectory.verdicts.at(-1)).toMatchObject({ node: 'n2', verdict: 'corrected', replacement: 'n1' });
    expect(head).toBe('n1');
  });

  it('forks at a turn that ran, and the agent can go on from the correction', async () => {
    const { session } = start(scripted([box(100), finish]));
    await session.propose();
    await session.acceptCall();
    const forked = await session.correct('n1', {
      name: 'segment_box',
      box: { x1: 30, y1: 20, x2: 50, y2: 60 },
    });
    expect(forked.head).toBe('n2');
    await session.propose();
    const ended = await session.acceptCall();
    expect(ended.status).toBe('ended');
    expect(acceptedPath(ended.trajectory).map((node) => node.id)).toEqual(['n2', 'n3']);
  });

  it('runs by itself in automatic mode and stops at once when told to', async () => {
    const { session } = start(scripted([box(100), null]));
    await session.setMode('auto');
    await until(() => session.state().status === 'thinking' && session.state().head === 'n1');
    const stopped = await session.stop();
    expect(stopped).toMatchObject({ status: 'waiting', mode: 'step', head: 'n1' });
    expect(stopped.trajectory.verdicts).toMatchObject([{ node: 'n1', verdict: 'proposed' }]);
  });

  it('lets the person take the pen while the agent thinks', async () => {
    const { session } = start(scripted([null]));
    const thinking = session.propose();
    await until(() => session.state().status === 'thinking');
    const mine = await session.act({ name: 'segment_box', box: { x1: 10, y1: 20, x2: 50, y2: 60 } });
    await thinking;
    expect(mine.head).toBe('n1');
    expect(session.state().error).toBeNull();
  });

  it('replaces the agent’s finish when the person goes on', async () => {
    const { session } = start(scripted([box(100), finish]), 'auto');
    await session.setMode('auto');
    await until(() => session.state().status === 'ended');
    const more = await session.act({ name: 'add_point', point: { x: 70, y: 40 }, label: 'positive' });
    expect(more.status).toBe('waiting');
    expect(more.trajectory.nodes.at(-1)).toMatchObject({ id: 'n3', parent: 'n1', author: 'human' });
    expect(more.trajectory.verdicts.at(-1)).toMatchObject({
      node: 'n2',
      verdict: 'corrected',
      replacement: 'n3',
    });
  });

  it('zooms out by itself for a gesture outside the view', async () => {
    const { session } = start(null);
    await session.act({ name: 'zoom', box: { x1: 0, y1: 0, x2: 40, y2: 40 } });
    const { trajectory } = await session.act({
      name: 'segment_box',
      box: { x1: 50, y1: 20, x2: 90, y2: 60 },
    });
    expect(trajectory.nodes.map((node) => node.call?.name)).toEqual(['zoom', 'zoom_out', 'segment_box']);
  });

  it('answers a slip of the person without recording it', async () => {
    const { session } = start(null);
    await expect(
      session.act({ name: 'add_point', point: { x: 5, y: 5 }, label: 'negative' }),
    ).rejects.toThrow(/needs a mask/);
    expect(session.state()).toMatchObject({ status: 'waiting', error: null });
    expect(session.state().trajectory.nodes).toEqual([]);
  });

  it('shows a failure of the policy, and the person can go on', async () => {
    const { session } = start(scripted([]));
    await expect(session.propose()).rejects.toThrow('Script ran out.');
    expect(session.state()).toMatchObject({
      status: 'failed',
      error: { message: 'Script ran out.', hint: 'Write more.' },
    });
    const { status } = await session.act({ name: 'segment_box', box: { x1: 10, y1: 20, x2: 50, y2: 60 } });
    expect(status).toBe('waiting');
  });

  it('steps back and forth without losing a turn', async () => {
    const { session } = start(null);
    await session.act({ name: 'segment_box', box: { x1: 10, y1: 20, x2: 50, y2: 60 } });
    await session.act({ name: 'add_point', point: { x: 60, y: 40 }, label: 'positive' });
    await session.undo();
    expect(session.state().head).toBe('n1');
    await session.undo();
    expect(session.state().head).toBeNull();
    expect(session.canUndo).toBe(false);
    await session.redo();
    await session.redo();
    expect(session.state().head).toBe('n2');
    expect(session.state().trajectory.nodes).toHaveLength(2);
  });

  it('accepts what the head shows, durably before it says so', async () => {
    const { session } = start(scripted([box(100), finish]));
    await session.propose();
    await session.acceptCall();
    let committed: Trajectory | null = null;
    const state = await session.accept('cup', ({ trajectory, masks }) => {
      committed = trajectory;
      expect(masks).toEqual(trajectory.outcome.masks);
    });
    expect(state.status).toBe('accepted');
    expect(committed).toMatchObject({ outcome: { status: 'accepted', node: 'n1', category: 'cup' } });
    await expect(session.propose()).rejects.toThrow(/accepted already/);
  });

  it('stays open when storing the acceptance fails', async () => {
    const { session } = start(null);
    await session.act({ name: 'segment_box', box: { x1: 10, y1: 20, x2: 50, y2: 60 } });
    await expect(
      session.accept('cup', () => {
        throw new Error('disk full');
      }),
    ).rejects.toThrow('disk full');
    expect(session.isOpen).toBe(true);
  });

  it('has nothing to accept before there is a mask', async () => {
    const { session } = start(null);
    await expect(session.accept('cup', () => {})).rejects.toThrow(/no mask to accept/);
  });

  it('previews a gesture without recording it', async () => {
    const { session } = start(null);
    const mask = await session.preview({ name: 'segment_box', box: { x1: 10, y1: 20, x2: 50, y2: 60 } });
    expect(mask).not.toBeNull();
    expect(session.state().trajectory.nodes).toEqual([]);
  });

  it('records both of two clicks that come at once', async () => {
    const { session } = start(null);
    const box = { x1: 10, y1: 20, x2: 50, y2: 60 };
    await Promise.all([
      session.act({ name: 'segment_box', box }),
      session.act({ name: 'add_point', point: { x: 60, y: 40 }, label: 'positive' }),
    ]);
    expect(session.state().trajectory.nodes.map((node) => [node.id, node.parent, node.call?.name])).toEqual([
      ['n1', null, 'segment_box'],
      ['n2', 'n1', 'add_point'],
    ]);
  });

  it('accepts what the head shows even when the agent is running by itself', async () => {
    const { session } = start(scripted([box(100), box(200), box(300), null]));
    await session.setMode('auto');
    await until(() => session.state().trajectory.nodes.length >= 2);
    let stored: { masks: unknown[]; node: string | null } | null = null;
    const state = await session.accept('cup', ({ trajectory, masks }) => {
      stored = { masks, node: trajectory.outcome.node };
    });
    const head = state.trajectory.nodes.find((node) => node.id === state.head);
    expect(stored).toEqual({ masks: [head?.observation?.objects[0]?.mask], node: state.head });
  });

  it('keeps the ghost when there is nothing to accept or the correction is no call', async () => {
    const { session } = start(scripted([box(100), finish]));
    await session.propose();
    await expect(session.accept('cup', () => {})).rejects.toThrow(/no mask to accept/);
    expect(session.state().pending?.name).toBe('segment_box');
    await expect(session.act({ name: 'segment_box', box: { x1: 5, y1: 5, x2: 5, y2: 5 } })).rejects.toThrow(
      /no area/,
    );
    expect(session.state()).toMatchObject({ status: 'proposed', pending: { name: 'segment_box' } });
  });

  it('does not let the agent go on after its end', async () => {
    const { session } = start(scripted([box(100), finish]));
    await session.setMode('auto');
    await until(() => session.state().status === 'ended');
    await expect(session.propose()).rejects.toMatchObject({ code: 'EPISODE_OVER' });
    expect(session.state()).toMatchObject({ status: 'ended', error: null });
    await expect(session.acceptCall()).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(session.state().status).toBe('ended');
  });

  it('stores where it is, and takes an undone correction back', async () => {
    const { session, saved } = start(scripted([box(100), finish]));
    await session.propose();
    await session.acceptCall();
    await session.correct('n1', { name: 'segment_box', box: { x1: 30, y1: 20, x2: 50, y2: 60 } });
    await session.undo();
    const stored = saved.at(-1);
    expect(stored?.outcome).toMatchObject({ status: 'open', node: 'n1' });
    expect(stored && acceptedPath(stored).map((node) => node.id)).toEqual(['n1']);
    expect(stored && [verdictOf(stored, 'n1')?.verdict, verdictOf(stored, 'n2')?.verdict]).toEqual([
      'accepted',
      'rejected',
    ]);
    await session.redo();
    const again = session.state().trajectory;
    expect([verdictOf(again, 'n1')?.verdict, verdictOf(again, 'n2')?.verdict]).toEqual([
      'corrected',
      'accepted',
    ]);
  });

  it('replaces a ghost by the person’s first turn at the same place, also when that is a zoom out', async () => {
    const { session } = start(
      scripted([{ name: 'zoom', arguments: { x1: 0, y1: 0, x2: 400, y2: 400 } }, box(100)]),
    );
    await session.propose();
    await session.acceptCall();
    await session.propose();
    const { trajectory } = await session.act({
      name: 'segment_box',
      box: { x1: 50, y1: 20, x2: 90, y2: 60 },
    });
    const ghost = trajectory.nodes.find((node) => node.observation === null);
    const replacement = trajectory.nodes.find(
      (node) => node.id === verdictOf(trajectory, ghost?.id ?? '')?.replacement,
    );
    expect(replacement).toMatchObject({ parent: ghost?.parent, call: { name: 'zoom_out' } });
  });
});
