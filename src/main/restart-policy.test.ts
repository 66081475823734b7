import { expect, test } from 'vitest';
import { parseLaunchArguments } from './arguments';
import { RestartPolicy } from './restart-policy';

test('waits longer with each crash and gives up after five in a minute', () => {
  const policy = new RestartPolicy();
  const delays = [0, 1, 2, 3, 4, 5].map((second) => policy.crashed(second * 1000));
  expect(delays).toEqual([0, 250, 1_000, 2_000, 4_000, null]);
  policy.reset();
  expect(policy.crashed(7_000)).toBe(0);
});

test('a crash now and then is always answered by a restart', () => {
  const policy = new RestartPolicy();
  for (let hour = 0; hour < 50; hour++) expect(policy.crashed(hour * 3_600_000)).toBe(0);
});

test('reads its own arguments among those of Electron', () => {
  const argv = ['electron', '--no-sandbox', '--project', 'a/b', '--data-dir=/x', '--inspect=0', '.'];
  expect(parseLaunchArguments(argv, '/here')).toEqual({ project: '/here/a/b', dataDir: '/x' });
  expect(parseLaunchArguments(['electron', '--project'], '/here')).toEqual({});
  expect(parseLaunchArguments(['electron', '--project='], '/here')).toEqual({});
});
