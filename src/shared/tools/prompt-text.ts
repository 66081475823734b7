import type { Coordinates, View } from '../geometry/view';
import { type RawCall, type ToolName, toolDefinitions } from './definitions';
import { type FunctionTool, toolJsonSchemas } from './json-schema';

/**
 * JSON as Python's `json.dumps(value, ensure_ascii=False)` writes it (`", "` and `": "`), which is what chat
 * templates (`tojson` in transformers) and training engines produce. Undefined members are left out.
 */
export function jsonDumps(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonDumps).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}: ${jsonDumps(member)}`).join(', ')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** First line of the tools section; a system text that holds it has the section already. */
export const toolSectionHeading = '# Tools\n\n';

/**
 * The Hermes section that Qwen's chat templates append to the system text, after a blank line, when tools
 * are given; word for word (Qwen2.5 and Qwen3-VL `chat_template`). See {@link toolJsonSchemas} for `view`.
 */
export function toolPromptText(
  tools: readonly ToolName[],
  coordinates: Coordinates,
  view: View | null = null,
): string {
  return toolSection(toolJsonSchemas(tools, coordinates, view));
}

/** The same for tools as they stand in a training row. */
export function toolSection(tools: readonly FunctionTool[]): string {
  return `${toolSectionHeading}You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
${tools.map(jsonDumps).join('\n')}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>`;
}

/** A system text with the tools section appended, unless it holds one already. */
export function withToolSection(
  system: string,
  tools: readonly ToolName[],
  coordinates: Coordinates,
): string {
  if (system.includes(toolSectionHeading)) return system;
  const section = toolPromptText(tools, coordinates);
  return system === '' ? section : `${system}\n\n${section}`;
}

/** The arguments in the tool's order, then any unknown ones as they came. */
function orderedArguments(call: RawCall): Record<string, unknown> {
  const order = toolDefinitions.find((tool) => tool.name === call.name)?.arguments.map((a) => a.name) ?? [];
  const known = order.filter((name) => Object.hasOwn(call.arguments, name));
  const rest = Object.keys(call.arguments).filter((name) => !order.includes(name));
  return Object.fromEntries([...known, ...rest].map((name) => [name, call.arguments[name]]));
}

/** `{"name": "…", "arguments": {…}}` on one line. */
export function formatCall(call: RawCall): string {
  return jsonDumps({ name: call.name, arguments: orderedArguments(call) });
}

const controlText = /<\/?(?:think|tool_call|tool_response)>|<\|[^|<>]*\|>/g;

/** A thought without tags that would break the turn's form or act as control tokens. */
export function cleanThought(thought: string): string {
  let text = thought;
  for (;;) {
    const next = text.replace(controlText, '');
    if (next === text) return text.trim();
    text = next;
  }
}

/**
 * The canonical assistant text of a turn; parseTurn gives back the same thought and call. An empty thought
 * has no think block. `call` null gives the thought alone, for a final answer without a call.
 */
export function formatTurn(thought: string, call: RawCall | null): string {
  const clean = cleanThought(thought);
  const think = clean === '' ? '' : `<think>\n${clean}\n</think>`;
  if (!call) return think;
  return `${think === '' ? '' : `${think}\n\n`}<tool_call>\n${formatCall(call)}\n</tool_call>`;
}
