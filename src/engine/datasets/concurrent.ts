/**
 * Runs `work` for items of an async iterable, a few at a time, and yields results in the order of the items. Stops
 * taking items when the signal aborts. A throw of `work` ends the iteration after the running ones settled.
 */
export async function* mapConcurrent<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
  signal?: AbortSignal,
): AsyncGenerator<R, void> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      if (signal?.aborted === true) break;
      const promise = work(item);
      // Awaited below; until then a rejection must not count as unhandled.
      promise.catch(() => {});
      running.push(promise);
      if (running.length >= limit) {
        const next = running.shift();
        if (next !== undefined) yield await next;
      }
    }
    while (running.length > 0) {
      const next = running.shift();
      if (next !== undefined) yield await next;
    }
  } finally {
    await Promise.allSettled(running);
  }
}
