import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { headerOf, runEpisode } from '@engine/agent/episode';
import { annotateImage } from '@engine/batch/annotate';
import {
  type DatasetTarget,
  groundTruthOf,
  openDataset,
  openTargetImage,
  parseDatasetSpec,
  readRefs,
} from '@engine/datasets';
import { Environment } from '@engine/environment/environment';
import { ObservationRenderer } from '@engine/environment/observation-image';
import { defaultOverlayStyle } from '@engine/environment/overlay';
import { scoresOf } from '@engine/evaluation/scores';
import type { Policy } from '@engine/policies/policy';
import { simulatedAnnotator } from '@engine/policies/simulated-annotator';
import { scoreTrajectory } from '@engine/rewards/score-trajectory';
import type { Segmenter } from '@engine/segmenters/segmenter';
import {
  type EnvironmentHost,
  type EnvironmentHostOptions,
  startEnvironmentHost,
} from '@engine/server/environment-host';
import { maxMessageBytes, observationSchema, stateSchema } from '@engine/server/environment-messages';
import type { EnvironmentWorld } from '@engine/server/environment-session';
import { MaskwrightError } from '@shared/contract/errors';
import { defaultViewConfig } from '@shared/geometry/view';
import { defaultRewardWeights } from '@shared/rewards/weights';
import { type AgentConventions, defaultConventions } from '@shared/tools/conventions';
import { formatTurn } from '@shared/tools/prompt-text';
import type { Trajectory } from '@shared/trajectory/schema';
import sharp from 'sharp';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type OpenEnvClient, openEnvClient } from '../support/openenv-client';
import { shapeSegmenter } from '../support/shape-segmenter';
import { coco20, hasSharedData, sharedData } from '../support/shared-data';

const withData = describe.skipIf(!hasSharedData('environment server'));

const targets: DatasetTarget[] = [];
const hosts: EnvironmentHost[] = [];
const clients: OpenEnvClient[] = [];

beforeAll(async () => {
  if (!hasSharedData('environment server')) return;
  for await (const target of readRefs(coco20.refs, coco20.instances, { images: coco20.images }))
    targets.push(target);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  for (const host of hosts.splice(0)) await host.close();
});

/** Nothing expires while a test runs. Milliseconds. */
const patient = { connectedMs: 60_000, statelessMs: 60_000, whenFullMs: 60_000 };

/** Masks are shapes, and every box a little off, so that there is something to correct. */
async function start(
  options: Partial<EnvironmentHostOptions> & {
    metrics?: boolean;
    segmenter?: Segmenter;
    turns?: number;
    items?: readonly DatasetTarget[];
    conventions?: AgentConventions;
  } = {},
): Promise<EnvironmentHost> {
  const {
    metrics = false,
    segmenter = shapeSegmenter({ shift: 12 }),
    turns = 6,
    items = targets,
    conventions = defaultConventions,
    ...rest
  } = options;
  const world: EnvironmentWorld = {
    targets: items,
    segmenter,
    conventions,
    turnBudget: turns,
    weights: defaultRewardWeights,
    renderer: new ObservationRenderer(),
    metrics,
  };
  const host = await startEnvironmentHost({
    world,
    host: '127.0.0.1',
    port: 0,
    token: null,
    sessions: 8,
    idle: patient,
    log: (line) => process.stderr.write(`${line}\n`),
    ...rest,
  });
  hosts.push(host);
  return host;
}

async function client(host: EnvironmentHost, path?: string): Promise<OpenEnvClient> {
  const opened = await openEnvClient(host.url, path);
  clients.push(opened);
  return opened;
}

