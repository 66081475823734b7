import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toolNames } from './definitions';
import { parseTurn } from './parse';
import { cleanThought, formatTurn } from './prompt-text';

const box = { name: 'segment_box', arguments: { x1: 1, y1: 2, x2: 30, y2: 40 } };
const boxJson = JSON.stringify(box);

describe('parseTurn understands', () => {
  const accepted: Array<[what: string, text: string, thought: string]> = [
    ['the canonical form', formatTurn('The dog.', box), 'The dog.'],
    ['no thought', `<tool_call>${boxJson}</tool_call>`, ''],
    ['an unclosed tag', `<think>a</think><tool_call>\n${boxJson}`, 'a'],
    ['an unclosed think block', `<think>The dog.\n<tool_call>\n${boxJson}\n</tool_call>`, 'The dog.'],
    ['an unclosed think block before bare JSON', `<think>The dog. ${boxJson}`, 'The dog.'],
    [
      'a think block opened by the prompt',
      `The dog.\n</think>\n\n<tool_call>${boxJson}</tool_call>`,
      'The dog.',
    ],
    ['reasoning outside', `The dog is left.\n<tool_call>${boxJson}</tool_call>`, 'The dog is left.'],
    ['a fence', `Here:\n\`\`\`json\n${boxJson}\n\`\`\``, 'Here:'],
    ['a fence without language', `\`\`\`\n${boxJson}\n\`\`\``, ''],
    ['a fence inside the tag', `<tool_call>\n\`\`\`json\n${boxJson}\n\`\`\`\n</tool_call>`, ''],
    ['bare JSON', boxJson, ''],
    ['bare JSON in prose', `I choose ${boxJson} now.`, 'I choose now.'],
    [
      'trailing commas',
      '<tool_call>{"name": "segment_box", "arguments": {"x1": 1, "y1": 2, "x2": 30, "y2": 40,},}</tool_call>',
      '',
    ],
    [
      'single quotes',
      "<tool_call>{'name': 'segment_box', 'arguments': {'x1': 1, 'y1': 2, 'x2': 30, 'y2': 40}}</tool_call>",
      '',
    ],
    [
      'a missing end',
      '<tool_call>{"name": "segment_box", "arguments": {"x1": 1, "y1": 2, "x2": 30, "y2": 40',
      '',
    ],
    ['other names', '{"tool_name": "segment_box", "parameters": {"x1": 1, "y1": 2, "x2": 30, "y2": 40}}', ''],
    ['a function member', `{"type": "function", "function": ${boxJson}}`, ''],
    ['a function name', '{"function": "segment_box", "args": {"x1": 1, "y1": 2, "x2": 30, "y2": 40}}', ''],
    ['the tool as key', '{"segment_box": {"x1": 1, "y1": 2, "x2": 30, "y2": 40}}', ''],
    ['flat arguments', '{"name": "segment_box", "x1": 1, "y1": 2, "x2": 30, "y2": 40}', ''],
    [
      'arguments as JSON text',
      JSON.stringify({ name: 'segment_box', arguments: JSON.stringify(box.arguments) }),
      '',
    ],
    [
      'integers as floats and text',
      '{"name": "segment_box", "arguments": {"x1": 1.0, "y1": "2", "x2": "30.0", "y2": 4e1}}',
      '',
    ],
    ['a list of one', `[${boxJson}]`, ''],
    ['tool_calls', `{"tool_calls": [{"id": "1", "function": ${boxJson}}]}`, ''],
    ['the same call twice', `<tool_call>${boxJson}</tool_call>\n<tool_call>${boxJson}</tool_call>`, ''],
    [
      'function markup',
      '<tool_call>\n<function=segment_box>\n<parameter=x1>\n1\n</parameter>\n<parameter=y1>2</parameter><parameter=x2>30</parameter><parameter=y2>40</parameter></function></tool_call>',
      '',
    ],
    ['an end token', `<tool_call>${boxJson}</tool_call><|im_end|>`, ''],
  ];
  for (const [what, text, thought] of accepted) {
    it(what, () => expect(parseTurn(text)).toEqual({ thought, call: box, problem: null }));
  }

  it('a call without arguments', () => {
    expect(parseTurn('{"name": "finish"}').call).toEqual({ name: 'finish', arguments: {} });
    expect(parseTurn('{"name": "finish", "arguments": null}').call).toEqual({
      name: 'finish',
      arguments: {},
    });
    expect(parseTurn('<function=finish></function>').call).toEqual({ name: 'finish', arguments: {} });
  });

  it('leaves wrong values for the environment to refuse', () => {
    const call = parseTurn('{"name": "add_point", "arguments": {"x": 1.5, "y": "left", "label": 3}}').call;
    expect(call).toEqual({ name: 'add_point', arguments: { x: 1.5, y: 'left', label: 3 } });
    expect(parseTurn('{"name": "fly", "arguments": {"to": "12"}}').call).toEqual({
      name: 'fly',
      arguments: { to: '12' },
    });
  });
});

