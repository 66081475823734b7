import { type OpenAiPolicyOptions, openAiPolicy } from '@engine/policies/openai-compatible';
import type { Message, Policy, PolicyInput } from '@engine/policies/policy';
import { MaskwrightError } from '@shared/contract/errors';
import { toolNames } from '@shared/tools/definitions';
import { formatTurn } from '@shared/tools/prompt-text';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type FakeAnswer,
  type FakeOpenAi,
  type FakeOptions,
  fakeOpenAi,
  streamOf,
} from '../support/fake-openai';

const key = 'sk-very-secret-key-123';
const box = { name: 'segment_box', arguments: { x1: 1, y1: 2, x2: 30, y2: 40 } };
const boxJson = JSON.stringify(box);
const hermes = formatTurn('The dog is left.', box);
const nativeCall = {
  id: 'call_1',
  type: 'function' as const,
  function: { name: box.name, arguments: JSON.stringify(box.arguments) },
};

const open: Array<{ close(): Promise<void> }> = [];
afterEach(async () => {
  for (const item of open.splice(0)) await item.close();
});

async function serve(answers: FakeAnswer[], options?: FakeOptions): Promise<FakeOpenAi> {
  const server = await fakeOpenAi(options);
  server.answers.push(...answers);
  open.push(server);
  return server;
}

function policyFor(server: { url: string }, options: Partial<OpenAiPolicyOptions> = {}): Policy {
  const policy = openAiPolicy({
    baseUrl: server.url,
    model: null,
    apiKey: key,
    backoffMs: 5,
    timeoutMs: 2000,
    stallMs: 500,
    ...options,
  });
  open.push(policy);
  return policy;
}

const image = { png: new Uint8Array([0x89, 0x50, 0x4e, 0x47]), width: 224, height: 224 };

function inputOf(more: Message[] = []): PolicyInput {
  const view = { box: { x1: 0, y1: 0, x2: 224, y2: 224 }, width: 224, height: 224 };
  const state = { view, objects: [], activeObject: 1, turn: 0, turnBudget: 8, ended: null, past: [] };
  const messages: Message[] = [
    { role: 'system', content: [{ type: 'text', text: 'You segment.' }] },
    {
      role: 'user',
      content: [
        { type: 'image', image },
        { type: 'text', text: 'Query: dog <|im_end|>' },
      ],
    },
    ...more,
  ];
  return { messages, tools: toolNames, coordinates: 'norm1000', prompt: 'full', view, state };
}

const laterTurns: Message[] = [
  { role: 'assistant', content: [{ type: 'text', text: hermes }] },
  {
    role: 'tool',
    content: [
      { type: 'image', image },
      { type: 'text', text: 'Turn 1.' },
    ],
  },
];

async function failureOf(promise: Promise<unknown>): Promise<MaskwrightError> {
  const error = await promise.then(
    () => new Error('It did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof MaskwrightError)) throw error;
  expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain(key);
  return error;
}

const message = (content: string): FakeAnswer => ({ kind: 'message', message: { content } });

describe('answers', () => {
  const cases: Array<[what: string, answer: FakeAnswer, thought: string]> = [
    ['Hermes tags', message(hermes), 'The dog is left.'],
    ['native calls', { kind: 'message', message: { content: null, tool_calls: [nativeCall] } }, ''],
    [
      'native calls with reasoning',
      {
        kind: 'message',
        message: { content: null, reasoning_content: 'The dog is left.', tool_calls: [nativeCall] },
      },
      'The dog is left.',
    ],
    [
      'native calls with content as thought',
      { kind: 'message', message: { content: 'The dog is left.', tool_calls: [nativeCall] } },
      'The dog is left.',
    ],
    [
      'a fence with trailing commas',
      message(
        'Here:\n```json\n{"name": "segment_box", "arguments": {"x1": 1, "y1": 2, "x2": 30, "y2": 40,},}\n```',
      ),
      'Here:',
    ],
    ['thinking in the text', message(`<think>The dog\nis left.</think>${boxJson}`), 'The dog\nis left.'],
    [
      'a call in the text and the same natively',
      { kind: 'message', message: { content: hermes, tool_calls: [nativeCall] } },
      'The dog is left.',
    ],
    [
      'a server that does not stream',
      { kind: 'message', message: { content: hermes }, ignoreStream: true },
      'The dog is left.',
    ],
  ];
  for (const stream of [true, false]) {
    it.each(cases)(`%s, stream ${stream}`, async (_what, answer, thought) => {
      const server = await serve([answer]);
      let streamed = '';
      const proposal = await policyFor(server, { stream }).propose(inputOf(), {
        onText: (text) => {
          streamed += text;
        },
      });
      expect(proposal).toMatchObject({ thought, call: box, problem: null });
      expect(streamed).toBe(proposal.raw);
      expect(proposal.usage).toEqual({ promptTokens: 122, completionTokens: 20, cachedTokens: 121 });
    });
  }

  it('thinking parts and object arguments', async () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'Left.' }] },
      { type: 'text', text: 'I call.' },
    ];
    const call = { function: { name: box.name, arguments: box.arguments } };
    const body = JSON.stringify({
      choices: [{ message: { content, tool_calls: [call] }, finish_reason: 'stop' }],
    });
    const server = await serve([{ kind: 'raw', body }]);
    expect(await policyFor(server).propose(inputOf())).toMatchObject({ thought: 'Left.', call: box });
  });

  it('no call, and a cut answer, are problems and not errors', async () => {
    const server = await serve([
      message('I see a dog.'),
      { kind: 'message', message: { content: '<think>long' }, finish: 'length' },
    ]);
    const policy = policyFor(server);
    const one = await policy.propose(inputOf());
    expect(one.call).toBeNull();
    expect(one.problem).toContain('no tool call');
    expect((await policy.propose(inputOf())).problem).toContain('cut off');
  });
});

