import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createEngine, type Engine } from '@engine/engine';
import { defaultExportOptions } from '@shared/contract/formats';
import { type EpisodeState, imageQuerySchema } from '@shared/contract/methods';
import { parseTrajectory } from '@shared/trajectory/migrations';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { hasSharedData, surrogates } from '../support/shared-data';

const engines: Engine[] = [];
const folders: string[] = [];

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'maskwright-engine-'));
  folders.push(folder);
  return folder;
}

async function start(
  dataDir: string,
  options: { segmenter?: string; project?: string } = {},
): Promise<Engine> {
  const engine = await createEngine({
    dataDir,
    cacheDir: join(dataDir, 'cache'),
    resourcesDir: resolve('resources'),
    outDir: resolve('out/main'),
    spawnModelChild: () => {
      throw new Error('No model is used here');
    },
    policy: 'none',
    segmenter: options.segmenter ?? 'nothing.onnx,nothing.onnx',
    project: options.project,
    log: () => {},
    version: 'test',
  });
  engines.push(engine);
  return engine;
}

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Starts to replay the sample's episode about the motorcycle (three turns: wheel, whole, finish). */
async function replayMotorcycle(engine: Engine): Promise<EpisodeState> {
  const { handlers } = engine;
  await handlers['project.openSample']({});
  const query = imageQuerySchema.parse({ search: 'motorcycle' });
  const { items } = await handlers['images.list']({ ...query, offset: 0, limit: 50 });
  const imageId = items[0]?.id ?? '';
  const [recorded] = await handlers['trajectories.list']({ imageId });
  return handlers['episode.start']({
    imageId,
    query: recorded?.query ?? '',
    mode: 'step',
    source: { kind: 'replay', trajectoryId: recorded?.id ?? '' },
    turnBudget: 8,
  });
}

async function acceptNextCall(engine: Engine, episodeId: string): Promise<EpisodeState> {
  await engine.handlers['episode.propose']({ episodeId });
  return engine.handlers['episode.acceptCall']({ episodeId });
}

