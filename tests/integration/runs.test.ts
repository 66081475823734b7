import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { importFolder } from '@engine/datasets/import-folder';
import { createEngine, type Engine } from '@engine/engine';
import { JobRunner } from '@engine/jobs/runner';
import type { ProjectStore } from '@engine/project';
import { createProject, openProject } from '@engine/project/open';
import { RunDesk } from '@engine/runs/run-desk';
import type { RunPlan } from '@shared/contract/methods';
import { reviewQuerySchema } from '@shared/contract/methods';
import fc from 'fast-check';
import { build } from 'vite';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { rectangle, sampleTrajectory, temporaryFolder } from '../support/project-data';
import { shapeModels } from '../support/run-child';

const photographs = resolve('resources/samples/first-steps/images');
const outDir = resolve('out/test-support');
const script = join(outDir, 'run-child.cjs');

beforeAll(async () => {
  mkdirSync(outDir, { recursive: true });
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { '@shared': resolve('src/shared'), '@engine': resolve('src/engine') } },
    ssr: { noExternal: true, external: ['libsql', 'sharp', 'onnxruntime-node'] },
    build: {
      minify: true,
      ssr: resolve('tests/support/run-child.ts'),
      outDir,
      emptyOutDir: false,
      target: 'node16.17',
      rolldownOptions: {
        external: ['libsql', 'sharp', 'onnxruntime-node'],
        output: { format: 'cjs', entryFileNames: 'run-child.cjs', codeSplitting: false },
      },
    },
  });
});

/** Photographs with two annotated classes, to be found again by the simulated annotator. */
async function annotated(): Promise<{ folder: string; store: ProjectStore }> {
  const folder = temporaryFolder();
  cpSync(photographs, folder, { recursive: true });
  const store = createProject(folder);
  await importFolder(store, folder);
  const [one, two] = ['left half', 'middle'].map((name) => store.createCategory(name).id);
  for (const { id: imageId, width, height } of store.allImages()) {
    const [w, h] = [Math.floor(width / 3), Math.floor(height / 2)];
    const size = { width, height };
    const mask = (x: number): ReturnType<typeof rectangle> =>
      rectangle(size, { x, y: Math.floor(h / 2), width: w, height: h });
    store.createAnnotations([
      { imageId, categoryId: one ?? 0, mask: mask(4) },
      { imageId, categoryId: two ?? 0, mask: mask(w) },
    ]);
  }
  return { folder, store };
}

const plan = (store: ProjectStore, change: Partial<RunPlan> = {}): RunPlan => ({
  images: { kind: 'all' },
  queries: {
    kind: 'classes',
    template: 'every {class}',
    categoryIds: store.categories().map(({ id }) => id),
  },
  policy: 'simulated',
  coordinates: 'norm1000',
  turnBudget: 6,
  concurrency: 2,
  seed: 7,
  ...change,
});

/** What a run found, without times and ids that differ from project to project. */
function findings(store: ProjectStore, runId: string): unknown[] {
  return store.runItems(runId, { state: null, offset: 0, limit: 500 }).items.map((item) => {
    const trajectory = store.trajectory(item.trajectoryId ?? '');
    return {
      image: item.imageName,
      query: item.query,
      outcome: trajectory.outcome,
      seed: trajectory.header.seed,
      turns: trajectory.nodes.map(({ call, observation }) => [call, observation?.text, observation?.objects]),
    };
  });
}

const queue = (store: ProjectStore, query: object = {}): ReturnType<ProjectStore['listReviews']> =>
  store.listReviews({ ...reviewQuerySchema.parse(query), offset: 0, limit: 200 });

/** Waits until a killed process has done so many items, then kills it without a word. */
async function killAfter(child: ChildProcess, items: number): Promise<void> {
  const ended = new Promise((done) => child.once('exit', done));
  await new Promise<void>((done, fail) => {
    child.once('exit', () => fail(new Error('The run ended before it was killed')));
    child.stdout?.on('data', (text: Buffer) => {
      if (
        text
          .toString()
          .split('\n')
          .some((line) => Number(line) >= items)
      )
        done();
    });
  });
  child.kill('SIGKILL');
  await ended;
}