describe('requests', () => {
  it('to a llama-server carry a grammar and the Hermes prompt', async () => {
    const server = await serve([message(hermes)], { llamaServer: true });
    const policy = policyFor(server);
    await policy.propose(inputOf(laterTurns));
    await policy.propose(inputOf());
    expect(server.paths).toEqual(['/props', '/v1/models', '/v1/chat/completions', '/v1/chat/completions']);
    const [first] = server.requests;
    expect(first?.headers.authorization).toBe(`Bearer ${key}`);
    expect(first?.body).toMatchObject({ model: '/models/tiny.gguf', stream: true, reasoning_format: 'none' });
    expect(first?.body.grammar).toContain('root ::= "<think>');
    expect(first?.body.tools).toBeUndefined();
    expect(policy.identity).toEqual({ kind: 'openai-compatible', name: 'tiny.gguf' });
    expect(first?.body.messages).toMatchObject([
      { role: 'system', content: expect.stringContaining('# Tools') },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw==' } },
          { type: 'text', text: '\nQuery: dog < |im_end|>' },
        ],
      },
      { role: 'assistant', content: hermes },
      {
        role: 'user',
        content: [
          { type: 'text', text: '<tool_response>\n' },
          { type: 'image_url' },
          { type: 'text', text: '\nTurn 1.' },
          { type: 'text', text: '\n</tool_response>' },
        ],
      },
    ]);
  });

  it('to other servers carry tools and native calls', async () => {
    const server = await serve([message(hermes)]);
    await policyFor(server, { model: 'big' }).propose(inputOf(laterTurns));
    const [first] = server.requests;
    expect(server.paths).not.toContain('/v1/models');
    expect(first?.body).toMatchObject({ model: 'big', tool_choice: 'required' });
    expect(first?.body.grammar).toBeUndefined();
    expect(first?.body.tools).toHaveLength(toolNames.length);
    expect(first?.body.messages).toMatchObject([
      { role: 'system', content: 'You segment.' },
      { role: 'user' },
      {
        role: 'assistant',
        content: 'The dog is left.',
        tool_calls: [
          {
            id: 'call_2',
            function: { name: 'segment_box', arguments: '{"x1": 1, "y1": 2, "x2": 30, "y2": 40}' },
          },
        ],
      },
      { role: 'tool', tool_call_id: 'call_2', content: 'Turn 1.' },
      { role: 'user', content: [{ type: 'image_url' }, { type: 'text' }] },
    ]);
  });

  it('adapt to what a server refuses', async () => {
    const refuse = (text: string): FakeAnswer => ({
      kind: 'status',
      status: 400,
      body: JSON.stringify({ error: { message: text } }),
    });
    const server = await serve([
      refuse("Unsupported parameter: use 'max_completion_tokens' instead"),
      refuse("'temperature' does not support 0"),
      refuse('"auto" tool choice requires --enable-auto-tool-choice'),
      refuse('model does not support tools'),
      message(hermes),
    ]);
    const policy = policyFor(server);
    expect((await policy.propose(inputOf())).call).toEqual(box);
    const last = server.requests[4]?.body ?? {};
    expect(last.max_completion_tokens).toBe(2048);
    expect(last.temperature).toBeUndefined();
    expect(last.tools).toBeUndefined();
    expect(JSON.stringify(last.messages)).toContain('# Tools');
    await policy.propose(inputOf());
    expect(server.requests).toHaveLength(6);
  });

  it.each([
    ['http://127.0.0.1:1', 'http://127.0.0.1:1/v1'],
    ['127.0.0.1:1/v1/', 'http://127.0.0.1:1/v1'],
    ['http://127.0.0.1:1/api/v2/chat/completions', 'http://127.0.0.1:1/api/v2'],
  ])('go to the API of %s', async (given, expected) => {
    const { normalizeBaseUrl } = await import('@engine/policies/openai-compatible-http');
    expect(normalizeBaseUrl(given)).toBe(expected);
  });

  it.each(['ftp://x', 'http://user:pass@host/v1', 'http://'])('refuse the address %s', (baseUrl) => {
    expect(() => openAiPolicy({ baseUrl, model: null, apiKey: null })).toThrow(MaskwrightError);
  });
});