/** What our own loop makes of an item with the annotator that sees the target: the arbiter of observations and rewards. */
async function ownEpisode(
  index: number,
): Promise<{ trajectory: Trajectory; reward: number; pngs: string[] }> {
  const target = targets[index];
  if (!target?.groundTruth) throw new Error(`There is no target ${index}.`);
  const image = await openTargetImage(target);
  const truth = groundTruthOf(target, image);
  if (!truth) throw new Error('Its target is not known.');
  const environment = new Environment({
    image,
    segmenter: shapeSegmenter({ shift: 12 }),
    coordinates: 'norm1000',
    viewConfig: defaultViewConfig('norm1000'),
    turnBudget: 6,
    groundTruth: truth,
  });
  const policy = simulatedAnnotator(truth);
  const renderer = new ObservationRenderer();
  const header = headerOf(environment, {
    id: 'own',
    imageName: target.fileName,
    query: target.query,
    policy: policy.identity,
    seed: 0,
  });
  const { trajectory } = await runEpisode(environment, policy, header, renderer);
  const pngs: string[] = [];
  for (const { observation } of trajectory.nodes) {
    if (!observation) continue;
    const { png } = await renderer.render(image, observation, defaultOverlayStyle);
    pngs.push(Buffer.from(png).toString('base64'));
  }
  return { trajectory, reward: scoreTrajectory(trajectory, truth).reward, pngs };
}

const box = { name: 'segment_box', arguments: { x1: 200, y1: 200, x2: 700, y2: 700 } };
const centre = { name: 'add_point', arguments: { x: 500, y: 500, label: 'positive' } };

async function http(
  host: EnvironmentHost,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, never> & { [key: string]: unknown } }> {
  const init =
    body === undefined
      ? {}
      : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) };
  const response = await fetch(`${host.url}${path}`, init);
  return { status: response.status, json: (await response.json()) as Record<string, never> };
}

/** Works until it is stopped. */
function hangingSegmenter({ onStart = () => {}, onStop = () => {} }): Segmenter {
  return {
    ...shapeSegmenter(),
    segment: (_image, _prompt, options) =>
      new Promise((_resolve, reject) => {
        onStart();
        options?.signal?.addEventListener('abort', () => {
          onStop();
          reject(new MaskwrightError('CANCELLED', 'Stopped.'));
        });
      }),
  };
}

/** The status of a GET whose Host header is `name`. */
function statusUnder(name: string, port: number, path: string, headers: object = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers: { ...headers, Host: name } };
    get(options, (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject);
  });
}