describe('engine, without any model', () => {
  it('accepts with a new class as one step of undo', async () => {
    const engine = await start(dataFolder());
    const { handlers } = engine;
    const { episodeId, imageId } = await replayMotorcycle(engine);
    for (let turn = 0; turn < 3; turn++) await acceptNextCall(engine, episodeId);
    const names = async (): Promise<string[] | undefined> =>
      (await handlers['project.current']({}))?.categories.map(({ name }) => name);
    const { annotations } = await handlers['episode.accept']({ episodeId, className: 'motorcycle' });
    expect(annotations).toHaveLength(1);
    expect(await names()).toEqual(['motorcycle']);
    await handlers['history.undo']({ imageId });
    expect(await handlers['annotations.list']({ imageId })).toEqual([]);
    expect(await names()).toEqual([]);
    await handlers['history.redo']({ imageId });
    expect(await handlers['annotations.list']({ imageId })).toMatchObject([
      { categoryId: annotations[0]?.categoryId },
    ]);
    expect(await names()).toEqual(['motorcycle']);
  });

  it('replays recorded turns to the recorded masks, accepts, exports, undoes and redoes', async () => {
    const engine = await start(dataFolder());
    const { handlers } = engine;
    const { episodeId, imageId } = await replayMotorcycle(engine);
    const { id: categoryId } = await handlers['categories.create']({ name: 'motorcycle' });
    await acceptNextCall(engine, episodeId);
    await acceptNextCall(engine, episodeId);
    const ended = await acceptNextCall(engine, episodeId);
    expect(ended).toMatchObject({ status: 'ended', head: 'n3', canPropose: false });

    const accepted = await handlers['episode.accept']({ episodeId, categoryId });
    expect(accepted.annotations).toHaveLength(1);
    expect(accepted.history.undo).toMatch(/motorcycle/);
    const { text: json } = await handlers['formats.download']({
      format: 'coco',
      options: defaultExportOptions('coco'),
    });
    const coco = z
      .object({ annotations: z.array(z.object({ segmentation: z.object({ counts: z.string() }) })) })
      .parse(JSON.parse(json));
    expect(coco.annotations[0]?.segmentation.counts).toBe(
      ended.trajectory.nodes[2]?.observation?.objects[0]?.mask?.counts,
    );

    // The first undo steps back through turns only while the episode is open: now it takes back the acceptance.
    await handlers['history.undo']({ imageId });
    expect(await handlers['annotations.list']({ imageId })).toEqual([]);
    expect(await handlers['episode.state']({ episodeId })).toMatchObject({ status: 'ended' });
    await handlers['history.undo']({ imageId });
    expect(await handlers['episode.state']({ episodeId })).toMatchObject({ head: 'n2', status: 'waiting' });
    await handlers['history.redo']({ imageId });
    expect((await handlers['history.redo']({ imageId })).history.redo).toBeNull();
    expect(await handlers['annotations.list']({ imageId })).toHaveLength(1);
  });

  it('does not redo an acceptance over turns that were made after it was undone', async () => {
    const engine = await start(dataFolder());
    const { handlers } = engine;
    const { episodeId, imageId } = await replayMotorcycle(engine);
    const { id: categoryId } = await handlers['categories.create']({ name: 'motorcycle' });
    const first = await acceptNextCall(engine, episodeId);
    await handlers['episode.accept']({ episodeId, categoryId });
    const undone = await handlers['history.undo']({ imageId });
    expect(undone.history.redo).toMatch(/motorcycle/);
    expect(undone.imageIds).toEqual([imageId]);
    const second = await acceptNextCall(engine, episodeId);
    const maskOf = (state: EpisodeState): string | undefined =>
      state.trajectory.nodes.find(({ id }) => id === state.head)?.observation?.objects[0]?.mask?.counts;
    expect(maskOf(second)).not.toBe(maskOf(first));
    // The wheel that was accepted first is not what the episode shows now.
    expect((await handlers['history.state']({ imageId })).redo).toBeNull();
    await handlers['history.redo']({ imageId });
    expect(await handlers['annotations.list']({ imageId })).toEqual([]);
    expect(await handlers['episode.state']({ episodeId })).toMatchObject({ status: 'waiting', head: 'n2' });

    const { annotations } = await handlers['episode.accept']({ episodeId, categoryId });
    expect(annotations[0]?.mask.counts).toBe(maskOf(second));
    await handlers['history.undo']({ imageId });
    await handlers['history.redo']({ imageId });
    expect(await handlers['annotations.list']({ imageId })).toHaveLength(1);
  });

  it('says what is missing when a correction needs a segmenter, and keeps the episode usable', async () => {
    const engine = await start(dataFolder());
    const { episodeId } = await replayMotorcycle(engine);
    await engine.handlers['episode.propose']({ episodeId });
    const gesture = { name: 'segment_box' as const, box: { x1: 20, y1: 20, x2: 200, y2: 200 } };
    await expect(engine.handlers['episode.act']({ episodeId, gesture })).rejects.toMatchObject({
      code: 'MODEL_MISSING',
    });
    const { status, head } = await engine.handlers['episode.acceptCall']({ episodeId });
    expect([status, head]).toEqual(['waiting', 'n1']);
  });

  it('opens an episode again after a restart, at the turn where it was', async () => {
    const dataDir = dataFolder();
    const first = await start(dataDir);
    const { episodeId } = await replayMotorcycle(first);
    await acceptNextCall(first, episodeId);
    const before = await acceptNextCall(first, episodeId);
    await first.close();
    engines.splice(0);
    const second = await start(dataDir);
    await second.handlers['project.openSample']({});
    const after = await second.handlers['episode.state']({ episodeId });
    expect(after).toMatchObject({ head: before.head, status: 'waiting', trajectory: before.trajectory });
    const { id: categoryId } = await second.handlers['categories.create']({ name: 'motorcycle' });
    const { annotations } = await second.handlers['episode.accept']({ episodeId, categoryId });
    expect(annotations[0]?.mask).toEqual(before.trajectory.nodes[1]?.observation?.objects[0]?.mask);
  });

  it('answers with clear errors before a project is open and for what does not exist', async () => {
    const { handlers } = await start(dataFolder());
    await expect(
      handlers['images.list']({ ...imageQuerySchema.parse({}), offset: 0, limit: 1 }),
    ).rejects.toMatchObject({
      code: 'NO_PROJECT',
    });
    await expect(handlers['project.open']({ location: '/no/such/folder' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await handlers['project.openSample']({});
    await expect(handlers['episode.state']({ episodeId: 'nobody' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe.skipIf(!hasSharedData('corrections with a segmenter'))('engine, with a segmenter', () => {
  it('records the person’s box beside the agent’s, and the mask is the one that the segmenter gave', async () => {
    const engine = await start(dataFolder(), { segmenter: surrogates.sam1 });
    const { handlers } = engine;
    const { episodeId } = await replayMotorcycle(engine);
    await handlers['episode.propose']({ episodeId });
    const gesture = { name: 'segment_box' as const, box: { x1: 128, y1: 300, x2: 424, y2: 636 } };
    const { imageId } = await handlers['episode.state']({ episodeId });
    const preview = await handlers['segment.preview']({ imageId, episodeId, gesture });
    const state = await handlers['episode.act']({ episodeId, gesture });
    expect(state.trajectory.nodes).toMatchObject([
      {
        id: 'n1',
        author: 'human',
        observation: { objects: [{ mask: preview.candidates[preview.best]?.mask }] },
      },
      { id: 'n2', author: 'agent', observation: null },
    ]);
    const { text: jsonl } = await handlers['formats.download']({
      format: 'trajectories',
      options: defaultExportOptions('trajectories'),
    });
    const stored = jsonl
      .trimEnd()
      .split('\n')
      .map((line) => parseTrajectory(JSON.parse(line)))
      .find((trajectory) => trajectory.header.id === episodeId);
    expect(stored?.verdicts).toMatchObject([
      { node: 'n1', verdict: 'accepted', by: 'human' },
      { node: 'n2', verdict: 'corrected', replacement: 'n1' },
    ]);
    const image = await handlers['episode.observationImage']({ episodeId, nodeId: 'n1', size: 200 });
    expect(image.mime).toBe('image/png');
    expect(image.bytes.length).toBeGreaterThan(1000);
  });
});
