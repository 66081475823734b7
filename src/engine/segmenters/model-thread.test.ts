import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ModelThread } from './model-thread';
import { ThreadClient, ThreadDied } from './thread-client';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A thread that loads nothing, and fails while a file `broken` lies beside it. */
function fakeThread(): { threadFile: string; broken: string } {
  const folder = mkdtempSync(join(tmpdir(), 'maskwright-thread-'));
  folders.push(folder);
  const threadFile = join(folder, 'thread.cjs');
  const broken = join(folder, 'broken');
  writeFileSync(
    threadFile,
    `const { existsSync } = require('node:fs');
    const { parentPort } = require('node:worker_threads');
    parentPort.on('message', ({ id }) => {
      if (existsSync(${JSON.stringify(broken)})) {
        const error = { code: 'SEGMENTER_FAILED', message: 'no memory', hint: '' };
        parentPort.postMessage({ id, ok: false, error });
      } else parentPort.postMessage({ id, ok: true, value: { provider: 'cpu', reasons: [] } });
    });`,
  );
  return { threadFile, broken };
}

test('a load that failed once after the thread died is tried again by the next request', async () => {
  const { threadFile, broken } = fakeThread();
  const thread = new ModelThread({ threadFile, file: 'model.onnx', providers: ['cpu'], threads: 1 });
  await thread.load();
  await thread.crash();
  writeFileSync(broken, '');
  await expect(thread.load()).rejects.toMatchObject({ code: 'SEGMENTER_FAILED' });
  rmSync(broken);
  await expect(thread.load()).resolves.toMatchObject({ provider: 'cpu' });
  await thread.close();
});

test('a request that cannot be sent is rejected, and the thread takes the next one', async () => {
  const { threadFile } = fakeThread();
  const client = new ThreadClient(threadFile);
  const command = { type: 'load' as const, file: '', providers: [], threads: 1 };
  const unsendable = { ...command, extra: () => '' };
  await expect(client.request<'load'>(unsendable)).rejects.toThrow(/could not be cloned/);
  await expect(client.request<'load'>(command)).resolves.toMatchObject({ provider: 'cpu' });
  await client.close();
  await expect(client.request<'load'>(command)).rejects.toBeInstanceOf(ThreadDied);
});
