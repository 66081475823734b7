import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mergeLogs } from '@engine/batch/merge-logs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runCli } from '../support/cli';
import { coco20, hasSharedData, surrogates } from '../support/shared-data';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'maskwright-shards-'));
const text = (...path: string[]): string => readFileSync(join(...path), 'utf8');

/** Five targets, of which one cannot be done: its image is not there. */
function someTargets(): string[] {
  const dir = newFolder();
  const refs = z.array(z.unknown()).parse(JSON.parse(text(coco20.refs)));
  writeFileSync(join(dir, 'refs.json'), JSON.stringify(refs.slice(0, 5)));
  mkdirSync(join(dir, 'images'));
  for (const name of readdirSync(coco20.images))
    if (name !== '000000000071.jpg') symlinkSync(join(coco20.images, name), join(dir, 'images', name));
  return [
    ...['annotate', '--images', join(dir, 'images'), '--refs', join(dir, 'refs.json')],
    ...['--instances', coco20.instances, '--policy', 'simulated', '--segmenter', surrogates.sam1],
  ];
}

describe.skipIf(!hasSharedData('shards of real photographs'))('shards of a run', () => {
  it('merge to the files that one process writes, failures included', async () => {
    const command = someTargets();
    const whole = newFolder();
    const single = await runCli([...command, '--out', whole]);
    expect(single.stderr).toContain('"n":5,"failed":1');

    const shards = ['1/2', '2/2'];
    const folders = shards.map(newFolder);
    for (const [place, shard] of shards.entries()) {
      const run = await runCli([...command, '--shard', shard, '--out', folders[place] ?? '']);
      expect([0, 1], run.stderr).toContain(run.code);
    }
    // As if the last shard had been killed while it wrote.
    const log = join(folders[1] ?? '', 'progress.jsonl');
    const lines = text(log).split('\n');
    writeFileSync(log, `${lines.slice(0, -2).join('\n')}\n${lines.at(-2)?.slice(0, 40)}`);

    const out = join(newFolder(), 'result');
    const merge = await runCli(['merge', ...folders, '--out', out]);
    expect(merge.code, merge.stderr).toBe(0);
    expect(text(out, 'run.json')).toBe(text(whole, 'run.json'));
    const finish = await runCli([...command, '--keep-failed', '--out', out]);
    expect(finish.code).toBe(1);
    expect(finish.stderr).toContain('resuming: 4 of 5');
    for (const file of ['coco.json', 'trajectories.jsonl', 'report.json']) {
      const strip = (all: string): string => all.replace(/"(at|createdAt|timings)":("[^"]*"|{[^}]*})/g, '');
      expect(strip(text(out, file)), file).toBe(strip(text(whole, file)));
    }
  });
});

describe('merging', () => {
  const run = (shard: string | undefined, lines: string, settings: object = { seed: 1 }): string => {
    const dir = newFolder();
    writeFileSync(join(dir, 'run.json'), `${JSON.stringify({ ...settings, shard }, null, 2)}\n`);
    writeFileSync(join(dir, 'progress.jsonl'), lines);
    return dir;
  };

  it('tells what is missing, and adds it later without repeating the rest', async () => {
    const [one, two] = [run('1/2', '{"key":"a"}\n{"key":"b"}\n'), run('2/2', '{"key":"c"}\n{"ke')];
    const out = join(newFolder(), 'new', 'result');
    expect(await mergeLogs([one], out)).toEqual({ items: 2, missing: ['2/2'] });
    appendFileSync(join(out, 'progress.jsonl'), '{"key":"done here"}\n');
    expect(await mergeLogs([one, two], out)).toEqual({ items: 4, missing: [] });
    expect(await mergeLogs([one, two], out)).toEqual({ items: 4, missing: [] });
    expect(text(out, 'progress.jsonl')).toBe('{"key":"a"}\n{"key":"b"}\n{"key":"done here"}\n{"key":"c"}\n');
    expect(text(out, 'run.json')).toBe('{\n  "seed": 1\n}\n');
  });

  it('merges the runs inside a run, and what a teacher wrote', async () => {
    const [one, two] = [run('1/2', '{"key":"a"}\n'), run('2/2', '{"key":"b"}\n')];
    for (const [dir, line] of [
      [one, '{"key":"a"}\n'],
      [two, '{"key":"b"}\n'],
    ] as const) {
      mkdirSync(join(dir, 'turns-2'));
      writeFileSync(join(dir, 'turns-2', 'run.json'), text(dir, 'run.json'));
      writeFileSync(join(dir, 'turns-2', 'progress.jsonl'), line);
    }
    writeFileSync(join(two, 'thoughts.jsonl'), '{"id":"t-1"}\n');
    const out = join(newFolder(), 'result');
    expect(await mergeLogs([one, two], out)).toEqual({ items: 4, missing: [] });
    expect(text(out, 'turns-2', 'progress.jsonl')).toBe('{"key":"a"}\n{"key":"b"}\n');
    expect(text(out, 'turns-2', 'run.json')).toBe('{\n  "seed": 1\n}\n');
    expect(text(out, 'thoughts.jsonl')).toBe('{"id":"t-1"}\n');
  });

  it('refuses runs of other settings, folders without a run, and its own target', async () => {
    const one = run('1/2', '');
    const out = newFolder();
    await expect(mergeLogs([one, run('2/2', '', { seed: 2 })], out)).rejects.toThrow('other settings');
    await expect(mergeLogs([one], run(undefined, '', { seed: 2 }))).rejects.toThrow('other settings');
    await expect(mergeLogs([one, newFolder()], out)).rejects.toThrow('holds no run');
    await expect(mergeLogs([one], one)).rejects.toThrow('into itself');
    const damaged = newFolder();
    writeFileSync(join(damaged, 'run.json'), '{"seed":');
    await expect(mergeLogs([damaged], out)).rejects.toThrow('damaged');
  });
});
