/** The engine wants to know which kind of agent it is; a file or an address says it by itself. */
export function policySpec(written: string): string {
  if (/^https?:/i.test(written)) return `openai:${written}`;
  return /\.gguf(,|$)/i.test(written) && !/^\w{2,}:/.test(written) ? `llama:${written}` : written;
}