describe('a batch run', () => {
  it('goes on after a kill where it was, with the results of an unbroken run', async () => {
    const whole = await annotated();
    const jobs = new JobRunner({ storage: whole.store });
    const runs = new RunDesk(shapeModels(0), jobs, () => whole.store);
    const { id } = await runs.start(plan(whole.store));
    expect(await jobs.wait(id)).toMatchObject({ status: 'done', done: 16, total: 16 });
    const expected = findings(whole.store, id);
    expect(expected).toHaveLength(16);

    const broken = await annotated();
    broken.store.close();
    const child = spawn(process.execPath, [script, broken.folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    await killAfter(child, 4);
    const store = openProject(broken.folder);
    const again = new JobRunner({ storage: store });
    const desk = new RunDesk(shapeModels(0), again, () => store);
    const [interrupted] = desk.list();
    const runId = interrupted?.id ?? '';
    expect(interrupted?.job).toMatchObject({ status: 'paused', message: expect.stringContaining('resume') });
    // What was told as done is there, and only what was in work is not.
    const { done, waiting } = store.runCounts(runId);
    expect(done).toBeGreaterThanOrEqual(4);
    expect(done + waiting).toBe(16);
    expect(waiting).toBeGreaterThan(0);
    expect(queue(store).total).toBe(done);
    const before = store.runItems(runId, { state: 'done', offset: 0, limit: 100 }).items;
    const createdBefore = before.map(
      ({ trajectoryId }) => store.trajectory(trajectoryId ?? '').header.createdAt,
    );

    desk.resume(runId);
    expect(await again.wait(runId)).toMatchObject({ status: 'done', done: 16 });
    expect(findings(store, runId)).toEqual(expected);
    const createdAfter = before.map(
      ({ trajectoryId }) => store.trajectory(trajectoryId ?? '').header.createdAt,
    );
    expect(createdAfter).toEqual(createdBefore);
    // Results wait; nothing is accepted by itself.
    expect(queue(store).total).toBe(16);
    expect(store.summary().counts.annotations).toBe(16);
    expect(store.listImages({ offset: 0, limit: 20 }).items.map(({ state }) => state)).toEqual(
      Array.from({ length: 8 }, () => 'review'),
    );
    store.close();
    whole.store.close();
  });

  it('pauses, resumes, queues behind another, and tells what failed so that it can be tried again', async () => {
    const { store, folder } = await annotated();
    const jobs = new JobRunner({ storage: store });
    const runs = new RunDesk(shapeModels(15), jobs, () => store);
    const gone = readdirSync(folder).find((name) => name.endsWith('.jpg')) ?? '';
    const photograph = join(folder, gone);
    const moved = `${photograph}.moved`;
    const { renameSync } = await import('node:fs');
    renameSync(photograph, moved);

    const first = await runs.start(plan(store));
    const second = await runs.start(plan(store, { queries: { kind: 'one', query: 'all', className: null } }));
    expect([first.job.status, second.job.status]).toEqual(['running', 'queued']);
    await vi.waitUntil(() => store.runCounts(first.id).done >= 2, { timeout: 60_000, interval: 10 });
    runs.pause(first.id);
    expect((await jobs.wait(first.id)).status).toBe('paused');
    await jobs.wait(second.id);
    expect(runs.list()[0]).toMatchObject({
      id: second.id,
      counts: { done: 7, failed: 1 },
      job: { status: 'done' },
    });

    runs.resume(first.id);
    await jobs.wait(first.id);
    const failed = runs.items(first.id, { state: 'failed', offset: 0, limit: 10 });
    expect(failed.items.map(({ imageName }) => imageName)).toEqual([gone, gone]);
    expect(failed.items[0]?.message).not.toBe('');
    renameSync(moved, photograph);
    runs.retry(first.id);
    expect(() => runs.retry(first.id)).toThrow('The run is at work');
    expect((await jobs.wait(first.id)).message).toBe('16 results to review');
    expect(() => runs.retry(first.id)).toThrow('No item of this run has failed');

    // The same question was answered by two runs: they agree where they found the same.
    const both = queue(store, { runId: second.id, sort: 'disagreement', descending: true });
    expect(both.total).toBe(7);
    expect(both.items.every(({ disagreement }) => disagreement !== null)).toBe(true);
    store.close();
  });

  it('matches the rows of a file with images, and says what it would do', async () => {
    const { store } = await annotated();
    const runs = new RunDesk(shapeModels(0), new JobRunner({ storage: store }), () => store);
    const text = 'image,query,class\nbus.jpg,"the bus, red",bus\ncake,a cake,cake\nnone.jpg,nothing,\n';
    const preview = await runs.preview(
      plan(store, { queries: { kind: 'file', fileName: 'q.csv', text }, policy: 'model' }),
    );
    expect(preview).toMatchObject({
      images: 8,
      items: 2,
      unmatched: 1,
      problem: { message: 'No agent is set up.' },
    });
    expect(preview.rows).toEqual([
      { image: 'bus.jpg', query: 'the bus, red', className: 'bus', matched: true },
      { image: 'cake.jpg', query: 'a cake', className: 'cake', matched: true },
      { image: 'none.jpg', query: 'nothing', className: null, matched: false },
    ]);
    const simulated = await runs.preview(
      plan(store, { queries: { kind: 'one', query: 'x', className: 'unknown' } }),
    );
    expect(simulated).toMatchObject({
      items: 0,
      leftOut: 8,
      problem: { message: 'There is nothing to do.' },
    });
    store.close();
  });
});

describe('with the whole engine', () => {
  const engines: Engine[] = [];
  afterEach(async () => {
    for (const engine of engines.splice(0)) await engine.close();
  });

  async function start(policy: string, segmenter = 'embedded'): Promise<Engine> {
    const dataDir = temporaryFolder();
    const engine = await createEngine({
      dataDir,
      cacheDir: join(dataDir, 'cache'),
      resourcesDir: resolve('resources'),
      outDir: resolve('out/main'),
      spawnModelChild: () => {
        throw new Error('No model is used here');
      },
      policy,
      segmenter,
      log: () => {},
      version: 'test',
    });
    engines.push(engine);
    await engine.handlers['project.openSample']({});
    return engine;
  }

  const common = { coordinates: 'norm1000', turnBudget: 4, concurrency: 4, seed: 0 } as const;
  const all = reviewQuerySchema.parse({});

  it('replays recordings, accepts by the queue and by the episode alike, and undoes both', async () => {
    const { handlers } = await start('none', 'nothing.onnx,nothing.onnx');
    const before = await handlers['review.list']({ ...all, offset: 0, limit: 50 });
    const run = await handlers['runs.start']({
      ...common,
      images: { kind: 'all' },
      queries: { kind: 'recorded' },
      policy: 'replay',
    });
    await vi.waitUntil(async () => (await handlers['runs.list']({}))[0]?.job.status === 'done', {
      timeout: 60_000,
      interval: 50,
    });
    const after = await handlers['review.list']({ ...all, runId: run.id, offset: 0, limit: 50 });
    expect(after.total).toBe(before.total);
    expect(after.waiting).toBe(2 * before.total);
    // The replay found the very same masks.
    expect(after.items.every(({ disagreement }) => disagreement !== null)).toBe(true);

    const [one, two] = after.items.filter(({ masks }) => masks > 0);
    if (!one || !two) throw new Error('The sample has no results');
    const { id: categoryId } = await handlers['categories.create']({ name: 'thing' });
    const queued = await handlers['review.accept']({ ids: [one.id], categoryId });
    expect(queued.count).toBe(1);
    const opened = await handlers['episode.state']({ episodeId: two.id });
    expect(opened.status).toBe('ended');
    await handlers['episode.accept']({ episodeId: two.id, categoryId });
    for (const { id, imageId } of [one, two]) {
      const [annotation] = await handlers['annotations.list']({ imageId });
      expect(annotation).toMatchObject({ trajectoryId: id, categoryId, author: 'agent' });
      expect((await handlers['review.entry']({ id })).waiting).toBe(false);
      const { trajectory } = await handlers['episode.state']({ episodeId: id });
      expect(trajectory.outcome).toMatchObject({ status: 'accepted', category: 'thing' });
      expect(trajectory.verdicts.filter(({ by }) => by === 'human')).toHaveLength(trajectory.nodes.length);
      // The sample's own recording of the image still waits.
      expect((await handlers['images.get']({ imageId })).state).toBe('review');
    }
    const today = new Date(Date.now() - 60_000).toISOString();
    expect(await handlers['review.pace']({ since: today })).toMatchObject({ decisions: 2 });
    await handlers['history.undo']({ imageId: null });
    await handlers['history.undo']({ imageId: null });
    expect((await handlers['review.list']({ ...all, offset: 0, limit: 1 })).waiting).toBe(after.waiting);
    expect(await handlers['review.pace']({ since: today })).toMatchObject({ decisions: 0 });

    // The other recording of an accepted mask is pointed out as its double, and left alone by a batch.
    await handlers['review.accept']({ ids: [one.id], categoryId });
    const twins = await handlers['review.list']({ ...all, imageId: one.imageId, offset: 0, limit: 5 });
    expect(twins.items.map(({ duplicateOf }) => duplicateOf !== null)).toEqual(twins.items.map(() => true));
    const left = await handlers['review.accept']({ ids: twins.items.map(({ id }) => id), categoryId });
    expect(left).toMatchObject({ count: 0, left: twins.items.map(({ id }) => ({ id })) });

    const picture = await handlers['review.thumbnail']({ id: two.id, size: 96 });
    expect(picture.mime).toBe('image/webp');
    expect(picture.bytes.length).toBeGreaterThan(300);
  });

  it('stops a run with one message when nobody listens at the endpoint', async () => {
    // A port that was free a moment ago: nobody listens there.
    const port = await new Promise<number>((done) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => done(typeof address === 'object' && address ? address.port : 0));
      });
    });
    const { handlers } = await start(`openai:http://127.0.0.1:${port}/v1#m`);
    const run = await handlers['runs.start']({
      ...common,
      concurrency: 1,
      images: { kind: 'all' },
      queries: { kind: 'one', query: 'anything', className: null },
      policy: 'model',
    });
    const ended = async (): Promise<boolean> => (await handlers['runs.list']({}))[0]?.job.status === 'failed';
    await vi.waitUntil(ended, { timeout: 60_000, interval: 100 });
    const [{ job, counts } = run] = await handlers['runs.list']({});
    expect(job.message).toContain(`Nothing answers at http://127.0.0.1:${port}`);
    // None is blamed on an image: they wait for the endpoint to come back.
    expect(counts).toMatchObject({ total: 20, waiting: 20, failed: 0 });
  });
});

