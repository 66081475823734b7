import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readFolder } from '../../src/engine/datasets/folder';
import { importFolder } from '../../src/engine/datasets/import-folder';
import { JobRunner } from '../../src/engine/jobs/runner';
import { applicationId, Database } from '../../src/engine/project/database';
import { type Migration, migrate, migrations } from '../../src/engine/project/migrations';
import { createProject, openOrCreateProject, openProject } from '../../src/engine/project/open';
import type { NewImage, ProjectStore } from '../../src/engine/project/store';
import { MaskwrightError } from '../../src/shared/contract/errors';
import { rectangle, sampleTrajectory, temporaryFolder } from '../support/project-data';

const size = { width: 40, height: 30 };
let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof MaskwrightError ? error.code : String(error);
  }
  return 'no error';
};

const imageEntry = (name: string): NewImage => ({ file: join(folder, name), sha256: 'ff', ...size });

function withImages(store: ProjectStore, ...names: string[]): string[] {
  return store.addImages(folder, names.map(imageEntry)).images.map((image) => image.id);
}

const picture = (file: string, options: { orientation?: number } = {}): Promise<unknown> => {
  const image = sharp({ create: { ...size, channels: 3, background: '#a03020' } });
  return (options.orientation === undefined ? image : image.withMetadata(options)).toFile(file);
};

describe('the database wrapper', () => {
  const open = (): Database => new Database(join(folder, 'a.maskwright'), { create: true });

  it('turns what would abort the process into errors', () => {
    const db = open();
    db.exec('CREATE TABLE t (a)');
    const insert = (values: unknown[]): unknown =>
      Reflect.apply(db.run, db, ['INSERT INTO t VALUES (?)', values]);
    for (const value of [
      {},
      new Date(),
      undefined,
      [1],
      1n,
      () => 1,
      Number.NaN,
      Infinity,
      2 ** 60,
      'a\0b',
    ]) {
      expect(codeOf(() => insert([value]))).toBe('INTERNAL');
    }
    expect(codeOf(() => insert([]))).toBe('INTERNAL');
    expect(codeOf(() => insert([1, 2]))).toBe('INTERNAL');
    insert([true]);
    insert([null]);
    expect(db.all(z.object({ a: z.unknown() }), 'SELECT a FROM t')).toEqual([{ a: 1 }, { a: null }]);
    db.close();
  });

  it('nests transactions as savepoints', () => {
    const db = open();
    db.exec('CREATE TABLE t (a INTEGER)');
    const add = (value: number): unknown => db.run('INSERT INTO t VALUES (?)', [value]);
    db.transaction(() => {
      add(1);
      expect(() =>
        db.transaction(() => {
          add(2);
          throw new Error('inner');
        }),
      ).toThrow('inner');
      add(3);
    });
    expect(() =>
      db.transaction(() => {
        add(4);
        db.transaction(() => add(5));
        throw new Error('outer');
      }),
    ).toThrow('outer');
    expect(codeOf(() => db.transaction(async () => {}))).toBe('INTERNAL');
    expect(db.all(z.object({ a: z.number() }), 'SELECT a FROM t').map((row) => row.a)).toEqual([1, 3]);
    db.close();
    expect(codeOf(() => add(6))).toBe('NO_PROJECT');
  });

  it('commits with fsync and leaves one plain file when closed', () => {
    const db = open();
    expect(db.all(z.object({ journal_mode: z.string() }), 'PRAGMA journal_mode')).toEqual([
      { journal_mode: 'wal' },
    ]);
    expect(db.all(z.object({ synchronous: z.number() }), 'PRAGMA synchronous')).toEqual([{ synchronous: 2 }]);
    expect(db.all(z.object({ foreign_keys: z.number() }), 'PRAGMA foreign_keys')).toEqual([
      { foreign_keys: 1 },
    ]);
    db.exec('CREATE TABLE t (a)');
    db.close();
    expect(readdirSync(folder)).toEqual(['a.maskwright']);
  });
});