withData('an episode over the WebSocket', () => {
  it('begins an episode with the prompt that it was started with', async () => {
    const conventions = { coordinates: 'pixel', prompt: 'brief', viewPixels: 28_224 } as const;
    const first = async (host: EnvironmentHost) =>
      observationSchema.parse((await (await client(host)).reset({ index: 0 })).data.observation);
    const brief = await first(await start({ conventions }));
    const full = await first(await start());
    expect(brief).toMatchObject({ prompt: 'brief', system: 'Segment what the query names.' });
    expect(full).toMatchObject({ prompt: 'full', system: expect.stringContaining('0 to 1000') });
    const { width, height } = await sharp(Buffer.from(brief.images[0] ?? '', 'base64')).metadata();
    expect(width * height).toBe(28_224);
  });

  it('gives the observations and the reward of our own loop, and nothing of the ground truth', async () => {
    const { trajectory, reward, pngs } = await ownEpisode(3);
    expect(trajectory.nodes.length).toBeGreaterThan(2);
    const env = await client(await start());
    const begun = await env.reset({ index: 3, episode_id: 'mine' });
    expect(begun).toMatchObject({ type: 'observation', data: { reward: null, done: false } });
    const first = observationSchema.parse(begun.data.observation);
    expect(first).toMatchObject({ query: targets[3]?.query, turn: 0, turns_left: 6, episode_id: 'mine' });
    expect(first.tools?.map(({ name }) => name)).toContain('segment_box');
    expect(first.tools?.[0]?.input_schema).toMatchObject({
      type: 'object',
      required: ['x1', 'y1', 'x2', 'y2'],
    });
    const plain = await sharp(Buffer.from(first.images[0] ?? '', 'base64')).metadata();
    expect([(plain.width ?? 1) % 32, (plain.height ?? 1) % 32]).toEqual([0, 0]);

    let last = begun;
    for (const [turn, node] of trajectory.nodes.entries()) {
      if (!node.call) throw new Error('The annotator always calls.');
      // Once as a call, once as a model would write it.
      const data =
        turn % 2 === 0
          ? { ...node.call, thought: node.thought }
          : { text: formatTurn(node.thought, node.call) };
      last = await env.step(data);
      const seen = observationSchema.parse(last.data.observation);
      expect(seen.text).toBe(node.observation?.text);
      expect(seen.images).toEqual([pngs[turn]]);
      expect(seen.metrics).toBeUndefined();
      expect(last.data.reward === null).toBe(!last.data.done);
      expect(JSON.stringify(last)).not.toContain(targets[3]?.groundTruth?.counts ?? '?');
    }
    expect(last.data.done).toBe(true);
    expect(last.data.reward).toBeCloseTo(reward, 12);
    const state = await env.ask({ type: 'state' });
    expect(stateSchema.parse(state.data)).toMatchObject({
      episode_id: 'mine',
      step_count: trajectory.nodes.length,
      ended: 'finished',
      index: 3,
    });
    expect(await env.step(box)).toMatchObject({ type: 'error', data: { code: 'EXECUTION_ERROR' } });
    expect((await env.reset({ index: 4 })).type).toBe('observation');
  });

  it('is the same for the same seed, in every session and server', async () => {
    const play = async (host: EnvironmentHost, seed: number): Promise<string> => {
      const env = await client(host);
      const frames = [await env.reset({ seed, episode_id: 'x' })];
      for (const call of [box, centre, { name: 'zoom', arguments: box.arguments }, { name: 'finish' }])
        frames.push(await env.step(call));
      frames.push(await env.ask({ type: 'state' }));
      return JSON.stringify(frames);
    };
    const [one, two] = [await start(), await start()];
    const [a, b, c] = await Promise.all([play(one, 7), play(one, 7), play(two, 7)]);
    expect(b).toBe(a);
    expect(c).toBe(a);
    const queries = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (seed) => (await (await client(one)).reset({ seed })).data.observation),
    );
    expect(new Set(queries.map((seen) => observationSchema.parse(seen).query)).size).toBeGreaterThan(2);
  });

  it('tells an invalid call in the text, ends at the budget, and gives metrics only when it was told to', async () => {
    const env = await client(await start({ metrics: true, turns: 3 }));
    const begun = await env.reset({ index: 0 });
    expect(observationSchema.parse(begun.data.observation).metrics).toMatchObject({
      iou: 0,
      dice: 0,
      process: null,
    });
    const wrong = await env.step({ name: 'explode', arguments: {} });
    expect(wrong).toMatchObject({ type: 'observation', data: { done: false } });
    expect(observationSchema.parse(wrong.data.observation).text).toContain('There is no tool "explode"');
    await env.step(box);
    const end = await env.step({ text: 'I am not sure.' });
    expect(end.data.done).toBe(true);
    const seen = observationSchema.parse(end.data.observation);
    expect(seen.truncated).toBe(true);
    expect(seen.metrics).toMatchObject({ reward: end.data.reward, invalid_calls: 0.1, form: 0.5 });
    expect(seen.metrics?.iou).toBeGreaterThan(0);
  });

  it('leaves pixels out that do not count, as the evaluation does', async () => {
    const spec = parseDatasetSpec(`reasonseg:${join(sharedData, 'photos/reasonseg_style')}`);
    const items: DatasetTarget[] = [];
    for await (const target of (await openDataset(spec, {})).targets()) if (target.ignore) items.push(target);
    expect(items.length).toBeGreaterThan(0);
    const env = await client(await start({ metrics: true, items }));
    let differing = 0;
    for (const [index, target] of items.entries()) {
      const calls = [
        { name: 'segment_box', arguments: { x1: 0, y1: 0, x2: 1000, y2: 1000 } },
        { name: 'finish', arguments: {} },
      ];
      const policy: Policy = {
        identity: { kind: 'test', name: 'test' },
        author: 'agent',
        readsPrompt: false,
        propose: async ({ state }) => ({
          thought: '',
          call: calls[state.turn] ?? null,
          problem: null,
          raw: '',
          usage: {},
        }),
        async close() {},
      };
      const image = await openTargetImage(target);
      const truth = groundTruthOf(target, image);
      const trajectory = await annotateImage(image, {
        id: 'own',
        imageName: target.fileName,
        query: target.query,
        policy,
        segmenter: shapeSegmenter({ shift: 12 }),
        conventions: defaultConventions,
        turnBudget: 6,
        truth,
        seed: 0,
        renderer: new ObservationRenderer(),
      });
      const scores = scoresOf(target, trajectory);
      if (!truth || !scores) throw new Error('Its target is not known.');
      expect(trajectory.nodes.map(({ iou }) => iou)).toEqual(scores.byTurn);
      await env.reset({ index });
      for (const call of calls) {
        const { observation } = (await env.step(call)).data;
        expect(observationSchema.parse(observation).metrics).toMatchObject({
          iou: scores.byTurn[0],
          dice: scores.dice,
        });
      }
      const counted = scoreTrajectory(trajectory, { ...truth, ignore: null });
      if (counted.turns[0]?.iou !== scores.byTurn[0]) differing++;
    }
    expect(differing).toBeGreaterThan(0);
  });

  it('takes an image from the client, with no reward where nothing is known', async () => {
    const env = await client(await start());
    const photo = readFileSync(join(coco20.images, '000000000471.jpg')).toString('base64');
    const begun = await env.reset({ image: photo, query: 'the bus' });
    expect(observationSchema.parse(begun.data.observation).query).toBe('the bus');
    await env.step(box);
    expect((await env.step({ name: 'finish' })).data).toMatchObject({ reward: null, done: true });
    for (const image of ['bm90IGFuIGltYWdl', photo.slice(0, 4000), '%%%']) {
      expect(await env.reset({ image, query: 'x' })).toMatchObject({
        type: 'error',
        data: { code: 'EXECUTION_ERROR' },
      });
    }
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>').toString(
      'base64',
    );
    expect((await env.reset({ image: svg, query: 'x' })).data.message).toContain('not supported');
  });
});

