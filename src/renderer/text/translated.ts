/** A sentence of the engine, and what it is in another language; `$1` as in a replacement. */
export type Translation = readonly [pattern: RegExp, written: string];

/** The engine's words in the window's language, where they are known; else as they are. */
export function translated(sentence: string, known: readonly Translation[]): string {
  const found = known.find(([pattern]) => pattern.test(sentence));
  return found ? sentence.replace(found[0], found[1]) : sentence;
}
