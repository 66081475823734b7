import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ToolName, toolDefinition, toolNames } from './definitions';
import { integersUpTo, toolGrammar, viewGrammar } from './grammar';
import { formatTurn } from './prompt-text';

/** A non-recursive GBNF as one regular expression: literals, classes, repetitions, alternatives, rule names. */
function regExpOf(gbnf: string, root = 'root'): RegExp {
  const rules = new Map(
    gbnf
      .trim()
      .split('\n')
      .map((line): [string, string] => {
        const at = line.indexOf(' ::= ');
        return [line.slice(0, at), line.slice(at + 5)];
      }),
  );
  const expand = (rule: string): string => {
    const body = rules.get(rule);
    if (body === undefined) throw new Error(`No rule ${rule}`);
    const token = /"((?:[^"\\]|\\.)*)"|(\[(?:[^\]\\]|\\.)*\])|(\{[\d,]+\})|(\|)|([a-z][a-z0-9-]*)|\s+/g;
    const pattern = body.replace(token, (_all, text, set, repeat, bar, name) => {
      if (text !== undefined) {
        return JSON.parse(`"${text}"`).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      }
      return set ?? repeat ?? bar ?? (name === undefined ? '' : expand(name));
    });
    return `(?:${pattern})`;
  };
  return new RegExp(`^${expand(root)}$`, 'su');
}

describe('integersUpTo', () => {
  it('holds exactly 0..maximum', () => {
    for (const maximum of [0, 1, 9, 10, 28, 99, 100, 507, 1000, 1344]) {
      const matcher = regExpOf(`root ::= ${integersUpTo(maximum)}`);
      for (let value = 0; value <= 2000; value++) {
        expect(matcher.test(String(value)), `${value} of ${maximum}`).toBe(value <= maximum);
      }
      for (const wrong of ['', '00', '01', '-1', '1.5', '10000']) expect(matcher.test(wrong)).toBe(false);
    }
  });
});

const labels = fc.constantFrom('positive', 'negative');
const calls = fc.constantFrom(...toolNames).chain((name) =>
  fc
    .tuple(
      ...toolDefinition(name).arguments.map((argument) =>
        argument.name === 'label' ? labels : fc.integer({ min: 0, max: 1000 }),
      ),
    )
    .map((values) => ({
      name,
      arguments: Object.fromEntries(toolDefinition(name).arguments.map((a, i) => [a.name, values[i]])),
    })),
);

describe('toolGrammar', () => {
  it('holds every canonical turn of the offered tools', () => {
    const matcher = regExpOf(toolGrammar(toolNames, { maxThoughtChars: 80, maxDigits: 4 }));
    fc.assert(
      fc.property(calls, (call) => {
        expect(formatTurn('The dog is on the left.\nIts tail is missing.', call)).toMatch(matcher);
      }),
    );
  });

  it('refuses other tools, other spacing, other order, long thoughts and tags in thoughts', () => {
    const offered: ToolName[] = ['segment_box', 'finish'];
    const matcher = regExpOf(toolGrammar(offered, { maxThoughtChars: 10, maxDigits: 3 }));
    const good = '<think>\nok\n</think>\n\n<tool_call>\n{"name": "finish", "arguments": {}}\n</tool_call>';
    expect(good).toMatch(matcher);
    const wrong = [
      good.replace('finish', 'new_object'),
      good.replace('": ', '":'),
      good.replace('ok', '12345678901'),
      good.replace('ok', 'a<b'),
      good.replace('ok', ''),
      `${good}\n`,
      good.replace(
        '"finish", "arguments": {}',
        '"segment_box", "arguments": {"y1": 1, "x1": 1, "x2": 2, "y2": 2}',
      ),
      good.replace(
        '"finish", "arguments": {}',
        '"segment_box", "arguments": {"x1": 1000, "y1": 1, "x2": 2, "y2": 2}',
      ),
    ];
    for (const text of wrong) expect(text).not.toMatch(matcher);
  });

  it('bounds coordinates by the view', () => {
    const view = { box: { x1: 0, y1: 0, x2: 640, y2: 480 }, width: 448, height: 336 };
    const turn = (x: number, y: number): string =>
      formatTurn('t', { name: 'add_point', arguments: { x, y, label: 'positive' } });
    const pixel = regExpOf(viewGrammar(toolNames, 'pixel', view, 20));
    expect(turn(448, 336)).toMatch(pixel);
    expect(turn(449, 336)).not.toMatch(pixel);
    expect(turn(448, 337)).not.toMatch(pixel);
    const norm = regExpOf(viewGrammar(toolNames, 'norm1000', view, 20));
    expect(turn(1000, 1000)).toMatch(norm);
    expect(turn(1001, 0)).not.toMatch(norm);
  });

  it('refuses bounds that llama.cpp cannot hold', () => {
    expect(() => toolGrammar(toolNames, { maxThoughtChars: 2000, maxDigits: 4 })).toThrow(RangeError);
    expect(() => toolGrammar(toolNames, { maxThoughtChars: 100, maxDigits: 0 })).toThrow(RangeError);
    expect(() => toolGrammar([], { maxThoughtChars: 100, maxDigits: 4 })).toThrow(RangeError);
  });
});