withData('messages that are wrong', () => {
  const wrong: [string, unknown, string][] = [
    ['no JSON', '{"type":', 'INVALID_JSON'],
    ['no object', '[1]', 'VALIDATION_ERROR'],
    ['no type', {}, 'UNKNOWN_TYPE'],
    ['another type', { type: 'render', data: {} }, 'UNKNOWN_TYPE'],
    ['a member too many', { type: 'reset', data: {}, extra: 1 }, 'VALIDATION_ERROR'],
    ['data on state', { type: 'state', data: {} }, 'VALIDATION_ERROR'],
    ['data on close', { type: 'close', data: {} }, 'VALIDATION_ERROR'],
    ['a step without data', { type: 'step' }, 'VALIDATION_ERROR'],
    ['an unknown field of a step', { type: 'step', data: { name: 'finish', extra: 1 } }, 'VALIDATION_ERROR'],
    ['a step of nothing', { type: 'step', data: {} }, 'VALIDATION_ERROR'],
    ['arguments as text', { type: 'step', data: { name: 'zoom_out', arguments: '{}' } }, 'VALIDATION_ERROR'],
    ['a call and a text', { type: 'step', data: { name: 'finish', text: 'x' } }, 'VALIDATION_ERROR'],
    ['an index that there is not', { type: 'reset', data: { index: 10_000 } }, 'VALIDATION_ERROR'],
    ['a negative seed', { type: 'reset', data: { seed: -1 } }, 'VALIDATION_ERROR'],
    ['an image without a query', { type: 'reset', data: { image: 'AAAA' } }, 'VALIDATION_ERROR'],
    [
      'an image and an index',
      { type: 'reset', data: { image: 'A', query: 'x', index: 1 } },
      'VALIDATION_ERROR',
    ],
    ['an unknown field of a reset', { type: 'reset', data: { sead: 1 } }, 'VALIDATION_ERROR'],
    ['a step before a reset', { type: 'step', data: { name: 'finish' } }, 'EXECUTION_ERROR'],
  ];

  it('have the codes of OpenEnv, and the session goes on', async () => {
    const env = await client(await start());
    for (const [what, frame, code] of wrong) {
      const answer = await env.ask(frame);
      expect(answer, what).toMatchObject({ type: 'error', data: { code } });
      if (code === 'VALIDATION_ERROR') expect(answer.data.errors, what).toHaveLength(1);
    }
    env.socket.send(Buffer.from([1, 2, 3]));
    expect(await env.next()).toMatchObject({ data: { code: 'INVALID_JSON' } });
    expect((await env.reset({ index: 1 })).type).toBe('observation');
    expect((await env.ask({ type: 'state' })).data).toMatchObject({ index: 1, step_count: 0 });
    env.socket.send('{"type":"close"}');
    expect(await env.closed).toBe(1000);
  });
});

