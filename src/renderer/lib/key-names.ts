import { text } from './text';

const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.userAgent ?? '');

const signs: Record<string, string> = {
  ...(isMac ? { Mod: '⌘', Alt: '⌥', Shift: '⇧' } : { Mod: 'Ctrl', Alt: 'Alt', Shift: 'Shift' }),
  Enter: '↵',
  Backspace: '⌫',
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Tab: '⇥',
  '-': '−',
};

/** The modifiers and the key of an event, written as commands write them (see `Command`). */
export function keyOf(event: KeyboardEvent): string {
  const isLetter = /^Key[A-Z]$/.test(event.code);
  const isDigit = /^Digit[0-9]$/.test(event.code);
  // With Alt or Shift the character is another one on many keyboards: letters and digits go by their place then.
  const plain =
    (isLetter || isDigit) && (event.altKey || (isDigit && event.shiftKey)) ? event.code.slice(-1) : event.key;
  const key = plain === ' ' ? 'Space' : plain.length === 1 ? plain.toLowerCase() : plain;
  const needsShift = key.length === 1 && !/[a-z0-9]/.test(key);
  return [
    event.ctrlKey || event.metaKey ? 'Mod' : '',
    event.altKey ? 'Alt' : '',
    event.shiftKey && !needsShift ? 'Shift' : '',
    key,
  ]
    .filter((part) => part !== '')
    .join('+');
}

/** A key as people read it, cap by cap: `Mod+Shift+z` gives Ctrl, Shift, Z, on a Mac ⌘, ⇧, Z. */
export function capsOf(key: string): string[] {
  const parts = key.endsWith('+') ? [...key.slice(0, -1).split('+'), '+'] : key.split('+');
  return parts
    .filter((part) => part !== '')
    .map((part) => signs[part] ?? text.keys.names[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}

/** A key in as little room as a tool has: ⇧E, ⌥P. */
export function shortKey(key: string): string {
  const short: Record<string, string> = { Mod: '⌃', Alt: '⌥', Shift: '⇧' };
  const caps = capsOf(key);
  const parts = key.split('+');
  return caps.map((cap, index) => short[parts[index] ?? ''] ?? cap).join('');
}

/** A key in a sentence: "Ctrl+Shift+Z", on a Mac "⌘⇧Z". */
export function writtenKey(key: string): string {
  return capsOf(key).join(isMac ? '' : '+');
}
