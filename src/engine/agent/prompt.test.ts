import { defaultViewConfig } from '@shared/geometry/view';
import type { PromptStyle } from '@shared/tools/conventions';
import { briefSystemText, systemText } from '@shared/tools/system-text';
import type { Trajectory, TrajectoryNode } from '@shared/trajectory/schema';
import { appendNode, appendVerdict, newTrajectory } from '@shared/trajectory/tree';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { Environment } from '../environment/environment';
import { ObservationRenderer } from '../environment/observation-image';
import type { Policy } from '../policies/policy';
import { headerOf } from './episode';
import { promptGiven } from './explain';
import { promptAt } from './prompt';
import { propose } from './turn';

const environment = new Environment({
  image: greyImage(100, 80),
  segmenter: shapeSegmenter(),
  coordinates: 'norm1000',
  viewConfig: defaultViewConfig('norm1000'),
  turnBudget: 8,
});
const root = environment.reset().observation;

function withTurns(count: number, prompt: PromptStyle = 'full'): Trajectory {
  const header = headerOf(environment, {
    id: 't',
    imageName: 'grey',
    query: 'the cup',
    policy: { kind: 'test', name: 'test' },
    seed: null,
    prompt,
  });
  let trajectory = newTrajectory(header, root);
  for (let i = 1; i <= count; i++)
    trajectory = appendNode(trajectory, node(`n${i}`, i === 1 ? null : `n${i - 1}`));
  return trajectory;
}

function node(id: string, parent: string | null, change: Partial<TrajectoryNode> = {}): TrajectoryNode {
  return {
    id,
    parent,
    author: 'agent',
    thought: `thought ${id}`,
    call: { name: 'zoom_out', arguments: {} },
    raw: '',
    observation: { ...root, text: `observation ${id}` },
    invalid: null,
    ended: null,
    timings: { policyMs: 0, environmentMs: 0 },
    usage: {},
    iou: null,
    at: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

const shape = (trajectory: Trajectory, head: string | null): string[] =>
  promptAt(trajectory, head).map(
    ({ role, content }) =>
      `${role}: ${content.map((part) => (part.type === 'image' ? `<${part.node ?? 'image'}>` : part.text)).join('')}`,
  );

describe('a brief prompt', () => {
  it('is one line of system text and the conversation with all its pictures', () => {
    const [system, ...rest] = shape(withTurns(2, 'brief'), 'n2');
    expect(system).toBe('system: Segment what the query names.');
    const [, ...full] = promptAt(withTurns(2), 'n2', 2).map(({ role, content }) => [role, content]);
    expect(
      promptAt(withTurns(2, 'brief'), 'n2')
        .map(({ role, content }) => [role, content])
        .slice(1),
    ).toEqual(full);
    expect(rest.filter((message) => message.includes('<n'))).toHaveLength(2);
    expect(systemText({ coordinates: 'pixel', prompt: 'brief' })).toBe(briefSystemText);
    expect(systemText({ coordinates: 'pixel', prompt: 'full' })).toContain('integer pixels');
  });

  it('is explained without tools', async () => {
    const renderer = new ObservationRenderer();
    const { image } = environment.options;
    expect((await promptGiven(withTurns(0, 'brief'), null, image, renderer)).tools).toBe('');
    expect((await promptGiven(withTurns(0), null, image, renderer)).tools).toContain('# Tools');
  });

  it('is not given to an agent that was trained with another', async () => {
    const asked: string[] = [];
    const policy: Policy = {
      identity: { kind: 'llama-cpp', name: 'tiny' },
      author: 'agent',
      readsPrompt: false,
      conventions: { prompt: 'brief' },
      async propose({ prompt }) {
        asked.push(prompt);
        return { thought: '', call: null, problem: null, raw: '', usage: {} };
      },
      async close() {},
    };
    const { state } = environment.reset();
    const ask = (trajectory: Trajectory) =>
      propose(policy, trajectory, null, environment, state, new ObservationRenderer());
    await ask(withTurns(0, 'brief'));
    await expect(ask(withTurns(0))).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(asked).toEqual(['brief']);
  });
});

describe('prompt at a node', () => {
  it('holds system text, first image, all turns as text and only the latest overlay image', () => {
    const [system, user, ...turns] = shape(withTurns(3), 'n3');
    expect(system).toMatch(/^system: You segment/);
    expect(user).toBe(`user: <image>Query: the cup\n${root.text}`);
    expect(turns.map((turn) => turn.split('\n')[0])).toEqual([
      'assistant: <think>',
      'tool: [earlier image left out]',
      'assistant: <think>',
      'tool: [earlier image left out]',
      'assistant: <think>',
      'tool: <n3>observation n3',
    ]);
    expect(turns[0]).toBe(
      'assistant: <think>\nthought n1\n</think>\n\n<tool_call>\n{"name": "zoom_out", "arguments": {}}\n</tool_call>',
    );
  });

  it('follows the path to the node and leaves branches out', () => {
    const trajectory = appendNode(withTurns(2), node('n9', 'n1'));
    expect(shape(trajectory, 'n9').join()).not.toContain('thought n2');
  });

  it('tells the agent what was rejected at this place, with the reason', () => {
    const ghost = node('n3', 'n2', { observation: null, call: { name: 'finish', arguments: {} } });
    const rejected = appendVerdict(appendNode(withTurns(2), ghost), {
      node: 'n3',
      verdict: 'rejected',
      by: 'human',
      replacement: null,
      reason: 'the handle is missing',
      at: '2026-01-01T00:00:00.000Z',
    });
    expect(shape(rejected, 'n2').at(-1)).toContain(
      'Rejected by the person (the handle is missing): {"name": "finish", "arguments": {}}. Propose another call.',
    );
    expect(shape(rejected, 'n1').join()).not.toContain('Rejected');
  });
});
