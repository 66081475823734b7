import { toolNames } from '@shared/tools/definitions';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { Environment } from '../environment/environment';
import { ablated, ablationText } from './ablation';
import type { Message, Policy, PolicyInput } from './policy';

const picture = { png: Buffer.alloc(1), width: 1, height: 1 };
const messages: Message[] = [
  {
    role: 'user',
    content: [
      { type: 'image', image: picture },
      { type: 'text', text: 'Query: it' },
    ],
  },
  {
    role: 'tool',
    content: [
      { type: 'image', image: picture },
      { type: 'text', text: 'Turn 1' },
    ],
  },
];

async function asked(ablation: Parameters<typeof ablated>[1]): Promise<PolicyInput> {
  let seen: PolicyInput | null = null;
  const policy: Policy = {
    identity: { kind: 'test', name: 'test' },
    author: 'agent',
    readsPrompt: true,
    async propose(input) {
      seen = input;
      return { thought: '', call: null, problem: null, raw: '', usage: {} };
    },
    async close() {},
  };
  const environment = new Environment({
    image: greyImage(64, 64),
    segmenter: shapeSegmenter(),
    coordinates: 'norm1000',
    viewConfig: { multiple: 32, minPixels: 1024, maxPixels: 4096 },
    turnBudget: 4,
    groundTruth: null,
  });
  const { state } = environment.reset();
  const input = {
    messages,
    tools: toolNames,
    coordinates: 'norm1000',
    prompt: 'full',
    view: state.view,
    state,
  } as const;
  await ablated(policy, ablation).propose({ ...input, messages: [...messages] });
  if (!seen) throw new Error('Nobody was asked');
  return seen;
}

describe('an ablated policy', () => {
  it('is not offered the tools that it has to do without', async () => {
    const { tools } = await asked({ without: ['zoom', 'zoom_out'], blind: false });
    expect(tools).toEqual(toolNames.filter((tool) => !tool.startsWith('zoom')));
  });

  it('sees the first picture and the texts alone when it is blind', async () => {
    const { messages: shown, tools } = await asked({ without: [], blind: true });
    expect(shown.map(({ content }) => content.map(({ type }) => type))).toEqual([
      ['image', 'text'],
      ['text'],
    ]);
    expect(tools).toEqual(toolNames);
  });

  it('is the policy itself where nothing is missing, and says what is', () => {
    expect(ablationText({ without: [], blind: false })).toBe('');
    expect(ablationText({ without: ['zoom'], blind: true })).toBe(' without zoom, observation images');
  });
});