describe('retries', () => {
  it('what may pass: 503, 429 with Retry-After, a dropped connection, a stream that breaks off', async () => {
    const busy: FakeAnswer = { kind: 'status', status: 429, body: '{}', headers: { 'retry-after': '0.05' } };
    const broken: FakeAnswer = {
      kind: 'events',
      events: streamOf({ content: hermes }, 'stop').slice(0, 4),
      thenDrop: true,
    };
    const server = await serve([
      { kind: 'status', status: 503, body: 'busy' },
      busy,
      { kind: 'drop' },
      broken,
      message(hermes),
    ]);
    const policy = policyFor(server, { maxRetries: 4 });
    let streamed = '';
    const proposal = await policy.propose(inputOf(), {
      onText: (text) => {
        streamed += text;
      },
    });
    expect(proposal.call).toEqual(box);
    expect(streamed).toBe(proposal.raw);
    expect(server.requests).toHaveLength(5);
  });

  it('end after the bound', async () => {
    const server = await serve([{ kind: 'status', status: 500, body: '{"error":{"message":"boom"}}' }]);
    const error = await failureOf(policyFor(server, { maxRetries: 2 }).propose(inputOf()));
    expect(error).toMatchObject({
      code: 'ENDPOINT_FAILED',
      message: 'The server answered 500: boom',
      retryable: true,
    });
    expect(server.requests).toHaveLength(3);
  });

  it('wait for a llama-server that loads its model, and know it then', async () => {
    const server = await serve([message(hermes)], { llamaServer: true, loading: 3 });
    const proposal = await policyFor(server).propose(inputOf());
    expect(proposal.call).toEqual(box);
    expect(server.requests[0]?.body.grammar).toBeDefined();
  });
});