describe('parseTurn refuses', () => {
  it.each([
    '',
    'The dog is on the left.',
    '<think>only a thought</think>',
    '<think>unclosed',
    '{"x1": 1}',
    '[1, 2, 3, 4]',
    `<think>maybe <tool_call>${boxJson}</tool_call></think>done`,
  ])('no call: %j', (text) => {
    const parsed = parseTurn(text);
    expect(parsed.call).toBeNull();
    expect(parsed.problem).toContain('no tool call');
  });

  it('an unreadable call', () => {
    const parsed = parseTurn('<think>a</think><tool_call>segment the dog</tool_call>');
    expect(parsed).toMatchObject({ thought: 'a', call: null });
    expect(parsed.problem).toContain('not readable');
  });

  it('different calls', () => {
    const parsed = parseTurn(
      `<tool_call>${boxJson}</tool_call><tool_call>{"name": "finish", "arguments": {}}</tool_call>`,
    );
    expect(parsed.call).toBeNull();
    expect(parsed.problem).toContain('2 different tool calls (segment_box, finish)');
  });
});

const fragments = fc.constantFrom(
  '<think>',
  '</think>',
  '<tool_call>',
  '</tool_call>',
  '```json',
  '```',
  '{',
  '}',
  '[',
  ']',
  '"name"',
  ':',
  ',',
  '"',
  "'",
  '\\',
  boxJson,
  '"arguments"',
  '<function=',
  'x>',
  '<parameter=',
  '__proto__',
  'null',
  '1e999',
  '\ud800',
);
const garbage = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(fc.oneof(fragments, fc.string({ maxLength: 4 })), { maxLength: 40 })
    .map((parts) => parts.join('')),
  fc.json(),
);

describe('parseTurn never throws', () => {
  it('on garbage, and gives either a call or a problem', () => {
    fc.assert(
      fc.property(garbage, (text) => {
        const parsed = parseTurn(text);
        expect(parsed.call === null).toBe(parsed.problem !== null);
      }),
      { numRuns: 2000 },
    );
  });

  it('on long and deep texts, in bounded time', () => {
    const started = Date.now();
    for (const piece of [
      '{',
      '[',
      '{"a":',
      '<think>',
      '<tool_call>',
      '```',
      '"',
      '{}',
      '<function=x>',
      "{'",
    ]) {
      const parsed = parseTurn(piece.repeat(100_000));
      expect(parsed.call).toBeNull();
    }
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  it('and gives back what formatTurn wrote', () => {
    const thoughts = fc.oneof(fc.string({ maxLength: 100 }), garbage);
    const values = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(thoughts, fc.constantFrom(...toolNames), values, values, (thought, name, x, y) => {
        const call =
          name === 'add_point' ? { name, arguments: { x, y, label: 'negative' } } : { name, arguments: {} };
        const clean = cleanThought(thought);
        const parsed = parseTurn(formatTurn(thought, call));
        expect(parsed.call).toEqual(call);
        expect(parsed.thought).toBe(clean);
      }),
      { numRuns: 1000 },
    );
  });
});
