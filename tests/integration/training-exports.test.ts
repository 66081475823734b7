import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promptAt } from '@engine/agent/prompt';
import { type DatasetTarget, openDataset, openTargetImage, parseDatasetSpec } from '@engine/datasets';
import {
  exportRlPrompts,
  exportTraining,
  filesInFolder,
  filesOfDataset,
  validateTraining,
} from '@engine/exporters/training';
import { conversationsOf } from '@engine/exporters/training/conversations';
import { mediaMarker } from '@engine/models/vision-runtime';
import { renderChatMl } from '@engine/policies/chatml';
import { defaultConventions } from '@shared/tools/conventions';
import { toolNames } from '@shared/tools/definitions';
import { answerText } from '@shared/training/conversation';
import { trainingEngines } from '@shared/training/manifest';
import { judgeTrajectory } from '@shared/trajectory/learnable';
import { asAsked } from '@shared/trajectory/tree';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { acceptedSamples, sampleImages } from '../support/accepted-samples';
import { runCli, startCli } from '../support/cli';
import { coco20, hasSharedData } from '../support/shared-data';

const fixture = resolve('tests/fixtures/training/engines.jsonl');
const options = { observationImages: 1, minIou: 0.5, imageRoot: '' };
let dir = '';
let trajectories = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'training-'));
  trajectories = join(dir, 'trajectories.jsonl');
  await writeFile(
    trajectories,
    acceptedSamples()
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  );
  for (const engine of trainingEngines) {
    await exportTraining('sft', filesInFolder([trajectories], sampleImages), join(dir, engine), {
      ...options,
      engine,
    });
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What the app's own prompt is for each row, and which of its texts are answers to learn. */
function expectedTexts(): { text: string; learned: string[] }[] {
  return acceptedSamples().flatMap((trajectory) =>
    conversationsOf(trajectory, judgeTrajectory(trajectory).turns, 1).map(({ conversation, nodes }) => {
      const last = trajectory.nodes.find(({ id }) => id === nodes.at(-1));
      if (!last) throw new Error('A row ends with no turn');
      const messages = promptAt(asAsked(trajectory, last.id), last.parent).map(({ role, content }) => ({
        role,
        content: content.map((part) =>
          part.type === 'text'
            ? part
            : { type: 'image' as const, image: { png: new Uint8Array(), width: 32, height: 32 } },
        ),
      }));
      const { prompt } = renderChatMl(messages, { tools: toolNames, ...trajectory.header });
      const answers = conversation.messages.flatMap((message) =>
        message.role === 'assistant' ? [message] : [],
      );
      const final = answers.at(-1);
      if (!final) throw new Error('A row has no answer');
      return {
        text: `${prompt.replaceAll(mediaMarker, '<image>')}${answerText(final)}<|im_end|>\n`,
        learned: answers.filter(({ loss }) => loss).map((answer) => `${answerText(answer)}<|im_end|>`),
      };
    }),
  );
}

const partsSchema = z.object({
  parts: z.array(z.object({ learned: z.boolean(), text: z.string() })),
  imageTokens: z.array(z.number()),
});

describe('exports of training data', () => {
  it.each(trainingEngines)('read back as they should be: %s', async (engine) => {
    const report = await validateTraining(join(dir, engine));
    expect(report.problems).toEqual([]);
    expect(report.turnsUnderLoss).toBe(report.manifest.counts.turnsUnderLoss);
    expect(report.manifest.counts.turnsUnderLossThatLoweredIou).toBe(0);
    expect(report.manifest.contextTurns.invalid_call).toBe(1);
    expect(report.rows).toBeGreaterThan(7);
  });

  it('train what runs: the text that the engines read is the prompt of the app', async () => {
    const rows = (await readFile(fixture, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => partsSchema.parse(JSON.parse(line)));
    const read = rows.map(({ parts }) => ({
      text: parts.map(({ text }) => text).join(''),
      learned: parts.filter(({ learned }) => learned).map(({ text }) => text.replace(/\n$/, '')),
    }));
    expect(read).toEqual(expectedTexts());
  });

  it('notices what was changed in a row, an image or the record', async () => {
    const out = join(dir, 'broken');
    const source = filesInFolder([trajectories], sampleImages);
    const file = join(out, 'sft.jsonl');
    await exportTraining('sft', source, out, { ...options, engine: 'ms-swift' });
    const [first = '', ...rest] = (await readFile(file, 'utf8')).split('\n');
    const reasons = async (change: (row: string) => string): Promise<string> => {
      expect(change(first)).not.toBe(first);
      await writeFile(file, [change(first), ...rest].join('\n'));
      const { problems } = await validateTraining(out);
      return problems.map(({ row, reason }) => `${row}: ${reason}`).join('\n');
    };
    expect(await reasons((row) => row.replace('<image>', ''))).toMatch(
      /1: there are \d image marks and \d images/,
    );
    expect(await reasons((row) => row.replaceAll('"loss": true', '"loss": false'))).toMatch(
      /1: the last message is no answer under loss/,
    );
    expect(await reasons((row) => row.replace('"role": "user"', '"role": "tool_response"'))).toMatch(
      /1: message 1 is of tool where user speaks/,
    );
    expect(await reasons((row) => row.replace(/"x1\\": \d+/, '"x1\\": \\"a\\"'))).toMatch(
      /1: .*(no valid call|form)/,
    );
    expect(await reasons((row) => row.replace('"tools": "[', '"tools": "'))).toMatch(/1: tools is no JSON/);
    expect(await reasons((row) => row.slice(0, -10))).toMatch(/1: the line is no JSON/);
    expect(await reasons((row) => row.replace('"role": "system"', '"role": "assistant"'))).toMatch(/^1: /m);
    await writeFile(file, [first, ...rest].join('\n'));
    expect((await validateTraining(out)).problems).toEqual([]);
    const [image = ''] = await readdir(join(out, 'images'));
    await appendFile(join(out, 'images', image), 'x');
    expect((await validateTraining(out)).problems[0]?.reason).toMatch(/the file is not what its name says/);
    await rm(join(out, 'images', image));
    expect((await validateTraining(out)).problems[0]?.reason).toMatch(/cannot be read/);
    await exportTraining('sft', source, out, { ...options, engine: 'verl', overwrite: true });
    await appendFile(join(out, 'sft.parquet'), 'x');
    expect((await validateTraining(out)).problems.map(({ file: name }) => name)).toContain('sft.parquet');
  });

  it('pairs what a person put in the place of an agent’s call', async () => {
    const source = filesInFolder([trajectories], sampleImages);
    for (const engine of ['trl', 'ms-swift', 'llama-factory'] as const) {
      const out = join(dir, `pairs-${engine}`);
      const manifest = await exportTraining('preferences', source, out, { ...options, engine });
      expect(manifest.counts.rows).toBe(1);
      expect((await validateTraining(out)).problems).toEqual([]);
    }
    const row = z
      .object({ chosen: z.string(), rejected: z.string() })
      .parse(JSON.parse(await readFile(join(dir, 'pairs-trl', 'preferences.jsonl'), 'utf8')));
    expect(row.rejected).toContain('"x": 3, "y": 4, "label": "negative"');
    expect(row.chosen).toContain('segment_box');
  });

  it('leaves a folder alone that holds anything else', async () => {
    const out = await mkdtemp(join(dir, 'other-'));
    await copyFile(trajectories, join(out, 'mine.txt'));
    const source = filesInFolder([trajectories], sampleImages);
    await expect(
      exportTraining('sft', source, out, { ...options, engine: 'trl', overwrite: true }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await readdir(out)).toEqual(['mine.txt']);
  });

  it('takes over what an export left that was stopped, and nothing else', async () => {
    const out = await mkdtemp(join(dir, 'stopped-'));
    const source = filesInFolder([trajectories], sampleImages);
    const stop = (): never => {
      throw new Error('stopped');
    };
    await expect(
      exportTraining('sft', source, out, { ...options, engine: 'llama-factory', onProgress: stop }),
    ).rejects.toThrow('stopped');
    expect(await readdir(out)).toContain('sft.jsonl');
    const images = await readdir(join(out, 'images'));
    expect(images.length).toBeGreaterThan(0);
    // A kill can leave these too.
    await writeFile(join(out, 'manifest.json.123456'), '{');
    await writeFile(join(out, 'images', images[0] ?? ''), 'torn');

    for (const mine of ['mine.txt', join('images', 'mine.png')]) {
      await writeFile(join(out, mine), 'mine');
      const before = (await readdir(out, { recursive: true })).sort();
      await expect(
        exportTraining('sft', source, out, { ...options, engine: 'trl', overwrite: true }),
      ).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining(mine) });
      expect((await readdir(out, { recursive: true })).sort()).toEqual(before);
      await rm(join(out, mine));
    }
    // Another engine, with other files.
    await exportTraining('sft', source, out, { ...options, engine: 'verl' });
    expect((await validateTraining(out)).problems).toEqual([]);
    expect((await readdir(out)).sort()).toEqual((await readdir(join(dir, 'verl'))).sort());
    await expect(exportTraining('sft', source, out, { ...options, engine: 'verl' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect((await validateTraining(out)).problems).toEqual([]);
  });

  it('goes on after a kill; meanwhile the folder is of one process', async () => {
    const out = join(dir, 'killed');
    const command = ['export-training', 'sft', '--engine', 'trl', '--trajectories', trajectories];
    const args = [...command, '--images', sampleImages, '--out', out];
    const { child, result } = startCli(args);
    await expect
      .poll(() => existsSync(join(out, 'unfinished.json')), { timeout: 60_000, interval: 5 })
      .toBe(true);
    child.kill('SIGSTOP');
    const second = await runCli(args);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`process ${child.pid}`);
    child.kill('SIGKILL');
    await result;
    expect(existsSync(join(out, 'manifest.json'))).toBe(false);
    expect((await runCli(args)).code).toBe(0);
    expect((await validateTraining(out)).problems).toEqual([]);
    expect(existsSync(join(out, 'run.lock'))).toBe(false);
  });
});

describe('trajectories over ReasonScenes', () => {
  it('find their scene by its name, whatever its seed', async () => {
    const [accepted] = acceptedSamples();
    if (!accepted) throw new Error('There is no sample.');
    const dataset = await openDataset(parseDatasetSpec('reasonscenes'), { split: 'train', limit: 1 });
    const source = await filesOfDataset([], dataset);
    const far = await openDataset(parseDatasetSpec('reasonscenes'), { split: 'val', limit: 3 });
    let target: DatasetTarget | undefined;
    for await (const one of far.targets()) target = one;
    if (!target) throw new Error('There is no scene.');
    const image = await openTargetImage(target);
    const { hash, width, height } = image;
    const header = { ...accepted.header, image: { name: target.fileName, hash, width, height } };
    const found = await source.image({ ...accepted, header });
    expect(found.hash).toBe(hash);
    const beyond = dataset.imageNamed?.('train-48213.png');
    expect((await beyond?.())?.width).toBe(336);
    for (const name of ['train-1.jpg', 'other-1.png', 'train-01.png', '../train-1.png', 'train--1.png']) {
      expect(dataset.imageNamed?.(name), name).toBeNull();
      await expect(
        source.image({ ...accepted, header: { ...header, image: { ...header.image, name } } }),
      ).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
    }
  });
});

/** MASKWRIGHT_ENGINES: folder of training/exports/setup.sh. Half an hour and more on two cores. */
const engines = process.env.MASKWRIGHT_ENGINES;

describe.skipIf(engines === undefined)('in the engines themselves', () => {
  it.each(['qwen3_vl', 'qwen2_5_vl'])(
    'the same ids and loss in all four: %s',
    (family) => {
      const python = join(engines ?? '', 'trl', 'bin', 'python');
      const checkpoints = join(dir, 'checkpoints');
      execFileSync(python, [resolve('training/tiny_checkpoints.py'), checkpoints]);
      // The family's own template, which verl goes by.
      const copy = `import shutil, sys; from importlib.resources import files
shutil.copy(files('trl') / 'chat_templates' / f'{sys.argv[1]}.jinja', sys.argv[2])`;
      execFileSync(python, ['-c', copy, family, join(checkpoints, family, 'chat_template.jinja')]);
      const texts = join(dir, `${family}.jsonl`);
      const done = spawnSync(
        python,
        [
          resolve('training/exports/compare.py'),
          engines ?? '',
          join(checkpoints, family),
          family,
          dir,
          join(dir, 'scratch'),
          ...['--texts', texts],
        ],
        { encoding: 'utf8' },
      );
      expect(done.stderr + done.stdout).toContain('"differences": 0');
      if (process.env.MASKWRIGHT_WRITE_FIXTURE && family === 'qwen3_vl') {
        execFileSync('cp', [texts, fixture]);
      }
    },
    3_600_000,
  );
});

describe.skipIf(!hasSharedData('RL prompts over photographs'))('prompts for RL', () => {
  it('number the items as the data set does, tell what it cannot use, and read back', async () => {
    const images = join(dir, 'photographs');
    const [missing, ...there] = (await readdir(coco20.images)).sort().slice(0, 4);
    await mkdir(images);
    for (const name of there) await copyFile(join(coco20.images, name), join(images, name));
    const dataset = await openDataset(parseDatasetSpec(`refcoco:${coco20.refs}`), { images, limit: 3 });
    const keys: string[] = [];
    for await (const { key } of dataset.targets()) keys.push(key);
    const skipped: string[] = [];
    const out = join(dir, 'prompts');
    const manifest = await exportRlPrompts(dataset, out, {
      engine: 'trl',
      conventions: defaultConventions,
      turnBudget: 4,
      imageRoot: '',
      onSkip: ({ reason }) => skipped.push(reason),
    });
    expect(manifest.counts.rows).toBe(3);
    expect(skipped.some((reason) => reason.includes(missing!))).toBe(true);
    const text = await readFile(join(out, 'rl-prompts.jsonl'), 'utf8');
    const rows = text.trim().split('\n');
    for (const [index, row] of rows.entries()) expect(row).toContain(JSON.stringify(keys[index]));
    expect((await validateTraining(out)).problems).toEqual([]);
  });
});
