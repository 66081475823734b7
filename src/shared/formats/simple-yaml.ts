/**
 * As much YAML as the `data.yaml` of YOLO data sets has: one mapping whose values are single values, lists or mappings
 * of single values, in block or in flow form. Comments and quotes are understood; anchors, multi-line texts and deeper
 * nesting are not and are refused.
 */
export type YamlScalar = string | number | boolean | null;
export type YamlValue = YamlScalar | YamlScalar[] | Map<string, YamlScalar>;

/** Throws SyntaxError that names the line. */
export function parseSimpleYaml(text: string): Map<string, YamlValue> {
  const result = new Map<string, YamlValue>();
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  let open: { key: string; value: YamlScalar[] | Map<string, YamlScalar> | null } | null = null;
  let flow: { key: string; text: string } | null = null;
  for (const [index, raw] of lines.entries()) {
    const line = withoutComment(raw);
    const fail = (why: string): never => {
      throw new SyntaxError(`Line ${index + 1}: ${why}`);
    };
    if (flow !== null) {
      flow.text += ` ${line.trim()}`;
      if (!isClosed(flow.text)) continue;
      result.set(flow.key, parseFlow(flow.text, fail));
      flow = null;
      continue;
    }
    if (line.trim() === '' || line === '---' || line === '...' || line.startsWith('%')) continue;
    const item = /^(\s*)-(?:\s+(.*))?$/.exec(line);
    const indented = /^\s/.test(line);
    if (
      item !== null &&
      open !== null &&
      (item[1] !== '' || open.value === null || Array.isArray(open.value))
    ) {
      open.value ??= [];
      if (!Array.isArray(open.value)) return fail('a list item in a mapping');
      open.value.push(parseScalar(item[2]?.trim() ?? '', fail));
      result.set(open.key, open.value);
      continue;
    }
    const [key, rest] = splitPair(line.trim()) ?? fail('it is neither "key: value" nor a list item');
    if (indented) {
      if (open === null) return fail('it is indented, but belongs to nothing');
      open.value ??= new Map();
      if (Array.isArray(open.value)) return fail('a key in a list');
      open.value.set(key, parseScalar(rest, fail));
      result.set(open.key, open.value);
    } else if (rest === '') {
      open = { key, value: null };
      result.set(key, null);
    } else {
      open = null;
      if (rest.startsWith('[') || rest.startsWith('{')) {
        if (isClosed(rest)) result.set(key, parseFlow(rest, fail));
        else flow = { key, text: rest };
      } else result.set(key, parseScalar(rest, fail));
    }
  }
  if (flow !== null) throw new SyntaxError(`The bracket of "${flow.key}" is left open.`);
  return result;
}

/** A text as YAML reads it back, whatever is in it. */
export function yamlText(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

type Fail = (why: string) => never;

/** The line up to a `#` that stands outside of quotes and after a space. */
function withoutComment(line: string): string {
  let quote = '';
  for (let i = 0; i < line.length; i += 1) {
    const character = line.charAt(i);
    if (quote !== '') {
      if (character === '\\' && quote === '"') i += 1;
      else if (character === quote) quote = '';
    } else if ((character === '"' || character === "'") && /^$|[\s:,[{-]/.test(line.charAt(i - 1)))
      quote = character;
    else if (character === '#' && (i === 0 || /\s/.test(line.charAt(i - 1))))
      return line.slice(0, i).trimEnd();
  }
  return line.trimEnd();
}

/** Key and the rest of `key: value`; the key may be quoted. */
function splitPair(text: string): [string, string] | null {
  const quoted = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*:(?:\s+(.*))?$/.exec(text);
  if (quoted !== null) return [String(unquoted(quoted[1] ?? '')), (quoted[2] ?? '').trim()];
  const plain = /^([^:]*?(?::\S[^:]*?)*)\s*:(?:\s+(.*))?$/.exec(text);
  return plain === null ? null : [(plain[1] ?? '').trim(), (plain[2] ?? '').trim()];
}

function unquoted(text: string): string | null {
  if (text.startsWith("'") && text.endsWith("'") && text.length > 1)
    return text.slice(1, -1).replace(/''/g, "'");
  if (!text.startsWith('"')) return null;
  try {
    const value: unknown = JSON.parse(text.replace(/\\x([0-9a-fA-F]{2})/g, '\\u00$1'));
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

function parseScalar(text: string, fail: Fail): YamlScalar {
  if (text === '' || text === '~' || text === 'null') return null;
  if (text.startsWith('"') || text.startsWith("'")) return unquoted(text) ?? fail('a quote is left open');
  if (/^[&*!|>@`%[{]/.test(text))
    return fail(`"${text.slice(0, 20)}" is a form of YAML that is not read here`);
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text)) return Number(text);
  return text;
}

/** Whether the bracket that a text begins with is closed at its end. */
function isClosed(text: string): boolean {
  return splitFlow(text) !== null;
}

/** The parts of `[a, b]` or `{a: b}`; null while the bracket is open. */
function splitFlow(text: string): string[] | null {
  const parts: string[] = [];
  let part = '';
  let quote = '';
  for (let i = 1; i < text.length; i += 1) {
    const character = text.charAt(i);
    if (quote !== '') {
      part += character;
      if (character === '\\' && quote === '"') {
        i += 1;
        part += text.charAt(i);
      } else if (character === quote) quote = '';
    } else if ((character === '"' || character === "'") && part.trim().replace(/^.*:\s*/, '') === '') {
      quote = character;
      part += character;
    } else if (character === ',') {
      parts.push(part.trim());
      part = '';
    } else if (character === ']' || character === '}') {
      if (text.slice(i + 1).trim() !== '') return null;
      if (part.trim() !== '') parts.push(part.trim());
      return parts;
    } else part += character;
  }
  return null;
}

function parseFlow(text: string, fail: Fail): YamlScalar[] | Map<string, YamlScalar> {
  const parts = splitFlow(text) ?? fail('a bracket is left open');
  if (text.startsWith('[')) return parts.map((part) => parseScalar(part, fail));
  return new Map(
    parts.map((part) => {
      const pair = splitPair(part) ?? splitPair(part.replace(':', ': ')) ?? fail(`"${part}" is no pair`);
      return [pair[0], parseScalar(pair[1], fail)];
    }),
  );
}
