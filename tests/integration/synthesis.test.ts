import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { annotateBatch } from '@engine/batch/annotate';
import { ProgressLog } from '@engine/batch/progress-log';
import { type DatasetTarget, groundTruthOf, openDataset, parseDatasetSpec } from '@engine/datasets';
import { openAiPolicy } from '@engine/policies/openai-compatible';
import { sharedPolicy } from '@engine/policies/shared-policy';
import { scoreTrajectory } from '@engine/rewards/score-trajectory';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import type { Segmenter } from '@engine/segmenters/segmenter';
import { Distractors } from '@engine/synthesis/distractors';
import { simulatedPolicies } from '@engine/synthesis/simulated-policies';
import { episodesOf, type ResultOptions, writeSynthesis } from '@engine/synthesis/synthesize';
import { hashText } from '@shared/random';
import { parseAnnotatorMix } from '@shared/synthesis/annotator-mix';
import { defaultFilterOptions } from '@shared/synthesis/filters';
import { leaksOf } from '@shared/synthesis/leaks';
import { namedThought } from '@shared/synthesis/named-thoughts';
import type { SynthesisReport } from '@shared/synthesis/report';
import { templateThought } from '@shared/synthesis/thoughts';
import { visibleTurns } from '@shared/synthesis/visible';
import { defaultConventions } from '@shared/tools/conventions';
import { formatTurn } from '@shared/tools/prompt-text';
import { judgeTrajectory } from '@shared/trajectory/learnable';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCli } from '../support/cli';
import { fakeOpenAi } from '../support/fake-openai';
import { shapeSegmenter } from '../support/shape-segmenter';
import { hasSharedData, sharedData, surrogates } from '../support/shared-data';
import { pairs, temporaryFolder } from './segmenters-support';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'maskwright-synthesis-'));
const open = { ...defaultFilterOptions, minIou: 0, minGain: 0, maxLengthShare: 1, maxToolsShare: 1 };

async function targetsOf(spec: string, limit: number, split: string | null = null): Promise<DatasetTarget[]> {
  const dataset = await openDataset(parseDatasetSpec(spec), { limit, split });
  const targets: DatasetTarget[] = [];
  for await (const target of dataset.targets()) targets.push(target);
  return targets;
}

const mix = parseAnnotatorMix({ wrongFirst: 0.5, lateStop: 0.2, earlyStop: 0.2 });

interface Made {
  out: string;
  log: ProgressLog;
  report: SynthesisReport;
  trajectories: Trajectory[];
}

async function synthesize(
  items: readonly DatasetTarget[],
  segmenter: Segmenter,
  change: Partial<ResultOptions> & { out?: string } = {},
): Promise<Made> {
  const out = change.out ?? newFolder();
  const log = await ProgressLog.open(out, {});
  const distractors = new Distractors();
  for (const item of items) distractors.add(item);
  const concurrency = change.concurrency ?? 2;
  await annotateBatch(items, log, {
    segmenter,
    policyFor: simulatedPolicies(mix, distractors),
    conventions: defaultConventions,
    turnBudget: 8,
    concurrency,
    seed: 1,
  });
  return written(items, log, { out, mix, filters: open, seed: 1, teacher: null, concurrency, ...change });
}

async function written(
  items: readonly DatasetTarget[],
  log: ProgressLog,
  options: ResultOptions,
): Promise<Made> {
  const report = await writeSynthesis(items, log, [], options);
  return { out: options.out, log, report, trajectories: readRows(options.out) };
}

