import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createProject, openProject } from '../../src/engine/project/open';
import { runCli } from '../support/cli';
import { temporaryFolder } from '../support/project-data';

it('a failed import leaves no project that it made, and leaves one that was there', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'new.maskwright');
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{"images": [');
  const failed = await runCli(['import', `coco:${broken}`, '--project', file]);
  expect(failed.code).not.toBe(0);
  expect(existsSync(file)).toBe(false);

  createProject(file, { name: 'Mine' }).close();
  expect((await runCli(['import', `coco:${broken}`, '--project', file])).code).not.toBe(0);
  const store = openProject(file);
  expect(store.summary().name).toBe('Mine');
  store.close();
});
