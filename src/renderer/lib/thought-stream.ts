/**
 * What can be shown of an answer that is still being written: the thought without its tags, and whether the call has
 * begun. Tags that are only half there are left out.
 */
export function thoughtSoFar(streamed: string): { thought: string; callBegun: boolean } {
  const start = streamed.indexOf('<tool_call');
  const before = (start < 0 ? streamed : streamed.slice(0, start))
    .replace(/<\/?(?:think|tool_call|tool_response)>/g, '')
    .replace(/<\/?[a-z_]*$/, '');
  return { thought: before.trim(), callBegun: start >= 0 };
}