withData('sessions', () => {
  it('are bounded: who comes too late is told at its first message, then closed', async () => {
    const host = await start({ sessions: 2 });
    const [one, two, three] = [await client(host), await client(host), await client(host)];
    await one.reset({ index: 0 });
    await two.reset({ index: 1 });
    expect(await three.reset({ index: 2 })).toMatchObject({
      type: 'error',
      data: { code: 'CAPACITY_REACHED', active_sessions: 2, max_sessions: 2 },
    });
    expect(await three.closed).toBe(1000);
    expect((await http(host, '/reset', {})).status).toBe(503);
    await one.close();
    const four = await client(host);
    await expect.poll(async () => (await four.reset({ index: 2 })).type).toBe('observation');
  });

  it('expire, say so and make room', async () => {
    const host = await start({ sessions: 1, idle: { ...patient, connectedMs: 150 } });
    const idle = await client(host);
    await idle.reset({ index: 0 });
    expect(await idle.next()).toMatchObject({ type: 'error', data: { code: 'SESSION_ERROR' } });
    expect(await idle.closed).toBe(1000);
    expect((await (await client(host)).reset({ index: 0 })).type).toBe('observation');
    const mute = await client(host);
    expect(await mute.closed).toBe(1006);
  });

  it('are not needed to be cut off: who sends only rubbish is, like who says nothing', async () => {
    const host = await start({ sessions: 1, idle: { ...patient, connectedMs: 150 } });
    const babbling = await client(host);
    expect(await babbling.ask('rubbish')).toMatchObject({ data: { code: 'INVALID_JSON' } });
    expect(await babbling.closed).toBe(1006);
  });

  it('of clients that vanish are free at once, and what ran for them is stopped', async () => {
    let stopped = 0;
    const host = await start({ sessions: 1, segmenter: hangingSegmenter({ onStop: () => stopped++ }) });
    const env = await client(host);
    await env.reset({ index: 0 });
    env.socket.send(JSON.stringify({ type: 'step', data: box }));
    // A decoder that takes for ever holds up nobody who only asks how the server is.
    expect(await http(host, '/health')).toEqual({ status: 200, json: { status: 'healthy' } });
    env.socket.terminate();
    await expect.poll(() => stopped).toBe(1);
    expect((await (await client(host)).reset({ index: 1 })).type).toBe('observation');
  });

  it('are not disturbed by who sends without reading, rubbish, or too much', async () => {
    const shapes = shapeSegmenter();
    const host = await start({ segmenter: shapes, turns: 100_000 });
    const honest = await client(host);
    await honest.reset({ index: 0 });

    // Asks for pictures and never reads: once the buffers are full, nothing more runs for it.
    const staller = await client(host);
    await staller.reset({ index: 1 });
    staller.socket.pause();
    for (let i = 0; i < 3000; i++) staller.socket.send(JSON.stringify({ type: 'step', data: box }));

    const rude = await client(host);
    for (let i = 0; i < 50; i++) expect((await rude.ask('}{')).data.code).toBe('INVALID_JSON');
    const raw = connect(host.port, '127.0.0.1');
    raw.on('error', () => undefined).end('NONSENSE\r\n\r\n');
    const huge = new WebSocket(`${host.url.replace('http', 'ws')}/ws`);
    const code = new Promise<number>((resolve) => huge.on('close', resolve));
    huge.on('error', () => undefined);
    huge.on('open', () => huge.send(Buffer.alloc(maxMessageBytes + 1)));
    expect(await code).toBe(1009);

    for (let turn = 1; turn <= 10; turn++) {
      const answer = await honest.step(centre);
      expect(observationSchema.parse(answer.data.observation).turn).toBe(turn);
    }
    // It has run dry long before its 3,000 requests.
    let before = -1;
    await expect
      .poll(
        () => {
          const same = shapes.calls.length === before;
          before = shapes.calls.length;
          return same;
        },
        { interval: 500, timeout: 60_000 },
      )
      .toBe(true);
    expect(shapes.calls.length).toBeLessThan(1000);
  });
});