describe('opening', () => {
  it('makes a project in a folder and opens it again', () => {
    const store = createProject(folder, { name: 'Cells' });
    withImages(store, 'a.png');
    const summary = store.summary();
    expect(summary).toMatchObject({ name: 'Cells', isSample: false, counts: { images: 1, todo: 1 } });
    store.close();
    const again = openOrCreateProject(folder);
    expect(again.created).toBe(false);
    expect(again.store.summary()).toEqual(summary);
    expect(codeOf(() => createProject(folder))).toBe('CONFLICT');
    again.store.close();
    again.store.close();
    expect(codeOf(() => again.store.summary())).toBe('NO_PROJECT');
  });

  it('says what is wrong with a file that is no project, and leaves it alone', () => {
    const file = join(folder, 'x.maskwright');
    expect(codeOf(() => openProject(file))).toBe('NOT_FOUND');
    writeFileSync(file, 'plain text, not a database '.repeat(400));
    const before = readFileSync(file);
    expect(codeOf(() => openProject(file))).toBe('PROJECT_UNREADABLE');
    expect(readFileSync(file).equals(before)).toBe(true);

    const other = join(folder, 'other.db');
    execFileSync('python3', [
      '-c',
      'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("create table t(a)"); c.commit()',
      other,
    ]);
    const bytes = readFileSync(other);
    expect(codeOf(() => openProject(other))).toBe('PROJECT_UNREADABLE');
    expect(readFileSync(other).equals(bytes)).toBe(true);
  });

  it('reports a damaged project with a hint', () => {
    const store = createProject(folder);
    withImages(store, ...Array.from({ length: 300 }, (_, index) => `${index}.png`));
    store.close();
    const file = join(folder, 'project.maskwright');
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 4096, bytes.length);
    writeFileSync(file, bytes);
    try {
      openProject(file).listImages({ offset: 0, limit: 10, state: null, search: '' });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'PROJECT_UNREADABLE' });
      expect(error instanceof MaskwrightError && error.hint).toContain('backup');
    }
  });

  it('completes a project whose making was cut short', () => {
    writeFileSync(join(folder, 'project.maskwright'), '');
    const { store } = openOrCreateProject(folder);
    expect(withImages(store, 'a.png')).toHaveLength(1);
    store.close();
  });

  it('refuses a second writer, in this process and in another, until it is closed', () => {
    const store = createProject(folder);
    withImages(store, 'a.png');
    expect(codeOf(() => openProject(folder))).toBe('CONFLICT');
    // The failed attempt has not freed the lock of the first.
    expect(codeOf(() => openProject(folder))).toBe('CONFLICT');
    const script = `const D = require(process.argv[1]); const db = new D(process.argv[2], { timeout: 100 });
      try { db.prepare('SELECT * FROM images').all([]); console.log('read'); } catch (e) { console.log(e.code); }`;
    const arguments_ = ['-e', script, resolve('node_modules/libsql'), store.file];
    expect(execFileSync(process.execPath, arguments_, { encoding: 'utf8' }).trim()).toBe('SQLITE_BUSY');
    store.setSetting('name', 'still mine');
    store.close();
    const again = openProject(folder);
    expect(again.summary().name).toBe('still mine');
    again.close();
    expect(execFileSync(process.execPath, arguments_, { encoding: 'utf8' }).trim()).toBe('read');
  });
});

