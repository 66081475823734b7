import { MaskwrightError } from '@shared/contract/errors';
import type { Gesture } from '@shared/contract/methods';
import { defaultViewConfig } from '@shared/geometry/view';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
import { isDiscarded, newTrajectory, nodeById, pathTo } from '@shared/trajectory/tree';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { Environment } from '../environment/environment';
import { ObservationRenderer } from '../environment/observation-image';
import type { Policy } from '../policies/policy';
import { headerOf } from './episode';
import { EpisodeSession } from './session';

/** Whatever a person does to an episode, in whatever order, its record stays a tree that tells the truth. */

const size = { width: 48, height: 32 };

function environment(): Environment {
  return new Environment({
    image: greyImage(size.width, size.height),
    segmenter: shapeSegmenter({ shift: 1 }),
    coordinates: 'norm1000',
    viewConfig: defaultViewConfig('norm1000'),
    turnBudget: 6,
  });
}

/** Segments, refines, ends; the calls differ from turn to turn. */
const agent: Policy = {
  identity: { kind: 'test', name: 'agent' },
  author: 'agent',
  readsPrompt: false,
  async propose({ state }) {
    const { turn } = state;
    const call =
      turn % 5 === 4
        ? { name: 'finish', arguments: {} }
        : turn % 2 === 0
          ? { name: 'segment_box', arguments: { x1: 100 + turn * 40, y1: 100, x2: 700, y2: 900 } }
          : { name: 'add_point', arguments: { x: 800, y: 100 * turn, label: 'positive' } };
    return { thought: `turn ${turn}`, call, problem: null, raw: '', usage: {} };
  },
  async close() {},
};

const x = fc.integer({ min: 0, max: size.width - 1 });
const y = fc.integer({ min: 0, max: size.height - 1 });
const box = fc.record({ x1: x, y1: y, x2: x, y2: y });
const gesture: fc.Arbitrary<Gesture> = fc.oneof(
  { weight: 3, arbitrary: box.map((drawn): Gesture => ({ name: 'segment_box', box: drawn })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(x, y, fc.constantFrom('positive' as const, 'negative' as const))
      .map(([px, py, label]): Gesture => ({ name: 'add_point', point: { x: px + 0.5, y: py + 0.5 }, label })),
  },
  box.map((drawn): Gesture => ({ name: 'zoom', box: drawn })),
  fc.constant<Gesture>({ name: 'zoom_out' }),
  fc.constant<Gesture>({ name: 'new_object' }),
  fc.nat({ max: 4 }).map((turn): Gesture => ({ name: 'revert', turn })),
);
const which = fc.nat({ max: 30 });
const act = fc.oneof(
  fc.record({ kind: fc.constant('act' as const), gesture }),
  fc.record({ kind: fc.constantFrom('correct' as const, 'actAfter' as const), which, gesture }),
  fc.record({
    kind: fc.constant('insert' as const),
    which,
    gesture,
    place: fc.constantFrom('before' as const, 'after' as const),
  }),
  fc.record({ kind: fc.constantFrom('remove' as const, 'goTo' as const, 'reason' as const), which }),
  fc.record({
    kind: fc.constantFrom(
      'propose' as const,
      'acceptCall' as const,
      'rejectCall' as const,
      'undo' as const,
      'redo' as const,
      'rest' as const,
    ),
  }),
);
type Act = typeof act extends fc.Arbitrary<infer Value> ? Value : never;

async function perform(session: EpisodeSession, doing: Act): Promise<void> {
  const { nodes } = session.state().trajectory;
  const node = 'which' in doing ? (nodes[doing.which % Math.max(1, nodes.length)]?.id ?? 'n0') : '';
  switch (doing.kind) {
    case 'act':
      await session.act(doing.gesture);
      return;
    case 'actAfter':
      await session.act(doing.gesture, doing.which === 0 ? null : node);
      return;
    case 'correct':
      await session.correct(node, doing.gesture);
      return;
    case 'insert':
      await session.insert(node, doing.place, doing.gesture);
      return;
    case 'remove':
      await session.remove(node);
      return;
    case 'goTo':
      await session.goTo(doing.which === 0 ? null : node);
      return;
    case 'reason':
      session.giveReason(node, 'too large');
      return;
    case 'rest':
      session.rest();
      return;
    default:
      await session[doing.kind === 'rejectCall' ? 'propose' : doing.kind]();
      if (doing.kind === 'rejectCall') await session.rejectCall(null);
  }
}

function expectTree(trajectory: Trajectory, head: string | null): void {
  expect(parseTrajectory(JSON.parse(JSON.stringify(trajectory)))).toEqual(trajectory);
  trajectory.nodes.forEach((node, index) => {
    expect(node.id).toBe(`n${index + 1}`);
    if (node.parent !== null) expect(nodeById(trajectory, node.parent).observation).not.toBeNull();
    if (node.repeats !== undefined) expect(node).toMatchObject({ author: 'human', thought: '', raw: '' });
  });
  for (const { node, verdict, replacement } of trajectory.verdicts) {
    // A replacement stands where the replaced call stood.
    if (replacement !== null)
      expect(nodeById(trajectory, replacement).parent).toBe(nodeById(trajectory, node).parent);
    expect(verdict === 'corrected').toBe(replacement !== null);
  }
  for (const node of pathTo(trajectory, head)) {
    expect(node.observation).not.toBeNull();
    expect(isDiscarded(trajectory, node.id)).toBe(false);
  }
}

async function expectReplay(trajectory: Trajectory, head: string | null): Promise<void> {
  const again = environment();
  let { state } = again.reset();
  for (const node of pathTo(trajectory, head)) {
    const isPerson = node.author === 'human';
    const result = await again.step(isPerson ? { ...state, ended: null } : state, node.call, {
      unbounded: isPerson,
    });
    expect(result.observation).toEqual(node.observation);
    state = result.state;
  }
}

describe('a person’s work on an episode', () => {
  it('leaves a valid tree whose path to the head replays to the same masks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 24 }), async (acts) => {
        const own = environment();
        const header = headerOf(own, {
          id: 'e',
          imageName: 'g',
          query: 'it',
          policy: agent.identity,
          seed: null,
        });
        let stored: Trajectory | null = null;
        const session = new EpisodeSession({
          imageId: 'i',
          mode: 'step',
          trajectory: newTrajectory(header, own.reset().observation),
          environment: own,
          agent: () => ({ policy: agent, length: null }),
          renderer: new ObservationRenderer(),
          onChange: () => {},
          onText: () => {},
          save: (trajectory) => {
            stored = trajectory;
          },
          lastMark: () => 0,
        });
        for (const doing of acts) {
          await perform(session, doing).catch((error: unknown) => {
            // What makes no sense is refused in words.
            if (!(error instanceof MaskwrightError) || error.code === 'INTERNAL') throw error;
          });
          const { trajectory, head } = session.state();
          expectTree(trajectory, head);
          if (trajectory.nodes.length > 0) expect(stored).toEqual(trajectory);
        }
        const { trajectory, head } = session.state();
        await expectReplay(trajectory, head);
        while (session.canUndo) await session.undo();
        expect(session.state().head).toBeNull();
        expectTree(session.state().trajectory, null);
        while (session.canRedo) await session.redo();
        expectTree(session.state().trajectory, session.state().head);
        await expectReplay(session.state().trajectory, session.state().head);
      }),
      { numRuns: 150 },
    );
  }, 120_000);
});