withData('over HTTP', () => {
  it('an episode_id names the episode', async () => {
    const host = await start();
    const begun = await http(host, '/reset', { index: 3, episode_id: 'a b' });
    expect(begun.status).toBe(200);
    expect(observationSchema.parse(begun.json.observation)).toMatchObject({ episode_id: 'a b', turn: 0 });
    const other = await http(host, '/reset', { index: 4 });
    const otherId = observationSchema.parse(other.json.observation).episode_id;
    const moved = await http(host, '/step', {
      action: box,
      episode_id: 'a b',
      timeout_s: 30,
      request_id: 'r',
    });
    expect(observationSchema.parse(moved.json.observation).turn).toBe(1);
    expect((await http(host, '/state?episode_id=a%20b')).json).toMatchObject({ step_count: 1, index: 3 });
    expect((await http(host, `/state?episode_id=${otherId}`)).json).toMatchObject({
      step_count: 0,
      index: 4,
    });
    expect((await http(host, '/state')).json).toMatchObject({ episode_id: null, step_count: 0 });
    const done = await http(host, '/step', { action: { name: 'finish' }, episode_id: 'a b' });
    expect(done.json).toMatchObject({ done: true });
    expect(done.json.reward).toBeGreaterThan(0);
    expect((await http(host, '/step', { action: box, episode_id: 'a b' })).status).toBe(409);
    expect((await http(host, '/reset', { index: 0, episode_id: 'a b' })).json.done).toBe(false);
  });

  it('says what is wrong', async () => {
    const host = await start();
    for (const [path, body, status] of [
      ['/reset', '{', 422],
      ['/reset', '[]', 422],
      ['/reset', { sead: 1 }, 422],
      ['/step', {}, 422],
      ['/step', { action: box }, 422],
      ['/step', { action: box, episode_id: 'no' }, 404],
      ['/nothing', {}, 404],
      ['/health', {}, 405],
    ] as const)
      expect((await http(host, path, body)).status, path + JSON.stringify(body)).toBe(status);
    expect((await http(host, '/reset')).status).toBe(405);
    expect((await http(host, '/reset', { index: 999 })).json.detail).toMatchObject([
      { loc: ['body', 'index'] },
    ]);
    // A failed reset leaves nothing behind.
    expect((await http(host, '/reset', { image: 'AAAA', query: 'x', episode_id: 'e' })).status).toBe(422);
    expect((await http(host, '/state?episode_id=e')).status).toBe(404);
    const large = await fetch(`${host.url}/reset`, {
      method: 'POST',
      body: Buffer.alloc(maxMessageBytes + 1),
    });
    expect(large.status).toBe(413);
  });

  it('describes itself', async () => {
    const host = await start();
    expect((await http(host, '/metadata')).json).toMatchObject({ name: 'maskwright' });
    const schema = (await http(host, '/schema')).json;
    expect(Object.keys(schema)).toEqual(['action', 'observation', 'state']);
    expect(JSON.stringify(schema.observation)).toContain('turns_left');
  });

  it('finished episodes make room', async () => {
    const host = await start({ sessions: 1 });
    await http(host, '/reset', { index: 0, episode_id: 'one' });
    expect((await http(host, '/reset', { index: 1, episode_id: 'two' })).status).toBe(503);
    await http(host, '/step', { action: { name: 'report_no_target' }, episode_id: 'one' });
    expect((await http(host, '/reset', { index: 1, episode_id: 'two' })).status).toBe(200);
  });

  it('sessions of clients that went expire sooner than those of connections', async () => {
    const host = await start({ idle: { ...patient, statelessMs: 150 } });
    const connected = await client(host);
    await connected.reset({ index: 0 });
    expect((await http(host, '/reset', { index: 0, episode_id: 'gone' })).status).toBe(200);
    await expect.poll(async () => (await http(host, '/state?episode_id=gone')).status).toBe(404);
    expect((await connected.step(box)).type).toBe('observation');
  });

  it('the session that was idle the longest makes room when the server is full, and no other does', async () => {
    const host = await start({ sessions: 2, idle: { ...patient, whenFullMs: 0 } });
    const stateOf = async (id: string) => (await http(host, `/state?episode_id=${id}`)).status;
    await http(host, '/reset', { index: 0, episode_id: 'one' });
    await http(host, '/reset', { index: 1, episode_id: 'two' });
    await http(host, '/step', { action: box, episode_id: 'one' });
    // Who makes no sense takes nobody's place.
    const rude = await client(host);
    expect(await rude.ask('rubbish')).toMatchObject({ data: { code: 'INVALID_JSON' } });
    expect(await rude.reset({ sead: 1 })).toMatchObject({ data: { code: 'VALIDATION_ERROR' } });
    expect((await http(host, '/reset', { sead: 1 })).status).toBe(422);
    expect([await stateOf('one'), await stateOf('two')]).toEqual([200, 200]);

    expect((await (await client(host)).reset({ index: 2 })).type).toBe('observation');
    expect([await stateOf('one'), await stateOf('two')]).toEqual([200, 404]);
    expect((await http(host, '/step', { action: box, episode_id: 'two' })).json.detail).toContain('expired');
    expect((await (await client(host)).reset({ index: 3 })).type).toBe('observation');
    expect(await stateOf('one')).toBe(404);
    // Connections end by themselves: nobody takes the place of one.
    expect((await http(host, '/reset', { index: 4 })).status).toBe(503);
  });

  it('a session that works makes no room', async () => {
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const segmenter = hangingSegmenter({ onStart: () => begin() });
    const host = await start({ sessions: 1, segmenter, idle: { ...patient, whenFullMs: 0 } });
    await http(host, '/reset', { index: 0, episode_id: 'busy' });
    const working = http(host, '/step', { action: box, episode_id: 'busy', timeout_s: 2 });
    await begun;
    expect((await http(host, '/reset', { index: 1, episode_id: 'two' })).status).toBe(503);
    expect((await working).status).toBe(504);
    expect((await http(host, '/reset', { index: 1, episode_id: 'two' })).status).toBe(200);
  });
});

