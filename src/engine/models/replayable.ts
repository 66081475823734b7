/**
 * Hands text on as it comes. After `restart` (a new child begins again with the same seed) what was handed on
 * before is left out; should the new text differ from it, nothing more is handed on.
 */
export function replayable(onText: (text: string) => void): { push(text: string): void; restart(): void } {
  let given = '';
  let current = '';
  return {
    push: (text) => {
      current += text;
      if (current.length <= given.length || !current.startsWith(given)) return;
      const fresh = current.slice(given.length);
      given = current;
      onText(fresh);
    },
    restart: () => {
      current = '';
    },
  };
}
