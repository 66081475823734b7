import { execFileSync, spawnSync } from 'node:child_process';
import { appendFile, copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promptAt } from '@engine/agent/prompt';
import { exportTraining, filesInFolder, validateTraining } from '@engine/exporters/training';
import { conversationsOf } from '@engine/exporters/training/conversations';
import { mediaMarker } from '@engine/models/vision-runtime';
import { renderChatMl } from '@engine/policies/chatml';
import { toolNames } from '@shared/tools/definitions';
import { answerText } from '@shared/training/conversation';
import { trainingEngines } from '@shared/training/manifest';
import { judgeTrajectory } from '@shared/trajectory/learnable';
import { asAsked } from '@shared/trajectory/tree';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { acceptedSamples, sampleImages } from '../support/accepted-samples';

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