withData('tools as MCP lists and calls them', () => {
  const call = (name: string, given: unknown, more = {}) => ({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: given, ...more },
  });

  it('over HTTP, in a session of its own', async () => {
    const host = await start({ sessions: 1 });
    const rpc = async (method: string, params = {}) =>
      (await http(host, '/mcp', { jsonrpc: '2.0', id: 'q', method, params })).json;
    const { session_id } = (await rpc('openenv/session/create')).result as unknown as { session_id: string };
    expect(await rpc('openenv/session/create')).toMatchObject({
      error: { code: -32000, data: { max_sessions: 1 } },
    });
    const { tools } = (await rpc('tools/list')).result as unknown as {
      tools: { name: string; inputSchema: object }[];
    };
    expect(tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['new_episode', 'segment_box', 'finish']),
    );
    const early = await http(host, '/mcp', call('finish', {}, { session_id }));
    expect(early.json).toMatchObject({ id: 1, error: { code: -32603 } });
    const begun = await http(host, '/mcp', call('new_episode', { index: 2 }, { session_id }));
    expect(begun.json.result).toMatchObject({
      content: [{ type: 'text' }, { type: 'image', mimeType: 'image/png' }],
      structuredContent: { turn: 0, done: false },
      isError: false,
    });
    const refused = await http(host, '/mcp', call('add_point', { x: -1 }, { session_id }));
    expect(refused.json.result).toMatchObject({ isError: true, structuredContent: { turn: 1 } });
    expect(await rpc('openenv/session/close', { session_id })).toMatchObject({ result: { closed: true } });
    expect(await rpc('openenv/session/close', { session_id })).toMatchObject({ error: { code: -32602 } });
    expect(await rpc('resources/list')).toMatchObject({ error: { code: -32601 }, id: 'q' });
    expect((await http(host, '/mcp', '{')).json).toMatchObject({ error: { code: -32700 } });
    expect((await http(host, '/mcp', { method: 'tools/list' })).json).toMatchObject({
      error: { code: -32600 },
    });
  });

  it('over both WebSockets', async () => {
    const host = await start();
    const env = await client(host);
    await env.reset({ index: 0 });
    const inside = await env.ask({ type: 'mcp', data: call('segment_box', box.arguments) });
    expect(inside).toMatchObject({ type: 'mcp', data: { result: { structuredContent: { turn: 1 } } } });
    expect((await env.ask({ type: 'state' })).data).toMatchObject({ step_count: 1 });
    // OpenEnv's own actions for tools, as its MCPToolClient sends them.
    const listed = await env.step({ type: 'list_tools' });
    expect(listed.data.observation).toMatchObject({
      tools: expect.arrayContaining([expect.objectContaining({ name: 'finish' })]),
    });
    const called = await env.step({ type: 'call_tool', tool_name: 'add_point', arguments: centre.arguments });
    expect(called.data.observation).toMatchObject({
      tool_name: 'add_point',
      result: { turn: 2 },
      error: null,
    });

    const bare = await client(host, '/mcp');
    expect(await bare.ask(call('new_episode', { seed: 5 }))).toMatchObject({
      jsonrpc: '2.0',
      id: 1,
      result: {},
    });
    expect(await bare.ask('nonsense')).toMatchObject({ error: { code: -32700 } });
    expect(await bare.ask(call('zoom_out', {}))).toMatchObject({
      result: { structuredContent: { turn: 1 } },
    });
  });
});

