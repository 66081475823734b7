import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lockFile, withFolderLock } from './folder-lock';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'maskwright-lock-'));
const lockOf = (dir: string, holder: unknown): Promise<void> =>
  writeFile(join(dir, lockFile), typeof holder === 'string' ? holder : JSON.stringify(holder));

async function otherProcess(): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  return Object.assign(child, { pid: child.pid ?? 0 });
}

describe('the lock of a folder', () => {
  it('is there while the work runs, also when the work fails, and leaves nothing', async () => {
    const dir = join(newFolder(), 'deep', 'er');
    expect(
      await withFolderLock(dir, async () => {
        const holder: unknown = JSON.parse(await readFile(join(dir, lockFile), 'utf8'));
        expect(holder).toMatchObject({ pid: process.pid, host: hostname() });
        return 'done';
      }),
    ).toBe('done');
    await expect(withFolderLock(dir, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(dir)).toEqual([]);
  });

  it('refuses a second one, in this process and in another that lives', async () => {
    const dir = newFolder();
    await withFolderLock(dir, async () => {
      await expect(withFolderLock(dir, async () => {})).rejects.toMatchObject({ code: 'CONFLICT' });
    });
    const { pid } = await otherProcess();
    await lockOf(dir, { pid, host: hostname(), started: null });
    await expect(withFolderLock(dir, async () => {})).rejects.toThrow(`process ${pid}`);
    await lockOf(dir, { pid, host: 'elsewhere', started: null });
    await expect(withFolderLock(dir, async () => {})).rejects.toMatchObject({
      message: expect.stringContaining('on elsewhere'),
      hint: expect.stringContaining(lockFile),
    });
  });

  it('is taken over from a process that is dead, from one whose number is used again, and when it is torn', async () => {
    const dir = newFolder();
    const child = await otherProcess();
    const dead = { pid: child.pid, host: hostname(), started: null };
    child.kill('SIGKILL');
    await once(child, 'exit');
    const stale: unknown[] = [dead, { pid: process.pid, host: hostname(), started: null }, '{"pid": 1'];
    if (process.platform === 'linux') {
      stale.push({ pid: (await otherProcess()).pid, host: hostname(), started: '1' });
    }
    for (const holder of stale) {
      await lockOf(dir, holder);
      expect(await withFolderLock(dir, async () => 'mine')).toBe('mine');
      expect(await readdir(dir)).toEqual([]);
    }
  });

  it('is got by one of many that find a stale one', async () => {
    const dir = newFolder();
    await lockOf(dir, 'torn');
    let inside = 0;
    let most = 0;
    const tries = Array.from({ length: 8 }, () =>
      withFolderLock(dir, async () => {
        most = Math.max(most, ++inside);
        await new Promise((done) => setTimeout(done, 50));
        inside--;
      }),
    );
    const results = await Promise.allSettled(tries);
    expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(most).toBe(1);
  });
});
