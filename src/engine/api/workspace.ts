import { existsSync } from 'node:fs';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type { ProjectSummary } from '@shared/contract/methods';
import { sampleFiles } from '@shared/sample';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { importFolder } from '../datasets/import-folder';
import { parseQueries } from '../datasets/queries';
import { readTrajectories } from '../exporters';
import { openOrCreateProject, type ProjectStore } from '../project';
import { projectFileName } from '../project/paths';
import type { Emit } from './events';

const recentSchema = z.array(z.object({ location: z.string(), name: z.string(), openedAt: z.string() }));
type Recent = z.infer<typeof recentSchema>;

const sampleName = 'first-steps';

const suggestionsSetting = 'suggestions';
const suggestionsSchema = z.record(z.string(), z.array(z.string()));

/** The project that is open, and the list of those that were. */
export class Workspace {
  private readonly options: { dataDir: string; resourcesDir: string; log: (line: string) => void };
  private readonly emit: Emit;
  private store: ProjectStore | null = null;
  private opened: (store: ProjectStore) => void = () => {};
  private closing: () => Promise<void> = async () => {};
  /** Opening and closing happen one after another. */
  private work: Promise<unknown> = Promise.resolve();

  constructor(options: { dataDir: string; resourcesDir: string; log: (line: string) => void }, emit: Emit) {
    this.options = options;
    this.emit = emit;
  }

  onOpened(listener: (store: ProjectStore) => void): void {
    this.opened = listener;
  }

  /** Called before a project is closed, while it can still be written. */
  onClosing(listener: () => Promise<void>): void {
    this.closing = listener;
  }

  /** @throws MaskwrightError NO_PROJECT */
  get project(): ProjectStore {
    if (this.store) return this.store;
    throw new MaskwrightError('NO_PROJECT', 'No project is open.', {
      hint: 'Open a folder of images or a project.',
    });
  }

  get current(): ProjectStore | null {
    return this.store;
  }

  summary(): ProjectSummary | null {
    return this.store?.summary() ?? null;
  }

  /** Opens a project file, or the project of a folder. @returns whether it was made just now, from a folder */
  open(location: string): Promise<{ store: ProjectStore; created: boolean; alreadyOpen: boolean }> {
    return this.inTurn(() => this.openNow(location));
  }

  /**
   * The sample project: drawn scenes with queries, photographs with attribution and recorded trajectories, copied to the
   * user's folder when it is opened for the first time.
   */
  openSample(): Promise<ProjectStore> {
    return this.inTurn(() => this.openSampleNow());
  }

  /** Queries that were prepared for an image. */
  suggestions(imageId: string): string[] {
    const { name } = this.project.imageById(imageId);
    return this.project.setting(suggestionsSetting, suggestionsSchema)?.[name] ?? [];
  }

  async recent(): Promise<Recent> {
    const list = await readRecent(this.recentFile);
    return list.filter((entry) => existsSync(entry.location));
  }

  close(): Promise<void> {
    return this.inTurn(() => this.closeProject());
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const next = this.work.then(work);
    this.work = next.catch(() => {});
    return next;
  }

  private async openNow(
    location: string,
  ): Promise<{ store: ProjectStore; created: boolean; alreadyOpen: boolean }> {
    const path = resolve(location);
    if (this.store?.file === path || this.store?.file === join(path, projectFileName)) {
      return { store: this.store, created: false, alreadyOpen: true };
    }
    const { store, created } = openOrCreateProject(path);
    try {
      await this.closeProject();
      this.store = store;
      this.opened(store);
    } catch (error) {
      if (this.store === store) this.store = null;
      store.close();
      throw error;
    }
    store.onChange((change) => {
      if (change.images.length > 0) this.emit('images.changed', { imageIds: change.images });
      if (change.annotations.length > 0) this.emit('annotations.changed', { imageIds: change.annotations });
      if (change.project) this.emit('project.changed', store.summary());
      if (change.history) this.emit('history.changed', {});
    });
    await this.remember(store).catch((error: unknown) =>
      this.options.log(`The list of recent projects was not written: ${messageOf(error)}`),
    );
    this.emit('project.changed', store.summary());
    this.emit('history.changed', {});
    return { store, created, alreadyOpen: false };
  }

  private async openSampleNow(): Promise<ProjectStore> {
    const folder = join(this.options.dataDir, 'samples', sampleName);
    const shipped = join(this.options.resourcesDir, 'samples', sampleName);
    if (!existsSync(join(folder, projectFileName))) {
      if (!existsSync(shipped)) {
        throw new MaskwrightError('NOT_FOUND', 'This installation has no sample project.', {
          hint: 'Open a folder of your own images.',
        });
      }
      await mkdir(dirname(folder), { recursive: true });
      await cp(shipped, folder, { recursive: true });
    }
    const { store, created } = await this.openNow(folder);
    if (created) {
      store.setSetting('name', 'First steps (sample)');
      store.setSetting('isSample', true);
      await importFolder(store, folder);
      await this.importTrajectories(store, join(folder, 'trajectories.jsonl'));
      await takeSuggestions(store, join(folder, sampleFiles.queries));
      this.emit('project.changed', store.summary());
    }
    return store;
  }

  /** Recorded trajectories find their image by the hash of its file. */
  private async importTrajectories(store: ProjectStore, file: string): Promise<void> {
    if (!existsSync(file)) return;
    const byHash = new Map(store.allImages().map((image) => [image.sha256, image.id]));
    for await (const trajectory of readTrajectories(file)) {
      const imageId = byHash.get(trajectory.header.image.hash);
      if (imageId) store.saveTrajectory(trajectory, imageId);
      else this.options.log(`The sample has no image for trajectory ${trajectory.header.id}.`);
    }
  }

  private async closeProject(): Promise<void> {
    if (!this.store) return;
    await this.closing();
    this.store.close();
    this.store = null;
  }

  private get recentFile(): string {
    return join(this.options.dataDir, 'recent.json');
  }

  private async remember(store: ProjectStore): Promise<void> {
    const entry = { location: store.file, name: store.summary().name, openedAt: new Date().toISOString() };
    const others = (await readRecent(this.recentFile)).filter((other) => other.location !== entry.location);
    await mkdir(this.options.dataDir, { recursive: true });
    await writeFileAtomic(this.recentFile, `${JSON.stringify([entry, ...others].slice(0, 12), null, 2)}\n`);
  }
}

/** Keeps the queries of a file in the project, by the name of their image. */
async function takeSuggestions(store: ProjectStore, file: string): Promise<void> {
  if (!existsSync(file)) return;
  const suggestions: z.output<typeof suggestionsSchema> = {};
  for (const { image, query } of parseQueries(await readFile(file, 'utf8'))) {
    suggestions[image] = [...(suggestions[image] ?? []), query];
  }
  store.setSetting(suggestionsSetting, suggestions);
}

async function readRecent(file: string): Promise<Recent> {
  try {
    const parsed = recentSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    return parsed.success ? parsed.data : [];
  } catch {
    // Missing or damaged: the list of recent projects is a convenience and is made anew.
    return [];
  }
}