describe('migrations', () => {
  it('are numbered without gaps', () => {
    expect(migrations.map((migration) => migration.version)).toEqual(migrations.map((_, index) => index + 1));
  });

  it('open a project of version 1 with all that is in it', () => {
    const file = join(folder, 'v1.maskwright');
    execFileSync('python3', [
      '-c',
      'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())',
      file,
      resolve('tests/integration/project-v1.sql'),
    ]);
    const store = openProject(file);
    expect(store.summary()).toMatchObject({
      name: 'Version one',
      counts: { images: 2, todo: 1, done: 1, annotations: 1 },
      categories: [{ id: 1, name: 'box', supercategory: '', color: '#0072b2' }],
    });
    const image = store.listImages({ offset: 0, limit: 10, state: 'done', search: '' }).items[0];
    expect(store.annotations(image?.id ?? '')[0]).toMatchObject({
      area: 20,
      bbox: [5, 5, 5, 4],
      author: 'agent',
    });
    expect(store.trajectory('t1').outcome.status).toBe('accepted');
    expect(store.historyState()).toEqual({ undo: 'Accept 1 × box', redo: 'Mark as done' });
    store.undo();
    expect(store.trajectory('t1').outcome.status).toBe('open');
    expect(store.summary().counts).toMatchObject({ todo: 1, review: 1, annotations: 0 });
    store.redo();
    expect(store.annotations(image?.id ?? '')).toHaveLength(1);
    store.close();
  });

  const next: Migration = {
    version: migrations.length + 1,
    name: 'test',
    sql: 'ALTER TABLE images ADD COLUMN test TEXT',
  };

  it('copy the file before they change it', () => {
    const store = createProject(folder);
    withImages(store, 'a.png');
    store.close();
    const db = new Database(join(folder, 'project.maskwright'), { create: false });
    const backup = migrate(db, [...migrations, next]);
    expect(db.readPragma('user_version')).toBe(next.version);
    expect(migrate(db, [...migrations, next])).toBeNull();
    db.close();
    // The version of this test knows less: it must refuse the newer file and can still read the copy.
    expect(codeOf(() => openProject(folder))).toBe('PROJECT_UNREADABLE');
    expect(backup).not.toBeNull();
    const copy = join(folder, 'copy.maskwright');
    copyFileSync(backup ?? '', copy);
    const old = openProject(copy);
    expect(old.summary().counts.images).toBe(1);
    old.close();
  });

  it('leave the file as it was when one fails', () => {
    createProject(folder).close();
    const db = new Database(join(folder, 'project.maskwright'), { create: false });
    const broken: Migration = {
      ...next,
      sql: 'ALTER TABLE images ADD COLUMN test TEXT; ALTER TABLE nothing ADD a',
    };
    expect(codeOf(() => migrate(db, [...migrations, broken]))).toBe('INTERNAL');
    expect(db.readPragma('user_version')).toBe(migrations.length);
    expect(db.readPragma('application_id')).toBe(applicationId);
    db.close();
    openProject(folder).close();
  });
});

