import { defaultExportOptions, type ExportFormat, type ExportReport } from '@shared/contract/formats';
import type { Category, MethodInput, MethodOutput, ProjectSummary } from '@shared/contract/methods';
import type { Host } from '../lib/host';
import { text } from '../lib/text';
import type { AppState } from './app.svelte';

/** A class that is there, or the name of one to be made together with what gets it. */
export type ClassChoice = { categoryId: number } | { className: string };

/** The open project and its categories. */
export class ProjectState {
  current = $state.raw<ProjectSummary | null>(null);
  recent = $state.raw<MethodOutput<'project.recent'>>([]);
  /** False until the engine has said whether a project is open. */
  known = $state(false);
  opening = $state(false);
  /** Category that accepting uses; the last one is kept. */
  categoryId = $state<number | null>(null);

  readonly categories = $derived(this.current?.categories ?? []);
  readonly category = $derived(this.categories.find((category) => category.id === this.categoryId) ?? null);

  readonly #host: Host;
  readonly #app: AppState;
  readonly #settled: () => Promise<void>;

  /** `settled`: everything that was drawn is in the project, so that another one can be opened. */
  constructor(host: Host, app: AppState, settled: () => Promise<void>) {
    this.#host = host;
    this.#app = app;
    this.#settled = settled;
    host.connection.on('project.changed', (project) => {
      this.current = project;
      this.known = true;
    });
  }

  async refresh(): Promise<void> {
    this.current = await this.#host.connection.call('project.current', {});
    this.known = true;
    this.recent = await this.#host.connection.call('project.recent', {});
  }

  async open(location: string): Promise<boolean> {
    return this.#open(() => this.#host.connection.call('project.open', { location }));
  }

  async openSample(): Promise<boolean> {
    return this.#open(() => this.#host.connection.call('project.openSample', {}));
  }

  /** Through the native dialog; null in a browser, where a path is typed. */
  async pick(kind: 'folder' | 'project'): Promise<boolean> {
    const { pickers } = this.#host;
    if (!pickers) return false;
    const location = await this.#app.attempt(() => pickers[kind]());
    return location ? this.open(location) : false;
  }

  async #open(open: () => Promise<ProjectSummary>): Promise<boolean> {
    this.opening = true;
    await this.#settled();
    const project = await this.#app.attempt(open);
    this.opening = false;
    if (!project) return false;
    this.current = project;
    this.categoryId = null;
    this.known = true;
    this.recent = (await this.#app.attempt(() => this.#host.connection.call('project.recent', {}))) ?? [];
    return true;
  }

  categoryOf(id: number): Category | undefined {
    return this.categories.find((category) => category.id === id);
  }

  /** The class that a digit chooses. */
  byHotkey(digit: number): Category | undefined {
    return this.categories.find(({ hotkey }) => hotkey === digit);
  }

  /** The class of this name, in whatever case; where there is none, its name. */
  choiceOf(name: string): ClassChoice {
    const same = this.#named(name);
    return same ? { categoryId: same.id } : { className: name.trim() };
  }

  #named(name: string): Category | undefined {
    return this.categories.find((category) => category.name.toLowerCase() === name.trim().toLowerCase());
  }

  async createCategory(name: string): Promise<Category | undefined> {
    const same = this.#named(name);
    if (same) return same;
    const category = await this.#app.attempt(() =>
      this.#host.connection.call('categories.create', { name: name.trim() }),
    );
    if (category && this.current && !this.categoryOf(category.id)) {
      this.current = { ...this.current, categories: [...this.current.categories, category] };
    }
    return category;
  }

  async updateCategory(
    categoryId: number,
    patch: Omit<MethodInput<'categories.update'>, 'categoryId'>,
  ): Promise<boolean> {
    return this.#change(() => this.#host.connection.call('categories.update', { categoryId, ...patch }));
  }

  async reorderCategories(categoryIds: number[]): Promise<boolean> {
    return this.#change(() => this.#host.connection.call('categories.reorder', { categoryIds }));
  }

  /** How many masks moved; undefined when it failed. */
  async mergeCategories(categoryIds: number[], into: number): Promise<number | undefined> {
    const done = await this.#app.attempt(() =>
      this.#host.connection.call('categories.merge', { categoryIds, into }),
    );
    if (done) this.#app.saved();
    return done?.moved;
  }

  async deleteCategory(categoryId: number, moveTo: number | null): Promise<boolean> {
    return this.#change(() => this.#host.connection.call('categories.delete', { categoryId, moveTo }));
  }

  async #change(act: () => Promise<unknown>): Promise<boolean> {
    const done = await this.#app.attempt(act);
    if (done !== undefined) this.#app.saved();
    return done !== undefined;
  }

  async exportCoco(): Promise<void> {
    await this.#download('coco', ({ annotations, images }) => text.export.cocoDone(annotations, images));
  }

  async exportTrajectories(): Promise<void> {
    await this.#download('trajectories', ({ annotations }) => text.export.trajectoriesDone(annotations));
  }

  /** A format that is one file: saved by the host, or downloaded by a browser. */
  async #download(format: ExportFormat, done: (report: ExportReport) => string): Promise<void> {
    await this.#app.attempt(async () => {
      const options = defaultExportOptions(format);
      const made = await this.#host.connection.call('formats.download', { format, options });
      if (!(await this.#host.saveFile(made.fileName, made.text))) return;
      this.#app.toast('done', done(made.report), made.fileName);
      const count = made.report.losses.length;
      if (count > 0)
        this.#app.toast('info', text.export.warnings(count), made.report.losses[0]?.examples[0] ?? '');
    });
  }
}
