import type { Coordinates, View } from '../geometry/view';
import { maxCoordinate } from '../geometry/view';
import { pointLabelSchema, type ToolName, toolDefinition } from './definitions';

/** llama.cpp refuses a repetition above 2000 (MAX_REPETITION_THRESHOLD in its grammar parser). */
export const maxThoughtCharsLimit = 1999;

export interface GrammarOptions {
  /** Longest thought in characters, 1 to 1999. */
  maxThoughtChars: number;
  /** Most digits of an integer, 1 to 9. */
  maxDigits: number;
  /** Largest x and y of the current view; where given, a point outside the view cannot be written. */
  maximum?: { width: number; height: number };
}

/** A GBNF string literal. */
function literal(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

function repeated(digits: number): string {
  return digits === 0 ? '' : digits === 1 ? ' [0-9]' : ` [0-9]{${digits}}`;
}

/** GBNF alternatives for the integers 0..maximum, without leading zeros. */
export function integersUpTo(maximum: number): string {
  const text = String(maximum);
  const alternatives = ['"0"'];
  if (maximum === 0) return '"0"';
  if (text.length > 1) alternatives.push(text.length === 2 ? '[1-9]' : `[1-9] [0-9]{0,${text.length - 2}}`);
  for (let position = 0; position < text.length; position++) {
    const lowest = position === 0 ? 1 : 0;
    const highest = Number(text[position]) - 1;
    if (highest < lowest) continue;
    const prefix = position === 0 ? '' : `${literal(text.slice(0, position))} `;
    alternatives.push(`${prefix}[${lowest}-${highest}]${repeated(text.length - position - 1)}`);
  }
  alternatives.push(literal(text));
  return alternatives.join(' | ');
}

function argumentRule(name: string): string {
  if (name === 'label') return 'label';
  if (name.startsWith('x')) return 'x';
  if (name.startsWith('y')) return 'y';
  return 'integer';
}

function ruleName(tool: ToolName): string {
  return tool.replaceAll('_', '-');
}

function callRule(tool: ToolName): string {
  const parts: string[] = [];
  let text = `{"name": "${tool}", "arguments": {`;
  toolDefinition(tool).arguments.forEach((argument, index) => {
    text += `${index > 0 ? ', ' : ''}"${argument.name}": `;
    parts.push(literal(text), argumentRule(argument.name));
    text = '';
  });
  parts.push(literal(`${text}}}`));
  return `${ruleName(tool)} ::= ${parts.join(' ')}`;
}

function checkRange(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`${name} must be an integer from ${low} to ${high}, not ${value}`);
  }
}

/**
 * GBNF that holds a model to exactly one turn in the form of {@link import('./prompt-text').formatTurn}:
 * a thought of bounded length, then one of the offered tools with keys in fixed order and json.dumps spacing.
 * A thought holds no `<`, so it can neither close itself nor name a control token, and does not start with
 * white space. Throws RangeError for bounds that llama.cpp would refuse.
 */
export function toolGrammar(tools: readonly ToolName[], options: GrammarOptions): string {
  checkRange('maxThoughtChars', options.maxThoughtChars, 1, maxThoughtCharsLimit);
  checkRange('maxDigits', options.maxDigits, 1, 9);
  if (tools.length === 0) throw new RangeError('A grammar needs at least one tool');
  const integer = options.maxDigits === 1 ? '[0-9]' : `"0" | [1-9] [0-9]{0,${options.maxDigits - 1}}`;
  const rules = [
    'root ::= "<think>\\n" thought "\\n</think>\\n\\n<tool_call>\\n" call "\\n</tool_call>"',
    `thought ::= [^<\\x00-\\x20\\x7F]${options.maxThoughtChars > 1 ? ` [^<\\x00-\\x09\\x0B-\\x1F\\x7F]{0,${options.maxThoughtChars - 1}}` : ''}`,
    `call ::= ${tools.map(ruleName).join(' | ')}`,
    ...tools.map(callRule),
  ];
  const used = new Set(
    tools.flatMap((tool) => toolDefinition(tool).arguments.map((a) => argumentRule(a.name))),
  );
  if (used.has('x')) rules.push(`x ::= ${options.maximum ? integersUpTo(options.maximum.width) : integer}`);
  if (used.has('y')) rules.push(`y ::= ${options.maximum ? integersUpTo(options.maximum.height) : integer}`);
  if (used.has('integer')) rules.push(`integer ::= ${integer}`);
  if (used.has('label')) {
    rules.push(`label ::= ${pointLabelSchema.options.map((label) => literal(`"${label}"`)).join(' | ')}`);
  }
  return `${rules.join('\n')}\n`;
}

/** The grammar for the current view, its coordinates bounded by the view. */
export function viewGrammar(
  tools: readonly ToolName[],
  coordinates: Coordinates,
  view: View,
  maxThoughtChars: number,
): string {
  const maximum = maxCoordinate(view, coordinates);
  const maxDigits = String(Math.max(maximum.width, maximum.height)).length;
  return toolGrammar(tools, { maxThoughtChars, maxDigits, maximum });
}