describe('the store', () => {
  it('lists ten thousand images by page, state and search in under a second', () => {
    const store = createProject(folder);
    const names = Array.from({ length: 10_000 }, (_, index) => `scan-${index}.png`);
    const ids = withImages(store, ...names);
    store.setImageState(ids[2] ?? '', 'done');
    const start = performance.now();
    const all = store.listImages({ offset: 0, limit: 10_000, state: null, search: '' });
    const took = performance.now() - start;
    expect(all.total).toBe(10_000);
    expect(all.items.slice(0, 3).map((item) => item.name)).toEqual([
      'scan-0.png',
      'scan-1.png',
      'scan-2.png',
    ]);
    expect(took).toBeLessThan(1000);
    const found = store.listImages({ offset: 1, limit: 2, state: 'todo', search: ' SCAN-99 ' });
    expect(found.total).toBe(111);
    expect(found.items.map((item) => item.name)).toEqual(['scan-990.png', 'scan-991.png']);
    expect(store.listImages({ offset: 0, limit: 5, state: 'done', search: '%' }).total).toBe(0);
    store.close();
  });

  it('refuses masks that would break an export, and unknown ids', () => {
    const store = createProject(folder);
    const [imageId = ''] = withImages(store, 'a.png');
    const category = store.addCategory({ id: null, name: 'box', supercategory: '', original: null });
    const create = (mask: { size: [number, number]; counts: string }, categoryId = category.id): unknown =>
      store.createAnnotations([{ imageId, categoryId, mask }]);
    const good = rectangle(size, { x: 1, y: 1, width: 4, height: 4 });
    expect(codeOf(() => create({ size: [40, 30], counts: good.counts }))).toBe('INVALID_REQUEST');
    expect(codeOf(() => create({ size: [30, 40], counts: '0' }))).toBe('INVALID_REQUEST');
    expect(codeOf(() => create(rectangle(size, { x: 0, y: 0, width: 0, height: 0 })))).toBe(
      'INVALID_REQUEST',
    );
    expect(codeOf(() => create(good, 99))).toBe('NOT_FOUND');
    expect(codeOf(() => store.annotations('nope'))).toBe('NOT_FOUND');
    expect(codeOf(() => store.trajectory('nope'))).toBe('NOT_FOUND');
    expect(store.historyState()).toEqual({ undo: null, redo: null });
    store.close();
  });

  it('gives the same category for the same name, and colours that differ', () => {
    const store = createProject(folder);
    const first = store.createCategory('box');
    expect(store.createCategory('box')).toEqual(first);
    expect(store.createCategory('ball').color).not.toBe(first.color);
    store.close();
  });

  it('does not leave its folders', () => {
    const store = createProject(folder);
    const [imageId = ''] = withImages(store, 'sub/a.png');
    expect(store.imagePath(imageId)).toBe(join(folder, 'sub', 'a.png'));
    expect(codeOf(() => store.addImages(folder, [imageEntry('../b.png')]))).toBe('FORBIDDEN');
    store.close();
    for (const path of ['../../etc/a.png', '/etc/a.png', 'secret.txt']) {
      const db = new Database(join(folder, 'project.maskwright'), { create: false });
      db.run('UPDATE images SET path = ?', [path]);
      db.close();
      const again = openProject(folder);
      expect(codeOf(() => again.imagePath(imageId))).toBe('FORBIDDEN');
      again.close();
    }
  });

  it('tells listeners after the commit, and survives one that throws', () => {
    const store = createProject(folder);
    const [imageId = ''] = withImages(store, 'a.png');
    const category = store.createCategory('box');
    const seen: unknown[] = [];
    store.onChange(() => {
      throw new Error('listener');
    });
    store.onChange((change) => seen.push(change));
    const mask = rectangle(size, { x: 1, y: 1, width: 4, height: 4 });
    store.mark('Two', () => {
      store.createAnnotations([{ imageId, categoryId: category.id, mask }]);
      store.createAnnotations([{ imageId, categoryId: category.id, mask }]);
    });
    expect(seen).toEqual([
      { images: [imageId], annotations: [imageId], history: { undo: 'Two', redo: null }, project: true },
    ]);
    expect(
      codeOf(() =>
        store.mark('Bad', () => {
          store.setImageState(imageId, 'done');
          store.deleteAnnotation(999);
        }),
      ),
    ).toBe('NOT_FOUND');
    expect(seen).toHaveLength(1);
    expect(store.imageById(imageId).state).toBe('todo');
    store.close();
  });

  it('keeps trajectories, the review state and the decision apart', () => {
    const store = createProject(folder);
    const [imageId = ''] = withImages(store, 'a.png');
    const mask = rectangle(size, { x: 1, y: 1, width: 4, height: 4 });
    const trajectory = sampleTrajectory('t1', mask);
    store.saveTrajectory(trajectory, imageId);
    expect(store.trajectory('t1')).toEqual(trajectory);
    expect(store.imageById(imageId).state).toBe('review');
    expect(store.listTrajectories(imageId)).toMatchObject([
      { id: 't1', turns: 1, author: 'agent', status: 'finished' },
    ]);
    store.saveTrajectory({ ...trajectory, outcome: { ...trajectory.outcome, status: 'rejected' } }, imageId);
    expect(store.imageById(imageId).state).toBe('todo');

    const { id: categoryId } = store.createCategory('box');
    const accept = (): unknown =>
      store.acceptEpisode({
        imageId,
        trajectory,
        categoryId,
        masks: [mask],
        score: 0.9,
        author: 'agent',
        query: 'q',
      });
    accept();
    expect(codeOf(accept)).toBe('CONFLICT');
    expect(store.trajectory('t1').outcome).toMatchObject({ status: 'accepted', category: 'box' });
    store.saveTrajectory(trajectory, imageId);
    expect(store.trajectory('t1').outcome.status).toBe('accepted');
    store.undo();
    expect(store.trajectory('t1').outcome.status).toBe('open');
    expect(store.annotations(imageId)).toEqual([]);
    store.redo();
    expect(store.trajectory('t1').outcome.status).toBe('accepted');
    expect([...store.allTrajectories()]).toHaveLength(1);
    expect(store.imageSummary(imageId)).toMatchObject({ annotations: 1, trajectories: 1, state: 'done' });
    store.close();
  });

  it('remembers a job that was interrupted', async () => {
    const store = createProject(folder);
    const jobs = new JobRunner({ storage: store });
    const done = jobs.start('test', 'Done', async ({ fail }) => {
      fail('a', 'broken');
      return 'fine';
    });
    await jobs.wait(done.id);
    jobs.start('test', 'Hangs', () => new Promise(() => {}));
    store.close();
    const again = openProject(folder);
    expect(again.listJobs()).toMatchObject([
      { label: 'Hangs', status: 'failed', message: expect.stringContaining('Start it again') },
      { label: 'Done', status: 'done', message: 'fine', failures: [{ item: 'a', message: 'broken' }] },
    ]);
    again.close();
  });
});

