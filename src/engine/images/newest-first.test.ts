import { expect, test } from 'vitest';
import { NewestFirst } from './newest-first';

/** Work that ends when it is told to. */
function gate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

test('of those that wait the newest runs first', async () => {
  const queue = new NewestFirst(1, 10);
  const first = gate();
  const order: string[] = [];
  const blocker = queue.run('first', () => first.opened);
  const others = ['a', 'b', 'c'].map((key) => queue.run(key, async () => order.push(key)));
  first.open();
  await Promise.all([blocker, ...others]);
  expect(order).toEqual(['c', 'b', 'a']);
});

test('what is not wanted any more is given up, and so is the oldest when too many wait', async () => {
  const queue = new NewestFirst(1, 2);
  const first = gate();
  const blocker = queue.run('first', () => first.opened);
  const [a, b, c] = ['a', 'b', 'c'].map((key) => queue.run(key, async () => key));
  await expect(a).rejects.toMatchObject({ code: 'CANCELLED' });
  queue.keep(new Set(['c']));
  await expect(b).rejects.toMatchObject({ code: 'CANCELLED' });
  first.open();
  await blocker;
  expect(await c).toBe('c');
});

test('work that fails frees its place', async () => {
  const queue = new NewestFirst(1, 2);
  await expect(queue.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await queue.run('b', async () => 'b')).toBe('b');
});
