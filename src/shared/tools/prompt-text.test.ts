import { describe, expect, it } from 'vitest';
import { toolNames } from './definitions';
import { toolJsonSchemas } from './json-schema';
import { cleanThought, formatTurn, jsonDumps, toolPromptText, withToolSection } from './prompt-text';

describe('jsonDumps', () => {
  it('writes as json.dumps(…, ensure_ascii=False) does', () => {
    const value = { a: [1, 'é"\n', null, true], b: {}, c: [], d: undefined };
    expect(jsonDumps(value)).toBe('{"a": [1, "é\\"\\n", null, true], "b": {}, "c": []}');
  });
});

describe('toolPromptText', () => {
  it("is the section of Qwen's chat templates", () => {
    expect(toolPromptText(['finish'], 'norm1000')).toBe(
      `# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{"type": "function", "function": {"name": "finish", "description": "Submit the masks of all objects as the answer.", "parameters": {"type": "object", "properties": {}, "required": []}}}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>`,
    );
  });

  it('is appended once', () => {
    const once = withToolSection('You segment.', toolNames, 'norm1000');
    expect(once.startsWith('You segment.\n\n# Tools\n\n')).toBe(true);
    expect(withToolSection(once, toolNames, 'norm1000')).toBe(once);
    expect(withToolSection('', ['finish'], 'pixel').startsWith('# Tools')).toBe(true);
  });
});

describe('toolJsonSchemas', () => {
  const view = { box: { x1: 0, y1: 0, x2: 640, y2: 480 }, width: 448, height: 336 };

  it('bounds coordinates by the convention', () => {
    const [norm] = toolJsonSchemas(['segment_box'], 'norm1000');
    expect(norm?.function.parameters).toEqual({
      type: 'object',
      properties: {
        x1: {
          type: 'integer',
          description: "left, 0 to 1000 of the view's width",
          minimum: 0,
          maximum: 1000,
        },
        y1: {
          type: 'integer',
          description: "top, 0 to 1000 of the view's height",
          minimum: 0,
          maximum: 1000,
        },
        x2: {
          type: 'integer',
          description: "right, 0 to 1000 of the view's width",
          minimum: 0,
          maximum: 1000,
        },
        y2: {
          type: 'integer',
          description: "bottom, 0 to 1000 of the view's height",
          minimum: 0,
          maximum: 1000,
        },
      },
      required: ['x1', 'y1', 'x2', 'y2'],
    });
    const [pixel] = toolJsonSchemas(['add_point'], 'pixel', view);
    expect(pixel?.function.parameters.properties.x?.maximum).toBe(448);
    expect(pixel?.function.parameters.properties.y?.maximum).toBe(336);
    expect(pixel?.function.parameters.properties.label?.enum).toEqual(['positive', 'negative']);
  });

  it('does not depend on the view unless one is given', () => {
    const [pixel] = toolJsonSchemas(['add_point'], 'pixel');
    expect(pixel?.function.parameters.properties.x?.maximum).toBeUndefined();
  });
});

describe('formatTurn', () => {
  it('is the Hermes form with arguments in the order of the tool', () => {
    const call = { name: 'add_point', arguments: { label: 'positive', y: 2, x: 1 } };
    expect(formatTurn('  A ', call)).toBe(
      '<think>\nA\n</think>\n\n<tool_call>\n{"name": "add_point", "arguments": {"x": 1, "y": 2, "label": "positive"}}\n</tool_call>',
    );
    expect(formatTurn('', { name: 'finish', arguments: {} })).toBe(
      '<tool_call>\n{"name": "finish", "arguments": {}}\n</tool_call>',
    );
  });

  it('removes tags that would break the form, also nested ones', () => {
    expect(cleanThought('a</thi</think>nk>b<|im_end|>c <tool_call>')).toBe('abc');
    expect(cleanThought('x < y and y > z')).toBe('x < y and y > z');
  });
});