function readRows(out: string): Trajectory[] {
  const text = readFileSync(join(out, 'trajectories.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseTrajectory(JSON.parse(line)));
}

/** Without what a clock says. */
function timeless(trajectories: readonly Trajectory[]): unknown {
  return JSON.parse(
    JSON.stringify(trajectories, (key, value: unknown) =>
      ['timings', 'at', 'createdAt'].includes(key) ? undefined : value,
    ),
  );
}

describe('synthesis over ReasonScenes', () => {
  let scenes: DatasetTarget[] = [];
  beforeAll(async () => {
    scenes = await targetsOf('reasonscenes', 30, 'train');
  });

  it('gives the same for the same seed whatever runs at once, and other episodes of a target differ', async () => {
    const items = [...episodesOf(scenes.slice(0, 4), 2)];
    expect(new Set(items.map(({ key }) => key)).size).toBe(8);
    const one = await synthesize(items, shapeSegmenter({ shift: 9 }), { concurrency: 1 });
    const four = await synthesize([...items], shapeSegmenter({ shift: 9 }), { concurrency: 4 });
    expect(timeless(four.trajectories)).toEqual(timeless(one.trajectories));
    expect(one.report.made).toBe(8);
    expect(new Set(one.trajectories.map(({ header }) => header.id)).size).toBe(one.trajectories.length);
    const calls = one.trajectories.map(({ nodes }) => JSON.stringify(nodes.map(({ call }) => call)));
    expect(new Set(calls).size).toBeGreaterThan(5);
  });

  it('has every behaviour of the mix, and imitates no turn that made it worse', async () => {
    const { trajectories, report, out } = await synthesize(scenes, shapeSegmenter({ shift: 9 }));
    const tools = new Set(trajectories.flatMap(({ nodes }) => nodes.map(({ call }) => call?.name)));
    for (const tool of ['add_point', 'finish', 'new_object', 'report_no_target', 'segment_box', 'zoom'])
      expect(tools).toContain(tool);
    const rejected = trajectories.filter(({ verdicts }) => verdicts.some(({ by }) => by === 'simulator'));
    expect(rejected.length).toBeGreaterThan(2);
    for (const trajectory of rejected) {
      const [wrong] = judgeTrajectory(trajectory, { minIou: 0 }).turns;
      expect(wrong).toMatchObject({ reason: 'rejected' });
      expect(trajectory.nodes.map(({ wrongOnPurpose }) => wrongOnPurpose)).toEqual(
        trajectory.nodes.map((_, index) => index === 0),
      );
    }
    const others = trajectories.filter((trajectory) => !rejected.includes(trajectory));
    for (const { nodes } of others) for (const node of nodes) expect(node.wrongOnPurpose).toBe(false);
    expect(report.turns_under_loss).toBeGreaterThan(0);
    expect(report.turns_under_loss).toBeLessThan(report.turns);
    expect(report.lowered_under_loss).toBe(0);
    const dropped = readFileSync(join(out, 'dropped.jsonl'), 'utf8').split('\n').length - 1;
    expect(report.kept + dropped).toBe(report.n);
    expect(report.kept).toBe(trajectories.length);
    const drops = Object.values(report.dropped).reduce((sum, { n }) => sum + n, 0);
    expect(drops).toBe(dropped);
    expect(report.iou_by_turn[0]?.n).toBe(report.kept);
  });

  it.each(['named', 'nameless'])(
    'writes thoughts that follow from what was visible alone: %s things',
    async (things) => {
      const items = scenes
        .slice(0, 8)
        .map((scene) => (things === 'named' ? scene : { ...scene, naming: undefined }));
      const { trajectories } = await synthesize(items, shapeSegmenter({ shift: 9 }));
      for (const trajectory of trajectories) {
        const { naming } = items.find(({ fileName }) => fileName === trajectory.header.image.name) ?? {};
        // Blind to all that the ground truth has touched.
        const blind: Trajectory = {
          ...trajectory,
          nodes: trajectory.nodes.map((node) => ({ ...node, iou: null, thought: '', raw: '' })),
          verdicts: [],
        };
        const seed = hashText(`1 ${trajectory.header.id}`);
        for (const { node, visible } of visibleTurns(blind)) {
          const recorded = trajectory.nodes.find(({ id }) => id === node);
          expect(recorded?.thought).toBe(
            naming ? namedThought(visible, naming) : templateThought(visible, seed),
          );
          expect(recorded?.raw).toBe(formatTurn(recorded?.thought ?? '', recorded?.call ?? null));
          expect(leaksOf(recorded?.thought ?? '', visible)).toEqual([]);
        }
      }
    },
  );

  it('filters again without making anything again, and says what it dropped', async () => {
    const items = scenes.slice(0, 10);
    const { out, log, report } = await synthesize(items, shapeSegmenter({ shift: 9 }));
    const strict = { ...open, minIou: 0.8, maxToolsShare: 0.3 };
    const again = await written(items, log, {
      out,
      mix,
      filters: strict,
      seed: 1,
      teacher: null,
      concurrency: 1,
    });
    expect(again.report.made).toBe(report.made);
    expect(again.report.kept).toBeLessThan(report.kept);
    expect(again.report.dropped.low_iou.n).toBeGreaterThan(0);
    expect(again.report.dropped.low_iou.examples[0]).toMatchObject({
      detail: expect.stringContaining('IoU'),
    });
    for (const { nodes } of again.trajectories) expect(nodes.at(-1)?.iou).toBeGreaterThanOrEqual(0.8);
  });

  it('scores a recorded episode as it was scored while it ran', async () => {
    const items = scenes.slice(0, 5);
    const { trajectories } = await synthesize(items, shapeSegmenter({ shift: 9 }));
    for (const trajectory of trajectories) {
      const item = items.find(({ fileName }) => fileName === trajectory.header.image.name);
      const truth = item && groundTruthOf(item, { width: 336, height: 336 });
      if (!truth) throw new Error(`There is no target for ${trajectory.header.image.name}.`);
      const { turns } = scoreTrajectory(trajectory, truth);
      for (const [index, { iou }] of turns.entries()) {
        expect(iou).toBeCloseTo(trajectory.nodes[index]?.iou ?? -1, 12);
      }
    }
  });
});

describe('a teacher behind an endpoint', () => {
  it('rewrites thoughts from query, observations and calls; what leaks is replaced; nothing is asked twice', async () => {
    const server = await fakeOpenAi();
    server.answers.push(
      { kind: 'message', message: { content: 'It stands out against the ground, so I box it.' } },
      { kind: 'message', message: { content: 'The ground truth lies more to the left.' } },
      { kind: 'message', message: { content: '' } },
      { kind: 'message', message: { content: '<think>hm</think>"The mask follows its outline."' } },
    );
    const teacher = openAiPolicy({ baseUrl: server.url, model: 'teacher', apiKey: null });
    try {
      const items = await targetsOf('reasonscenes', 4, 'val');
      const made = await synthesize(items, shapeSegmenter({ shift: 9 }), {
        teacher: { policy: teacher, name: 'teacher' },
        concurrency: 1,
      });
      const thoughts = made.trajectories.flatMap(({ nodes }) => nodes.map(({ thought }) => thought));
      expect(server.requests).toHaveLength(thoughts.length);
      expect(thoughts[0]).toBe('It stands out against the ground, so I box it.');
      expect(thoughts.at(-1)).toBe('The mask follows its outline.');
      expect(thoughts.join()).not.toContain('ground truth');
      expect(made.report.thoughts).toEqual({
        template: 0,
        own: 0,
        teacher: thoughts.length - 2,
        fallback: 2,
      });
      for (const { body } of server.requests) {
        expect(body.tools).toBeUndefined();
        const text = JSON.stringify(body.messages).replace(/base64,[^"]*/g, '');
        expect(text).toContain('Query: ');
        expect(text).not.toMatch(/ground|simulat|annotat|verdict/i);
        // Only what a policy sees is called IoU.
        expect(text.match(/IoU/g)?.length ?? 0).toBe(text.match(/predicted IoU/g)?.length ?? 0);
      }
      const asked = server.requests.length;
      const again = await written(items, made.log, {
        out: made.out,
        mix,
        filters: open,
        seed: 1,
        teacher: { policy: teacher, name: 'teacher' },
        concurrency: 1,
      });
      expect(server.requests).toHaveLength(asked);
      expect(timeless(again.trajectories)).toEqual(timeless(made.trajectories));

      // Another teacher has thoughts of its own, and the first one's are still there for it.
      const answers = thoughts.map((_, i) => `The other one looks at it, ${['a', 'b', 'c'][i % 3]}.`);
      server.answers.splice(
        0,
        Number.POSITIVE_INFINITY,
        ...answers.map((content) => ({ kind: 'message' as const, message: { content } })),
      );
      const options = { out: made.out, mix, filters: open, seed: 1, concurrency: 1 };
      const other = await written(items, made.log, {
        ...options,
        teacher: { policy: teacher, name: 'other' },
      });
      expect(server.requests).toHaveLength(2 * asked);
      expect(other.trajectories.flatMap(({ nodes }) => nodes.map(({ thought }) => thought))).toEqual(answers);
      const first = await written(items, made.log, {
        ...options,
        teacher: { policy: teacher, name: 'teacher' },
      });
      expect(server.requests).toHaveLength(2 * asked);
      expect(timeless(first.trajectories)).toEqual(timeless(made.trajectories));
    } finally {
      await teacher.close();
      await server.close();
    }
  });

  it('acts in the environment: its thoughts stay, wild episodes are dropped, a broken image is told', async () => {
    const server = await fakeOpenAi({ llamaServer: true });
    const turn = (thought: string, call: unknown): string =>
      `<think>\n${thought}\n</think>\n\n<tool_call>\n${JSON.stringify(call)}\n</tool_call>`;
    const box = { name: 'segment_box', arguments: { x1: 100, y1: 100, x2: 900, y2: 900 } };
    const finish = { name: 'finish', arguments: {} };
    const say = (content: string): (typeof server.answers)[number] => ({
      kind: 'message',
      message: { content },
    });
    server.answers.push(
      say(turn('The box from 100 100 to 900 900 holds it.', box)),
      say(turn('', finish)),
      say('I cannot see it.'),
      say('Nor now.'),
      say(turn('Perhaps all of it.', box)),
      say(turn('Done.', finish)),
    );
    const policy = openAiPolicy({ baseUrl: server.url, model: 'teacher', apiKey: null });
    try {
      const [one, two, three] = await targetsOf('reasonscenes', 3, 'test');
      if (!one || !two || !three) throw new Error('too few scenes');
      const broken = { ...three, open: undefined, imagePath: resolve('package.json') };
      const items = [one, two, broken].map((item) => ({
        ...item,
        noTarget: false,
        groundTruth: one.groundTruth,
      }));
      const out = newFolder();
      const log = await ProgressLog.open(out, {});
      await annotateBatch(items, log, {
        segmenter: shapeSegmenter(),
        policyFor: (_item, _truth, seed) => sharedPolicy(policy, seed),
        conventions: defaultConventions,
        turnBudget: 8,
        concurrency: 1,
        seed: 1,
      });
      const options = { out, mix: null, filters: open, seed: 1, teacher: null, concurrency: 1 };
      const { trajectories, report } = await written(items, log, options);
      expect(report).toMatchObject({ made: 2, kept: 1, thoughts: { own: 1, fallback: 1, template: 0 } });
      expect(report.dropped.invalid_calls).toMatchObject({ n: 1, examples: [{ detail: '2 invalid calls' }] });
      expect(report.dropped.failed.examples[0]?.detail).toContain('IMAGE_UNREADABLE');
      expect(trajectories[0]?.nodes[0]?.thought).toBe('The box from 100 100 to 900 900 holds it.');
      expect(trajectories[0]?.nodes[0]?.author).toBe('agent');
    } finally {
      await policy.close();
      await server.close();
    }
  });
});

describe.skipIf(!hasSharedData('synthesis over real photographs'))('synthesis over real photographs', () => {
  it('keeps rows that read back, with no turn under loss that lowered the IoU', async () => {
    const spec = `reasonseg:${resolve(sharedData, 'photos/reasonseg_style')}`;
    const items = [...episodesOf(await targetsOf(spec, 1), 2)];
    const segmenter = await openSegmenter({ ...pairs.sam1, cacheDir: temporaryFolder(), provider: 'cpu' });
    const { trajectories, report } = await synthesize(items, segmenter).finally(() => segmenter.close());
    expect(report.made).toBe(2);
    expect(trajectories.length).toBeGreaterThan(0);
    expect(report.lowered_under_loss).toBe(0);
    for (const trajectory of trajectories) {
      expect(trajectory.nodes[0]?.observation).not.toBeNull();
      for (const { thought } of trajectory.nodes) expect(thought.length).toBeGreaterThan(5);
    }
  });

  it('goes on after a kill, to the result of a run that was left alone', async () => {
    const args = (out: string): string[] => [
      ...['synthesize', '--dataset', 'reasonscenes', '--split', 'train', '--limit', '4', '--min-iou', '0'],
      ...['--min-gain', '0', '--segmenter', surrogates.sam1, '--seed', '4', '--json', '--out', out],
    ];
    const whole = newFolder();
    const cut = newFolder();
    const first = startCli(args(cut));
    const lines = (): number => {
      try {
        return readFileSync(join(cut, 'progress.jsonl'), 'utf8').split('\n').length - 1;
      } catch {
        return 0;
      }
    };
    while (lines() < 1 && first.child.exitCode === null) await new Promise((done) => setTimeout(done, 20));
    first.child.kill('SIGKILL');
    await first.result;
    const before = lines();
    expect(before).toBeGreaterThanOrEqual(1);
    const second = await startCli(args(cut)).result;
    expect(second.stderr).toContain('resuming');
    expect(second.code).toBe(0);
    const alone = await startCli(args(whole)).result;
    expect(alone.code).toBe(0);
    expect(timeless(readRows(cut))).toEqual(timeless(readRows(whole)));
    expect(JSON.parse(second.stdout)).toEqual(JSON.parse(alone.stdout));
  });
});
