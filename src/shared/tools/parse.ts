import { jsonrepair } from 'jsonrepair';
import { type RawCall, rawCallSchema, type ToolName, toolDefinition, toolNames } from './definitions';
import { jsonDumps } from './prompt-text';

/** A model's answer, read leniently. The environment validates the call strictly afterwards. */
export interface ParsedTurn {
  thought: string;
  /** Null when there is not exactly one call; `problem` then says why. */
  call: RawCall | null;
  problem: string | null;
}

/** Longer answers are cut: no turn is that long, and repairing JSON is not linear. Characters. */
const maxLength = 100_000;
const maxCandidates = 50;

const problems = {
  none: 'The answer holds no tool call. Answer with exactly one call in <tool_call></tool_call> tags.',
  unreadable:
    'The tool call is not readable JSON. Write {"name": …, "arguments": {…}} in <tool_call></tool_call> tags.',
};

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** JSON as it is, else repaired (trailing commas, single quotes, unquoted keys, missing ends); else undefined. */
function readJson(text: string): unknown {
  const trimmed = text.trim();
  try {
    return JSON.parse(trimmed);
  } catch {
    // Repairing turns any prose into a string; only something that looks like an object or a list is worth it.
    if (!/^[[{]/.test(trimmed)) return undefined;
    try {
      return JSON.parse(jsonrepair(trimmed));
    } catch {
      return undefined;
    }
  }
}

const nameKeys = ['name', 'tool_name', 'tool', 'function', 'function_name', 'action'];
const argumentKeys = ['arguments', 'parameters', 'args', 'params', 'input', 'tool_input', 'action_input'];

function isToolName(name: string): name is ToolName {
  return toolNames.some((known) => known === name);
}

function integerArguments(name: string): Set<string> {
  if (!isToolName(name)) return new Set();
  const scalars = toolDefinition(name).arguments.filter((argument) => argument.name !== 'label');
  return new Set(scalars.map((argument) => argument.name));
}

/** Integers written as text become numbers ("12", "12.0"); nothing is rounded. */
function withIntegers(call: RawCall): RawCall {
  const integers = integerArguments(call.name);
  const entries = Object.entries(call.arguments).map(([key, value]): [string, unknown] => {
    const isText = integers.has(key) && typeof value === 'string' && /^\s*-?\d{1,9}(?:\.0+)?\s*$/.test(value);
    return [key, isText ? Number(value) : value];
  });
  return { name: call.name, arguments: Object.fromEntries(entries) };
}

/** What an arguments member means: an object, an object as JSON text, or nothing. Undefined: unreadable. */
function readArguments(value: unknown): Json | undefined {
  if (value === undefined || value === null || value === '') return {};
  const read = typeof value === 'string' ? readJson(value) : value;
  return isObject(read) ? read : undefined;
}

function without(value: Json, keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** The calls that a JSON value holds, in the shapes that models and servers are known to write. */
function callsIn(value: unknown, depth = 0): RawCall[] {
  if (depth > 4) return [];
  if (Array.isArray(value)) return value.slice(0, maxCandidates).flatMap((item) => callsIn(item, depth + 1));
  if (!isObject(value)) return [];
  if (Array.isArray(value.tool_calls)) return callsIn(value.tool_calls, depth + 1);
  for (const wrapper of ['function', 'function_call', 'tool_call']) {
    if (isObject(value[wrapper])) return callsIn(value[wrapper], depth + 1);
  }
  const nameKey = nameKeys.find((key) => typeof value[key] === 'string' && value[key] !== '');
  if (nameKey !== undefined) {
    const argumentKey = argumentKeys.find((key) => value[key] !== undefined);
    const given =
      argumentKey === undefined
        ? without(value, [nameKey, 'type', 'id', 'thought', 'index'])
        : readArguments(value[argumentKey]);
    return given ? [withIntegers({ name: String(value[nameKey]).trim(), arguments: given })] : [];
  }
  // {"segment_box": {"x1": …}}
  const [only, ...more] = Object.entries(value);
  if (only && more.length === 0 && isToolName(only[0])) {
    const given = readArguments(only[1]);
    if (given) return [withIntegers({ name: only[0], arguments: given })];
  }
  return [];
}

/** `<function=name><parameter=key>value</parameter></function>`, as newer Qwen models write calls. */
function callsInXml(text: string): RawCall[] {
  const calls: RawCall[] = [];
  for (const [, name = '', body = ''] of text.matchAll(
    /<function=([\w.-]{1,64})>([\s\S]*?)(?:<\/function>|$)/g,
  )) {
    const parameters = [...body.matchAll(/<parameter=([\w.-]{1,64})>([\s\S]*?)(?:<\/parameter>|$)/g)];
    if (parameters.length === 0 && body.trim() !== '') {
      const given = readArguments(body.trim());
      if (given) calls.push(withIntegers({ name, arguments: given }));
      continue;
    }
    const entries = parameters.map(([, key = '', value = '']): [string, unknown] => [key, value.trim()]);
    calls.push(withIntegers({ name, arguments: Object.fromEntries(entries) }));
  }
  return calls;
}

/** Outermost {…} and […] parts of a text, double-quoted strings skipped; an unclosed one runs to the end. */
function bareJson(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  let inString = false;
  for (let i = 0; i < text.length && parts.length < maxCandidates; i++) {
    const character = text[i];
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (depth > 0 && character === '"') inString = true;
    else if (character === '{' || character === '[') {
      if (depth === 0) start = i;
      depth++;
    } else if ((character === '}' || character === ']') && depth > 0) {
      depth--;
      if (depth === 0) parts.push(text.slice(start, i + 1));
    }
  }
  if (depth > 0) parts.push(text.slice(start));
  return parts;
}

interface Found {
  calls: RawCall[];
  /** The text without the calls: prose, which may be reasoning. */
  rest: string;
  /** Something was marked as a call but could not be read. */
  unreadable: boolean;
}

function callsInMarked(text: string): RawCall[] {
  const whole = callsIn(readJson(text));
  if (whole.length > 0) return whole;
  const xml = callsInXml(text);
  if (xml.length > 0) return xml;
  return bareJson(text).flatMap((part) => callsIn(readJson(part)));
}

function findMarked(text: string, pattern: RegExp): Found | null {
  const marked = [...text.matchAll(pattern)].slice(0, maxCandidates);
  if (marked.length === 0) return null;
  const calls = marked.map((match) => callsInMarked(match[1] ?? ''));
  return {
    calls: calls.flat(),
    rest: text.replace(pattern, ' '),
    unreadable: calls.some((inside) => inside.length === 0),
  };
}

const taggedPattern = /<tool_call>([\s\S]*?)(?:<\/tool_call>|(?=<tool_call>)|$)/g;
const fencePattern = /```(?:json|tool_call|tool_code|javascript|js)?[^\S\n]*\n?([\s\S]*?)(?:```|$)/g;

function findCalls(text: string): Found {
  const tagged = findMarked(text, taggedPattern);
  if (tagged) return tagged;
  const xml = callsInXml(text);
  if (xml.length > 0) return { calls: xml, rest: text.replace(/<function=[\s\S]*$/, ''), unreadable: false };
  const fenced = findMarked(text, fencePattern);
  if (fenced && fenced.calls.length > 0) return fenced;
  const parts = bareJson(text);
  const calls = parts.map((part) => callsIn(readJson(part)));
  const rest = parts.reduce(
    (left, part, i) => (calls[i]?.length ? left.replace(part, () => ' ') : left),
    text,
  );
  const looksLikeCall = parts.some((part) => /["'](?:name|tool_name|function|arguments)["']/.test(part));
  return { calls: calls.flat(), rest, unreadable: looksLikeCall };
}

const opening = /<(?:think|thinking|thought)>/;
const closing = /<\/(?:think|thinking|thought)>/;

/** Splits think blocks from the rest. An unclosed one ends where the call begins; one may lack its opening. */
function splitThought(text: string): { thought: string; rest: string } {
  const thoughts: string[] = [];
  let rest = text;
  for (let i = 0; i < maxCandidates; i++) {
    const open = opening.exec(rest);
    const close = closing.exec(rest);
    if (close && (!open || close.index < open.index)) {
      thoughts.push(rest.slice(0, close.index));
      rest = rest.slice(close.index + close[0].length);
    } else if (open) {
      const before = rest.slice(0, open.index);
      const inside = rest.slice(open.index + open[0].length);
      const end = closing.exec(inside);
      if (end) {
        thoughts.push(inside.slice(0, end.index));
        rest = `${before}${inside.slice(end.index + end[0].length)}`;
      } else {
        const call = /<tool_call>|<function=|```|\{\s*["']/.exec(inside);
        thoughts.push(call ? inside.slice(0, call.index) : inside);
        rest = call ? `${before}${inside.slice(call.index)}` : before;
      }
    } else break;
  }
  const thought = thoughts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('\n');
  return { thought, rest };
}

function read(text: string): ParsedTurn {
  const { thought, rest } = splitThought(text);
  const found = findCalls(rest);
  const prose = found.rest
    .replace(/<\|[^|<>]{1,40}\|>|<\/?tool_call>/g, ' ')
    .replace(/[^\S\n]+/g, ' ')
    .trim();
  const result = { thought: thought === '' ? prose : thought };
  const [first] = found.calls;
  if (!first)
    return { ...result, call: null, problem: found.unreadable ? problems.unreadable : problems.none };
  const different = new Set(found.calls.map((call) => jsonDumps([call.name, call.arguments])));
  if (different.size > 1) {
    const names = found.calls.slice(0, 4).map((call) => call.name.slice(0, 40));
    const problem = `The answer holds ${different.size} different tool calls (${names.join(', ')}); exactly one is allowed a turn.`;
    return { ...result, call: null, problem };
  }
  return { ...result, call: rawCallSchema.parse(first), problem: null };
}

/**
 * Reads a model's answer. Never throws.
 *
 * Understood: `<think>` blocks (also unclosed, or opened by the prompt), prose around the call as the thought
 * when there is no block, `<tool_call>` tags (also unclosed), `<function=…>` markup, fenced and bare JSON,
 * repaired JSON, `tool_name`/`function`/`parameters` and similar names, arguments as a JSON string, integers
 * as text. A call inside a closed think block is reasoning and does not count. Exactly one call a turn: the
 * same call written twice counts once; different calls are a problem and none of them is taken, because what
 * the model would see next could not be the effect of all it wrote.
 */
export function parseTurn(text: string): ParsedTurn {
  try {
    return read(text.length > maxLength ? text.slice(0, maxLength) : text);
  } catch {
    return { thought: '', call: null, problem: problems.unreadable };
  }
}