describe('the review queue', () => {
  const size = { width: 24, height: 16 };

  /** A project with results of some scores on a few images. */
  function withResults(
    results: readonly { image: number; score: number | null; kind: number }[],
  ): ProjectStore {
    const folder = temporaryFolder();
    const store = createProject(folder);
    const { images } = store.addImages(
      folder,
      [0, 1, 2].map((n) => ({ file: join(folder, `${n}.png`), sha256: `${n}`, ...size })),
    );
    for (const [index, { image, score, kind }] of results.entries()) {
      const mask = rectangle(size, { x: index % 12, y: kind, width: 4 + (index % 3), height: 5 });
      const trajectory = sampleTrajectory(`t${index}`, mask, kind === 3 ? 'truncated' : 'finished');
      const [node] = trajectory.nodes;
      if (!node?.observation) throw new Error('The sample has no turn');
      const objects = node.observation.objects.map((object) => ({ ...object, predictedIou: score }));
      store.saveTrajectory(
        {
          ...trajectory,
          header: { ...trajectory.header, query: `q${kind}` },
          nodes: [{ ...node, observation: { ...node.observation, objects } }],
          outcome: { ...trajectory.outcome, category: kind === 0 ? null : `class ${kind}` },
        },
        images[image]?.id ?? '',
      );
    }
    return store;
  }

  const everything = (store: ProjectStore): unknown => ({
    queue: queue(store),
    images: store.allImages().map(({ id, state }) => [id, state]),
    annotations: store.allImages().map(({ id }) => store.annotations(id)),
    trajectories: [...store.allTrajectories()],
  });

  it('brings all of a batch back exactly, whatever was in it', () => {
    const result = fc.record({
      image: fc.integer({ min: 0, max: 2 }),
      score: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null }),
      kind: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(result, { minLength: 1, maxLength: 14 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        (results, threshold, accepts) => {
          const store = withResults(results);
          const { id: categoryId } = store.createCategory('class 0');
          for (const kind of [1, 2, 3]) store.createCategory(`class ${kind}`);
          const before = everything(store);
          const ids = store.reviewsAbove(reviewQuerySchema.parse({}), threshold);
          const high = results.filter(({ score }) => score !== null && score >= threshold);
          expect(ids).toHaveLength(high.length);
          if (ids.length === 0) return store.close();
          const { left } = accepts ? store.acceptReviews(ids, categoryId) : store.rejectReviews(ids, 'no');
          const settled = ids.length - left.length;
          expect(queue(store).total).toBe(results.length - settled);
          const after = everything(store);
          if (accepts) expect(store.summary().counts.annotations).toBe(settled);
          for (const { id, state } of store.allImages()) {
            const waits = queue(store, { imageId: id }).total > 0;
            if (waits) expect(state).toBe('review');
          }
          if (settled > 0) {
            store.undo();
            expect(everything(store)).toEqual(before);
            store.redo();
            expect(everything(store)).toEqual(after);
          }
          store.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  it('sorts, filters and counts by index, entries without a value last', () => {
    const store = withResults([
      { image: 0, score: 0.9, kind: 1 },
      { image: 1, score: null, kind: 2 },
      { image: 2, score: 0.2, kind: 1 },
      { image: 0, score: 0.5, kind: 3 },
    ]);
    const ids = (query: object): string[] => queue(store, query).items.map(({ id }) => id);
    expect(ids({})).toEqual(['t0', 't1', 't2', 't3']);
    expect(ids({ sort: 'score' })).toEqual(['t2', 't3', 't0', 't1']);
    expect(ids({ sort: 'score', descending: true })).toEqual(['t0', 't3', 't2', 't1']);
    expect(ids({ className: 'class 1' })).toEqual(['t0', 't2']);
    expect(ids({ result: 'truncated' })).toEqual(['t3']);
    expect(ids({ minScore: 0.5, sort: 'score' })).toEqual(['t3', 't0']);
    expect(store.reviewHistogram(reviewQuerySchema.parse({}), 4)).toEqual({
      bins: [1, 0, 1, 1],
      unscored: 1,
    });
    expect(store.reviewFacets().classes).toEqual([
      { name: 'class 1', count: 2 },
      { name: 'class 2', count: 1 },
      { name: 'class 3', count: 1 },
    ]);
    store.close();
  });
});
