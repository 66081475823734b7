import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { build } from 'vite';
import { beforeAll, expect, it } from 'vitest';
import { createProject, openProject } from '../../src/engine/project/open';
import { temporaryFolder } from '../support/project-data';

/** How often a process is killed right after its accept answered. */
const rounds = 100;
/** Inside the checkout, so that the script finds node_modules; ignored by git. */
const outDir = resolve('out/test-support');
const script = join(outDir, 'accept-child.cjs');

beforeAll(async () => {
  mkdirSync(outDir, { recursive: true });
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { '@shared': resolve('src/shared'), '@engine': resolve('src/engine') } },
    // One file loads much faster than zod's many: the time of a round is mostly the child's start.
    ssr: { noExternal: ['zod'] },
    build: {
      minify: true,
      ssr: resolve('tests/support/accept-child.ts'),
      outDir,
      emptyOutDir: false,
      target: 'node16.17',
      rolldownOptions: {
        external: ['libsql', 'sharp'],
        output: { format: 'cjs', entryFileNames: 'accept-child.cjs' },
      },
    },
  });
});

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** The next line of a child; rejects when it ends without one. */
async function line(lines: AsyncIterator<string>, child: Child): Promise<string> {
  const next = await lines.next();
  if (next.done === true) throw new Error(`The child ended with ${child.exitCode ?? child.signalCode}`);
  return next.value;
}

it(`loses nothing accepted in ${rounds} kills right after the answer`, async () => {
  const folder = temporaryFolder();
  const project = createProject(folder);
  project.addImages(folder, [{ file: join(folder, 'a.png'), sha256: 'f', width: 20, height: 20 }]);
  project.close();
  const accepted = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    const child: Child = spawn(process.execPath, [script, join(folder, 'project.maskwright')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = new Promise((done) => child.once('exit', done));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect(await line(lines, child)).toBe('ready');
    const id = `t${round}`;
    child.stdin.write(`${id}\n`);
    const [word, answered, annotation] = (await line(lines, child)).split(' ');
    child.kill('SIGKILL');
    expect([word, answered]).toEqual(['accepted', id]);
    accepted.set(id, Number(annotation));
    await ended;
    // Every tenth time, and at the end, everything so far is looked at.
    if (round % 10 === 9) {
      const store = openProject(folder);
      const imageId = store.listImages({ offset: 0, limit: 1, state: 'done', search: '' }).items[0]?.id ?? '';
      const annotations = store.annotations(imageId);
      expect(annotations.map(({ id: key, trajectoryId }) => [trajectoryId, key])).toEqual([...accepted]);
      for (const key of accepted.keys()) expect(store.trajectory(key).outcome.status).toBe('accepted');
      expect(store.historyState().undo).toBe('Accept 1 × box');
      store.close();
    }
  }
  expect(accepted.size).toBe(rounds);
});