describe('import of a folder', () => {
  it('takes what can be read, once, and reports the rest', async () => {
    mkdirSync(join(folder, 'sub'));
    mkdirSync(join(folder, '.hidden'));
    await picture(join(folder, 'b2.png'));
    await picture(join(folder, 'b10.webp'));
    await picture(join(folder, 'sub', 'Ünï.JPG'), { orientation: 6 });
    await picture(join(folder, '.hidden', 'no.png'));
    writeFileSync(join(folder, 'empty.jpg'), '');
    writeFileSync(join(folder, 'broken.png'), 'this is no image');
    writeFileSync(join(folder, 'notes.txt'), 'notes');
    symlinkSync(folder, join(folder, 'sub', 'loop'));
    symlinkSync(join(folder, 'gone.png'), join(folder, 'dangling.png'));
    const { store, created } = openOrCreateProject(folder);
    expect(created).toBe(true);
    const progress: [number, number | null][] = [];
    const report = await importFolder(store, folder, {
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(report.added).toBe(3);
    expect(report.skipped.map((skipped) => skipped.item).sort()).toEqual([
      'broken.png',
      'dangling.png',
      'empty.jpg',
    ]);
    expect(progress[progress.length - 1]).toEqual([5, 5]);
    const { items } = store.listImages({ offset: 0, limit: 10, state: null, search: '' });
    expect(items.map(({ name, width, height }) => [name, width, height])).toEqual([
      ['b2.png', 40, 30],
      ['b10.webp', 40, 30],
      ['sub/Ünï.JPG', 30, 40],
    ]);
    await picture(join(folder, 'new.png'));
    expect(await importFolder(store, folder)).toMatchObject({ added: 1, known: 3 });
    expect(existsSync(store.imagePath(items[2]?.id ?? ''))).toBe(true);
    const targets: string[] = [];
    for await (const target of readFolder(folder)) targets.push(target.key);
    expect(targets).toEqual(['b2.png', 'b10.webp', 'broken.png', 'empty.jpg', 'new.png', 'sub/Ünï.JPG']);
    store.close();
  });

  it('stops when asked, keeps what is done and goes on later', async () => {
    for (let index = 0; index < 12; index += 1) await picture(join(folder, `${index}.png`));
    const store = createProject(folder);
    const controller = new AbortController();
    const stopped = importFolder(store, folder, {
      signal: controller.signal,
      onProgress: (done) => {
        if (done === 5) controller.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
    const before = store.summary().counts.images;
    expect(before).toBeGreaterThanOrEqual(5);
    expect(before).toBeLessThan(12);
    expect((await importFolder(store, folder)).added).toBe(12 - before);
    store.close();
  });
});
