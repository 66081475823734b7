import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toolNames } from '../tools/definitions';
import { toolJsonSchemas } from '../tools/json-schema';
import { formatCall, jsonDumps } from '../tools/prompt-text';
import { briefSystemText } from '../tools/system-text';
import {
  type Answer,
  answerText,
  type Conversation,
  type ConversationMessage,
  conversationProblems,
  oneAnswerEach,
  RowError,
} from './conversation';
import { llamaFactoryRow, readLlamaFactoryRow } from './llama-factory';
import { msSwiftRow, readMsSwiftRow } from './ms-swift';
import {
  llamaFactoryPreference,
  msSwiftPreference,
  preferenceProblems,
  readLlamaFactoryPreference,
  readMsSwiftPreference,
  readTrlPreference,
  trlPreference,
} from './preferences';
import { readTrlRow, trlRow } from './trl';
import { readVerlRow, verlRow } from './verl';

const coordinate = fc.integer({ min: 0, max: 1000 });
const words = fc.stringMatching(/^[a-z"{}:,.\\ ü\u2028-]{1,20}$/).map((text) => `w${text.trim()}`);
const call = fc.oneof(
  fc
    .record({ x: coordinate, y: coordinate, label: fc.constantFrom('positive', 'negative') })
    .map((given) => ({
      name: 'add_point',
      arguments: { ...given },
    })),
  fc.constantFrom('finish', 'zoom_out', 'report_no_target').map((name) => ({ name, arguments: {} })),
);
const learned: fc.Arbitrary<Answer> = fc
  .tuple(fc.oneof(fc.constant(''), words), call)
  .map(([thought, given]) => ({ role: 'assistant', thought, call: given, loss: true }));
const context: fc.Arbitrary<Answer> = fc.oneof(
  learned.map((answer) => ({ ...answer, loss: false })),
  words.map((thought): Answer => ({ role: 'assistant', thought, call: null, loss: false })),
  fc.tuple(words, fc.dictionary(words, words)).map(
    ([name, given]): Answer => ({
      role: 'assistant',
      thought: '',
      call: { name, arguments: given },
      loss: false,
    }),
  ),
);

const conversation: fc.Arbitrary<Conversation> = fc
  .record({
    brief: fc.boolean(),
    system: words,
    answers: fc.array(fc.oneof(learned, context), { maxLength: 4 }),
    last: learned,
    texts: fc.array(words, { minLength: 5, maxLength: 5 }),
    shown: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  })
  .map(({ brief, system, answers, last, texts, shown }) => {
    const messages = [...answers, last].flatMap((answer, index): ConversationMessage[] => [
      { role: index === 0 ? 'user' : 'tool', text: `${shown[index] ? '<image>\n' : ''}${texts[index]}` },
      answer,
    ]);
    const images = shown
      .slice(0, answers.length + 1)
      .filter((is) => is)
      .map((_, index) => `images/${index}.png`);
    return brief
      ? { system: briefSystemText, tools: [], messages, images }
      : { system, tools: toolJsonSchemas(toolNames, 'norm1000'), messages, images };
  });

/** Calls with their arguments in the order in which they are written. */
function normal(given: Conversation): unknown {
  const messages = given.messages.map((message) =>
    message.role === 'assistant' ? { text: answerText(message), loss: message.loss } : message,
  );
  return { ...given, messages };
}

const engines = [
  ['ms-swift', msSwiftRow, readMsSwiftRow],
  ['trl', trlRow, readTrlRow],
  ['verl', verlRow, readVerlRow],
] as const;

describe.each(engines)('rows for %s', (_, write, read) => {
  it('read back as the conversation that they were made of', () => {
    fc.assert(
      fc.property(conversation, (given) => {
        const row: unknown = JSON.parse(JSON.stringify(write(given)));
        const back = read(row);
        expect(normal(back)).toEqual(normal(given));
        expect(conversationProblems(back)).toEqual([]);
        expect(jsonDumps(write(back))).toBe(jsonDumps(row));
      }),
    );
  });

  it('are refused, read as something else or not written so, when any character of them is changed', () => {
    fc.assert(
      fc.property(conversation, fc.nat(), fc.constantFrom('', '#', '<image>'), (given, at, put) => {
        const text = JSON.stringify(write(given));
        const place = at % text.length;
        const changed = `${text.slice(0, place)}${put}${text.slice(place + 1)}`;
        fc.pre(changed !== text);
        let row: unknown;
        try {
          row = JSON.parse(changed);
        } catch {
          return;
        }
        fc.pre(JSON.stringify(row) !== text);
        try {
          const back = read(row);
          const isSame = jsonDumps(normal(back)) === jsonDumps(normal(given));
          expect(isSame && jsonDumps(write(back)) === jsonDumps(row)).toBe(false);
        } catch (error) {
          if (!(error instanceof RowError)) throw error;
        }
      }),
    );
  });
});

describe('rows of a brief prompt', () => {
  const messages: ConversationMessage[] = [
    { role: 'user', text: 'q' },
    { role: 'assistant', thought: 'a', call: { name: 'finish', arguments: {} }, loss: true },
  ];
  const given: Conversation = { system: briefSystemText, tools: [], messages, images: [] };

  it('say nothing of tools in any form', () => {
    for (const [, write] of engines) expect(JSON.stringify(write(given))).not.toMatch(/tools/);
    expect(llamaFactoryRow(given).tools).toBe('');
  });
});

describe('rows for LLaMA-Factory', () => {
  it('have one answer to learn each, the last, and together all of them', () => {
    fc.assert(
      fc.property(conversation, (given) => {
        const rows = oneAnswerEach(given).map((one) =>
          readLlamaFactoryRow(JSON.parse(JSON.stringify(llamaFactoryRow(one)))),
        );
        for (const row of rows) {
          expect(conversationProblems(row)).toEqual([]);
          expect(row.messages.filter((message) => message.role === 'assistant' && message.loss)).toHaveLength(
            1,
          );
        }
        const all = given.messages.flatMap((message) =>
          message.role === 'assistant' && message.loss ? [answerText(message)] : [],
        );
        const last = rows.map(({ messages }) => messages.at(-1));
        expect(last.map((message) => (message?.role === 'assistant' ? answerText(message) : ''))).toEqual(
          all,
        );
      }),
    );
  });
});

describe('preferences', () => {
  const forms = [
    [trlPreference, readTrlPreference],
    [msSwiftPreference, readMsSwiftPreference],
    [llamaFactoryPreference, readLlamaFactoryPreference],
  ] as const;

  it('read back as the pair that they were made of', () => {
    fc.assert(
      fc.property(conversation, learned, fc.constantFrom(...forms), (given, rejected, [write, read]) => {
        const messages = given.messages.map((message, index) =>
          message.role === 'assistant' ? { ...message, loss: index === given.messages.length - 1 } : message,
        );
        const pair = { chosen: { ...given, messages }, rejected };
        const back = read(JSON.parse(JSON.stringify(write(pair))));
        expect(normal(back.chosen)).toEqual(normal(pair.chosen));
        expect(answerText(back.rejected)).toBe(answerText(rejected));
        const final = messages.at(-1);
        const same = final?.role === 'assistant' && answerText(final) === answerText(rejected);
        expect(preferenceProblems(back)).toEqual(same ? ['both answers are the same'] : []);
      }),
    );
  });
});

describe('what is wrong with a conversation', () => {
  const answer: Answer = {
    role: 'assistant',
    thought: 'a',
    call: { name: 'finish', arguments: {} },
    loss: true,
  };
  const good: Conversation = {
    system: 's',
    tools: toolJsonSchemas(toolNames, 'pixel'),
    messages: [{ role: 'user', text: '<image>\nq' }, answer],
    images: ['images/a.png'],
  };

  it.each([
    ['too few images', { ...good, images: [] }, /1 image marks and 0 images/],
    ['too many images', { ...good, images: ['a', 'b'] }, /1 image marks and 2 images/],
    ['no tools', { ...good, tools: [] }, /no tool is offered/],
    [
      'roles in the wrong order',
      { ...good, messages: [good.messages[0], good.messages[0], answer] },
      /of user where/,
    ],
    [
      'an end without loss',
      { ...good, messages: [good.messages[0], { ...answer, loss: false }] },
      /no answer under/,
    ],
    ['an end that is asked', { ...good, messages: [good.messages[0]] }, /no answer under loss/],
    [
      'a learned call that is invalid',
      { ...good, messages: [good.messages[0], { ...answer, call: { name: 'finish', arguments: { x: 1 } } }] },
      /no valid call/,
    ],
    [
      'a learned text',
      { ...good, messages: [good.messages[0], { ...answer, call: null }] },
      /it holds no call/,
    ],
    [
      'a mark in the middle',
      { ...good, messages: [{ role: 'user', text: 'q <image>\n' }, answer] },
      /beginning/,
    ],
  ])('%s', (_, broken, reason) => {
    expect(conversationProblems(broken as Conversation).join('\n')).toMatch(reason);
    expect(conversationProblems(good)).toEqual([]);
  });

  it('a call that is not in the form of the prompt', () => {
    const row = msSwiftRow(good);
    const messages = row.messages.map((message) =>
      message.role === 'tool_call'
        ? { ...message, content: formatCall({ name: 'finish', arguments: {} }).replace(' ', '') }
        : message,
    );
    expect(() => readMsSwiftRow({ ...row, messages })).toThrow(/not in the form/);
  });
});