withData('who may talk', () => {
  it('pages of other origins and other names may not; beyond loopback only with a token', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const open = await start();
    const refused = await fetch(`${open.url}/health`, { headers: { Origin: 'https://evil.example' } });
    expect(refused.status).toBe(403);
    const socket = new WebSocket(`${open.url.replace('http', 'ws')}/ws`, { origin: 'https://evil.example' });
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', () => undefined);
    });
    expect(status).toBe(403);

    const host = await start({ host: '0.0.0.0', token: 'a-token-of-this-test' });
    expect(host.url).toBe(`http://localhost:${host.port}/token/a-token-of-this-test`);
    expect((await (await client(host)).reset({ index: 0 })).type).toBe('observation');
    expect((await http(host, '/metadata')).status).toBe(200);
    const base = `http://127.0.0.1:${host.port}`;
    const bearer = { headers: { Authorization: 'Bearer a-token-of-this-test' } };
    expect((await fetch(`${base}/metadata`, bearer)).status).toBe(200);
    expect((await fetch(`${base}/metadata`)).status).toBe(401);
    expect((await fetch(`${base}/token/wrong/metadata`)).status).toBe(401);
    expect((await fetch(`${base}/health`)).status).toBe(200);
    await expect(openEnvClient(base)).rejects.toThrow('401');

    // A name that the server does not know itself by: of a proxy, a container, or of a page that points here.
    const { port } = host;
    expect(await statusUnder('gateway.example', port, '/metadata', bearer.headers)).toBe(200);
    expect(await statusUnder('gateway.example', port, '/token/a-token-of-this-test/metadata')).toBe(200);
    expect(await statusUnder('gateway.example', port, '/token/wrong/metadata')).toBe(401);
    expect(await statusUnder('gateway.example', port, '/metadata')).toBe(401);
    expect(await statusUnder('gateway.example', port, '/health')).toBe(403);
    expect(await statusUnder('gateway.example', open.port, '/metadata')).toBe(403);
    expect(await statusUnder('localhost', open.port, '/metadata')).toBe(200);
    const foreign = { ...bearer.headers, Origin: 'https://evil.example' };
    expect(await statusUnder('gateway.example', port, '/metadata', foreign)).toBe(403);
  });
});