describe('errors', () => {
  const status = (code: number, text: string, type = ''): FakeAnswer => ({
    kind: 'status',
    status: code,
    body: JSON.stringify({ error: { message: text, type, code } }),
  });

  it('of the request are not retried, carry the server’s words and a hint, and no key', async () => {
    const tooLong: FakeAnswer = {
      kind: 'status',
      status: 400,
      body: JSON.stringify({
        error: {
          code: 400,
          message: 'too long',
          type: 'exceed_context_size_error',
          n_prompt_tokens: 9000,
          n_ctx: 4096,
        },
      }),
    };
    const cases: Array<[FakeAnswer, string, string]> = [
      [status(401, `Incorrect API key provided: ${key}`), 'Incorrect API key', 'MASKWRIGHT_API_KEY'],
      [status(404, 'model "x" not found'), 'model "x" not found', '/v1'],
      [status(400, 'Failed to load image', 'invalid_request_error'), 'Failed to load image', 'accept'],
      [tooLong, '9000 tokens in a context of 4096', 'larger context'],
      [
        { kind: 'status', status: 302, body: '', headers: { location: 'http://elsewhere/' } },
        '302',
        'redirects',
      ],
      [{ kind: 'status', status: 403, body: '<html><b>Forbidden</b></html>' }, 'Forbidden', 'not allowed'],
    ];
    for (const [answer, said, hint] of cases) {
      const server = await serve([answer]);
      const error = await failureOf(policyFor(server).propose(inputOf()));
      expect(error.code).toBe('ENDPOINT_FAILED');
      expect(error.message).toContain(said);
      expect(error.hint).toContain(hint);
      expect(error.retryable).toBe(false);
      expect(server.requests).toHaveLength(1);
    }
  });

  it('rubbish in every form', async () => {
    const bodies: FakeAnswer[] = [
      { kind: 'raw', body: '<html>Welcome</html>', contentType: 'text/html' },
      { kind: 'raw', body: '' },
      { kind: 'raw', body: '{"hello": 1}' },
      { kind: 'raw', body: '[]' },
      { kind: 'raw', body: 'null' },
      { kind: 'events', events: ['data: not json\n\n'] },
      { kind: 'events', events: ['data: {"choices": 5}\n\n'] },
      { kind: 'events', events: ['data: [DONE]\n\n'] },
    ];
    for (const answer of bodies) {
      const server = await serve([answer]);
      const error = await failureOf(policyFor(server).propose(inputOf()));
      expect(error.code).toBe('ENDPOINT_FAILED');
      expect(error.message).toMatch(/^The server answered with /);
      expect(error.hint).toContain('/v1');
    }
  });

  it('inside a stream', async () => {
    const server = await serve([
      { kind: 'events', events: ['data: {"error": {"message": "out of memory", "code": 500}}\n\n'] },
    ]);
    const error = await failureOf(policyFor(server).propose(inputOf()));
    expect(error.message).toContain('out of memory');
  });

  it('no server, no vision, no model', async () => {
    const gone = await fakeOpenAi();
    await gone.close();
    const refused = await failureOf(policyFor(gone, { maxRetries: 1 }).propose(inputOf()));
    expect(refused.message).toContain('Nothing answers at');
    expect(refused.hint).toContain('running');
    const blind = await serve([message(hermes)], { llamaServer: true, vision: false });
    expect((await failureOf(policyFor(blind).propose(inputOf()))).message).toContain('cannot see');
    const bare = await serve([message(hermes)], { models: [] });
    expect((await failureOf(policyFor(bare).propose(inputOf()))).message).toContain('no model');
  });

  it('TLS towards a plain server', async () => {
    const server = await serve([message(hermes)]);
    const url = server.url.replace('http:', 'https:');
    const error = await failureOf(policyFor({ url }, { maxRetries: 0 }).propose(inputOf()));
    expect(error.message).toContain('No secure connection');
  });

  it('silence before and inside an answer', async () => {
    const before = await serve([{ kind: 'hang' }]);
    const one = await failureOf(policyFor(before, { timeoutMs: 200, maxRetries: 0 }).propose(inputOf()));
    expect(one.message).toContain('no answer within 0.2 s');
    const inside = await serve([
      { kind: 'events', events: streamOf({ content: hermes }, 'stop').slice(0, 3), thenHang: true },
    ]);
    const two = await failureOf(policyFor(inside, { stallMs: 100, maxRetries: 0 }).propose(inputOf()));
    expect(two.message).toContain('nothing more within');
    expect(two.retryable).toBe(true);
  });
});

describe('abort', () => {
  it('is immediate: while waiting, inside a stream, in a back-off', async () => {
    const waiting: FakeAnswer[] = [
      { kind: 'hang' },
      { kind: 'events', events: streamOf({ content: hermes }, 'stop').slice(0, 3), thenHang: true },
      { kind: 'status', status: 429, body: '{}', headers: { 'retry-after': '30' } },
    ];
    for (const answer of waiting) {
      const server = await serve([answer]);
      const controller = new AbortController();
      const proposal = policyFor(server, { timeoutMs: 10_000, stallMs: 10_000 }).propose(inputOf(), {
        signal: controller.signal,
      });
      setTimeout(() => controller.abort(), 100);
      const started = Date.now();
      expect((await failureOf(proposal)).code).toBe('CANCELLED');
      expect(Date.now() - started).toBeLessThan(1000);
    }
  });

  it('of one call leaves another alone, and close ends all', async () => {
    const server = await serve([message(hermes)]);
    const policy = policyFor(server);
    const controller = new AbortController();
    const one = policy.propose(inputOf(), { signal: controller.signal });
    const two = policy.propose(inputOf());
    controller.abort();
    expect((await failureOf(one)).code).toBe('CANCELLED');
    expect((await two).call).toEqual(box);
    await policy.close();
    expect((await failureOf(policy.propose(inputOf()))).code).toBe('CANCELLED');
  });
});
