/** A text with commands' keys in it: `Press [[decide.accept]].` gives a text, a command's id, a text. */
export type TextPart = { text: string } | { command: string };

export function partsOf(marked: string): TextPart[] {
  return marked
    .split(/(\[\[[\w.]+\]\])/)
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('[[') ? { command: part.slice(2, -2) } : { text: part }));
}
