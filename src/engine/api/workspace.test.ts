import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openOrCreateProject } from '../project';
import { Workspace } from './workspace';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function start(): { workspace: Workspace; one: string; two: string } {
  const folder = mkdtempSync(join(tmpdir(), 'maskwright-workspace-'));
  folders.push(folder);
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  for (const made of [one, two]) mkdirSync(made);
  const options = { dataDir: join(folder, 'data'), resourcesDir: resolve('resources'), log: () => {} };
  return { workspace: new Workspace(options, () => {}), one, two };
}

/** Throws while another holds the project. */
function openElsewhere(location: string): void {
  openOrCreateProject(location).store.close();
}

it('opens one after another when asked for several at once; the last stays open', async () => {
  const { workspace, one, two } = start();
  const opened = await Promise.all([one, two, one, two].map((folder) => workspace.open(folder)));
  expect(opened.map(({ created }) => created)).toEqual([true, true, false, false]);
  expect(workspace.current).toBe(opened[3]?.store);
  openElsewhere(one);
  const closed = workspace.close();
  await Promise.all([closed, workspace.close()]);
  openElsewhere(two);
});

it('lets go of a project that could not take its place', async () => {
  const { workspace, one, two } = start();
  workspace.onOpened(() => {
    throw new Error('no');
  });
  await expect(workspace.open(one)).rejects.toThrow('no');
  expect(workspace.current).toBeNull();
  openElsewhere(one);
  workspace.onOpened(() => {});
  await workspace.open(one);
  workspace.onClosing(() => Promise.reject(new Error('not now')));
  await expect(workspace.open(two)).rejects.toThrow('not now');
  expect(workspace.summary()?.location).toBe(workspace.project.file);
  openElsewhere(two);
  workspace.onClosing(async () => {});
  await workspace.close();
});
