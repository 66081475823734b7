import { MaskwrightError } from '@shared/contract/errors';
import type { EpisodeState, Explanation, Gesture } from '@shared/contract/methods';
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
import { EpisodeSession, type SessionOptions } from './session';

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

function start(
  policy: Policy | null,
  mode: EpisodeState['mode'] = 'step',
  agent: SessionOptions['agent'] = () => policy && { policy, length: null },
) {
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
    agent,
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

describe('any turn of an episode', () => {
  const left = { x1: 10, y1: 20, x2: 50, y2: 60 };
  const point = (x: number, y: number, label: 'positive' | 'negative' = 'positive'): Gesture => ({
    name: 'add_point',
    point: { x, y },
    label,
  });

  async function threeTurns() {
    const made = start(scripted([box(100), finish, finish, finish, finish, finish]));
    await made.session.act({ name: 'segment_box', box: left });
    await made.session.act(point(60, 40));
    await made.session.act(point(20, 40, 'negative'));
    return made;
  }

  it('is accepted with its own masks, whatever came later', async () => {
    const { session } = await threeTurns();
    const state = await session.accept('cup', () => {}, 'n2');
    const then = state.trajectory.nodes[1]?.observation?.objects[0]?.mask;
    expect(state).toMatchObject({ status: 'accepted', head: 'n2' });
    expect(state.trajectory.outcome).toMatchObject({ node: 'n2', masks: [then] });
  });

  it('gets a call put before it, and the later calls run again as the person’s', async () => {
    const { session } = await threeTurns();
    const { state, rerun } = await session.insert('n2', 'before', point(30, 70));
    const { trajectory } = state;
    expect(rerun).toEqual({ ran: ['n5', 'n6'], left: [] });
    expect(acceptedPath(trajectory).map(({ id, call, repeats }) => [id, call?.name, repeats])).toEqual([
      ['n1', 'segment_box', undefined],
      ['n4', 'add_point', undefined],
      ['n5', 'add_point', 'n2'],
      ['n6', 'add_point', 'n3'],
    ]);
    expect(trajectory.nodes[4]).toMatchObject({ author: 'human', thought: '', raw: '' });
    expect(trajectory.nodes[5]?.observation?.objects[0]?.points).toHaveLength(3);
    expect(verdictOf(trajectory, 'n2')).toMatchObject({ verdict: 'corrected', replacement: 'n4' });
    await session.undo();
    expect(session.state().head).toBe('n3');
    expect(verdictOf(session.state().trajectory, 'n2')?.verdict).toBe('accepted');
    await session.redo();
    expect(session.state().head).toBe('n6');
  });

  it('gets a call put after it', async () => {
    const { session } = await threeTurns();
    const { state, rerun } = await session.insert('n1', 'after', {
      name: 'zoom',
      box: { x1: 0, y1: 0, x2: 64, y2: 64 },
    });
    expect(rerun.left).toEqual([]);
    // The places in the image are kept, in the coordinates of the new view.
    const places = (ids: string[]) => ids.map((id) => state.gestures[id]);
    const [first, second] = places(rerun.ran);
    expect(first).toMatchObject({ name: 'add_point', label: 'positive' });
    expect(first?.name === 'add_point' && Math.round(first.point.x)).toBe(60);
    expect(second?.name === 'add_point' && Math.round(second.point.x)).toBe(20);
  });

  it('is taken out: a fork without it', async () => {
    const { session } = await threeTurns();
    const { state, rerun } = await session.remove('n2');
    expect(rerun.ran).toEqual(['n4']);
    expect(state.head).toBe('n4');
    expect(state.trajectory.nodes[3]).toMatchObject({ parent: 'n1', repeats: 'n3' });
    expect(verdictOf(state.trajectory, 'n2')).toMatchObject({ verdict: 'corrected', replacement: 'n4' });
    const last = await session.remove('n4');
    expect(last.state.head).toBe('n1');
    expect(verdictOf(last.state.trajectory, 'n4')).toMatchObject({ verdict: 'rejected', replacement: null });
  });

  it('stops running again at the first call that makes no sense any more, and says why', async () => {
    const { session } = start(null);
    await session.act({ name: 'segment_box', box: left });
    await session.act(point(60, 40, 'negative'));
    await session.act({ name: 'new_object' });
    await session.act({ name: 'segment_box', box: { x1: 60, y1: 10, x2: 90, y2: 30 } });
    await session.act(point(70, 20));
    const first = await session.remove('n1');
    expect(first.rerun).toEqual({
      ran: [],
      left: [
        { node: 'n2', why: 'invalid' },
        { node: 'n3', why: 'after' },
        { node: 'n4', why: 'after' },
        { node: 'n5', why: 'after' },
      ],
    });
    await session.undo();
    const second = await session.remove('n3');
    expect(second.rerun.left[0]).toEqual({ node: 'n4', why: 'object' });
    expect(second.state.head).toBe('n2');
  });

  it('keeps the turn that a revert means, or says that it is gone', async () => {
    const { session } = await threeTurns();
    await session.act({ name: 'revert', turn: 2 });
    const { state, rerun } = await session.insert('n1', 'after', { name: 'zoom_out' });
    const again = state.trajectory.nodes.find(({ id }) => id === rerun.ran.at(-1));
    expect(again?.call).toEqual({ name: 'revert', arguments: { turn: 3 } });
    const masks = (id: string) =>
      state.trajectory.nodes.find((node) => node.id === id)?.observation?.objects[0]?.mask;
    expect(masks(rerun.ran.at(-1) ?? '')).toEqual(masks('n2'));
    await session.undo();
    const gone = await session.remove('n2');
    expect(gone.rerun.left).toEqual([{ node: 'n4', why: 'gone' }]);
  });

  it('does not repeat the agent’s end, so that the agent can go on', async () => {
    const { session } = start(scripted([box(100), finish, finish]));
    await session.setMode('auto');
    await until(() => session.state().status === 'ended');
    const { state, rerun } = await session.insert('n2', 'before', point(60, 40));
    expect(rerun.left).toEqual([{ node: 'n2', why: 'ended' }]);
    expect(state).toMatchObject({ status: 'waiting', canPropose: true });
    await expect(session.insert('n2', 'after', point(60, 40))).rejects.toThrow(/ended the episode/);
  });

  it('says why it was rejected, while the agent works on and after the end', async () => {
    const { session, saved } = start(scripted([box(100), null]));
    await session.propose();
    await session.rejectCall(null);
    void session.propose().catch(() => {});
    session.giveReason('n1', 'wrong object');
    expect(session.state().trajectory.verdicts.at(-1)).toMatchObject({
      node: 'n1',
      verdict: 'rejected',
      reason: 'wrong object',
    });
    await session.reject(null, () => {});
    session.giveReason('n1', null);
    expect(saved.at(-1)?.verdicts.at(-1)).toMatchObject({ node: 'n1', reason: null });
    await expect(async () => session.giveReason('n9', 'x')).rejects.toThrow(/no turn n9/);
  });

  it('undoes a visit to another branch without rejecting it', async () => {
    const { session } = await threeTurns();
    await session.correct('n2', point(80, 40));
    await session.goTo('n3');
    expect(verdictOf(session.state().trajectory, 'n2')?.verdict).toBe('accepted');
    await session.undo();
    expect(session.state().head).toBe('n4');
    expect(verdictOf(session.state().trajectory, 'n3')?.verdict).toBe('accepted');
    expect(verdictOf(session.state().trajectory, 'n2')?.verdict).toBe('corrected');
  });

  it('takes a result that undo put back as it is, and does not store it as open', async () => {
    const { session, saved } = start(scripted([box(100), finish]));
    await session.propose();
    const { trajectory } = await session.acceptCall();
    const stored: Trajectory = { ...trajectory, outcome: { ...trajectory.outcome, status: 'finished' } };
    const before = saved.length;
    const adopted = await session.adopt(stored);
    expect(adopted.trajectory.outcome.status).toBe('finished');
    expect(saved).toHaveLength(before);
  });

  it('stops at once even when the model does not listen', async () => {
    const deaf: Policy = {
      ...scripted([]),
      propose: () => new Promise(() => {}),
    };
    const { session } = start(deaf);
    const thinking = session.propose();
    await until(() => session.state().status === 'thinking');
    expect((await session.stop()).status).toBe('waiting');
    await thinking;
    expect(session.state().error).toBeNull();
  });

  it('is gone on with by an agent that is set up later', async () => {
    let agent: Policy | null = null;
    const { session } = start(null, 'step', () => agent && { policy: agent, length: null });
    await session.act({ name: 'segment_box', box: left });
    expect(session.state().canPropose).toBe(false);
    agent = scripted([box(100), finish]);
    expect(session.state().canPropose).toBe(true);
    const { pending, trajectory } = await session.propose();
    expect(pending?.name).toBe('finish');
    expect(trajectory.header.policy).toEqual({ kind: 'test', name: 'script' });
  });

  it('goes on from the same masks after it was packed', async () => {
    const { session } = await threeTurns();
    const twin = await threeTurns();
    session.rest();
    const gesture = point(40, 30);
    const [a, b] = [await session.act(gesture), await twin.session.act(gesture)];
    expect(a.trajectory.nodes.at(-1)?.observation).toEqual(b.trajectory.nodes.at(-1)?.observation);
    session.rest();
    await session.act({ name: 'revert', turn: 1 });
    expect(session.state().trajectory.nodes.at(-1)?.observation?.objects[0]?.mask).toEqual(
      session.state().trajectory.nodes[0]?.observation?.objects[0]?.mask,
    );
  });

  it('explains what the model was given then, not what is known now', async () => {
    const { session } = start(scripted([box(100), box(200), finish]));
    await session.propose();
    await session.rejectCall('too large');
    await session.propose();
    const textOf = (explanation: Explanation): string =>
      explanation.messages
        .flatMap(({ content }) =>
          content.map((part) => (part.type === 'text' ? part.text : `[${part.width}]`)),
        )
        .join('\n');
    const pending = await session.explain(null);
    expect(textOf(pending)).toContain('Rejected by the person (too large): {"name": "segment_box"');
    await session.acceptCall();
    session.giveReason('n1', 'wrong object');
    const ran = await session.explain('n2');
    expect(textOf(ran)).toBe(textOf(pending));
    expect(textOf(await session.explain('n1'))).not.toContain('Rejected');
    expect(ran.messages[1]?.content[0]).toMatchObject({ type: 'image', node: null });
    expect(ran.tools).toContain('segment_box');
    expect(ran.asked).toBe('model');
  });
});
