import type { ConnectionStatus } from '@shared/contract/connection';
import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { AppInfo, CacheKind, JobState, MethodInput, Setup, Storage } from '@shared/contract/methods';
import type { Host } from '../lib/host';
import type { Page } from '../lib/page-names';
import { text } from '../lib/text';
import { preferences } from './preferences.svelte';
import { Tour } from './tour.svelte';

export interface Toast {
  id: number;
  kind: 'error' | 'done' | 'info';
  message: string;
  hint: string;
}

/** What is open above the workbench; one at a time. */
export type Panel = 'keys' | 'palette' | 'help' | 'project' | 'models' | 'export' | null;
export { type Page, pageNames } from '../lib/page-names';

export const settingsSections = [
  'appearance',
  'labelling',
  'agent',
  'segmenter',
  'storage',
  'keys',
  'about',
] as const;
export type SettingsSection = (typeof settingsSections)[number];

export const helpTopics = [
  'start',
  'label',
  'agent',
  'canvas',
  'classes',
  'runs',
  'statistics',
  'import',
  'export',
  'settings',
] as const;
export type HelpTopic = (typeof helpTopics)[number];

const toastSeconds = { error: 12, done: 4, info: 6 } as const;

/** The window: connection, engine, messages, theme. */
export class AppState {
  info = $state.raw<AppInfo | null>(null);
  connection = $state<ConnectionStatus>('connecting');
  /** The engine is gone and is not started again by itself. */
  final = $state(false);
  toasts = $state.raw<readonly Toast[]>([]);
  jobs = $state.raw<readonly JobState[]>([]);
  panel = $state<Panel>(null);
  page = $state<Page>('label');
  settingsSection = $state<SettingsSection>('appearance');
  /** Null: the one of the page. */
  helpTopic = $state<HelpTopic | null>(null);
  readonly tour = new Tour();
  systemDark = $state(true);
  systemReducedMotion = $state(false);
  savedAt = $state.raw<Date | null>(null);
  configuring = $state(false);

  readonly dark = $derived(
    preferences.values.theme === 'system' ? this.systemDark : preferences.values.theme === 'dark',
  );
  readonly reducedMotion = $derived(
    preferences.values.motion === 'system'
      ? this.systemReducedMotion
      : preferences.values.motion === 'reduced',
  );
  readonly runningJobs = $derived(this.jobs.filter((job) => job.status === 'running'));

  readonly #host: Host;
  #nextToast = 1;

  constructor(host: Host) {
    this.#host = host;
    const preference = window.matchMedia('(prefers-color-scheme: dark)');
    this.systemDark = preference.matches;
    preference.addEventListener('change', () => {
      this.systemDark = preference.matches;
    });
    const motion = window.matchMedia('(prefers-reduced-motion: reduce)');
    this.systemReducedMotion = motion.matches;
    motion.addEventListener('change', () => {
      this.systemReducedMotion = motion.matches;
    });
    const { connection } = host;
    this.connection = connection.status;
    connection.onStatus((status) => {
      this.connection = status;
      this.final = connection.final;
    });
    connection.on('app.changed', (info) => {
      this.info = info;
    });
    connection.on('job.changed', (job) => this.#jobChanged(job));
  }

  async refresh(): Promise<void> {
    const [info, jobs] = await Promise.all([
      this.#host.connection.call('app.info', {}),
      this.#host.connection.call('jobs.list', {}),
    ]);
    this.info = info;
    this.jobs = jobs;
  }

  async configureAgent(input: MethodInput<'app.configureAgent'>): Promise<boolean> {
    return this.#configure(() => this.#host.connection.call('app.configureAgent', input));
  }

  async configureSegmenter(input: MethodInput<'app.configureSegmenter'>): Promise<boolean> {
    return this.#configure(() => this.#host.connection.call('app.configureSegmenter', input));
  }

  async #configure(change: () => Promise<AppInfo>): Promise<boolean> {
    this.configuring = true;
    const info = await this.attempt(change);
    this.configuring = false;
    if (info) this.info = info;
    return info !== undefined;
  }

  async setup(): Promise<Setup | undefined> {
    return this.attempt(() => this.#host.connection.call('app.setup', {}));
  }

  async storage(): Promise<Storage | undefined> {
    return this.attempt(() => this.#host.connection.call('app.storage', {}));
  }

  async clearCache(kind: CacheKind): Promise<Storage | undefined> {
    return this.attempt(() => this.#host.connection.call('app.clearCache', { kind }));
  }

  async cancelJob(jobId: string): Promise<void> {
    const job = await this.attempt(() => this.#host.connection.call('jobs.cancel', { jobId }));
    if (job) this.#jobChanged(job);
  }

  #jobChanged(job: JobState): void {
    const before = this.jobs.find((other) => other.id === job.id);
    this.jobs = before ? this.jobs.map((other) => (other.id === job.id ? job : other)) : [...this.jobs, job];
    if (before?.status === job.status || job.status === 'running' || job.status === 'queued') return;
    const first = job.failures[0];
    const label = text.jobs.label(job.label);
    if (job.status === 'failed') {
      this.toast('error', text.jobs.failed(label), job.message ?? first?.message ?? '');
    } else if (first) {
      this.toast('error', text.jobs.partly(label, job.failures.length), `${first.item}: ${first.message}`);
    } else if (job.status === 'done' && job.message) this.toast('done', text.jobs.message(job.message), '');
  }

  /** Every accepted decision is on disk before it is answered, so an answer is a save. */
  saved(): void {
    this.savedAt = new Date();
  }

  toast(kind: Toast['kind'], message: string, hint: string): void {
    // The same message twice is said once.
    const others = this.toasts.filter((toast) => toast.message !== message);
    const id = this.#nextToast++;
    this.toasts = [...others, { id, kind, message, hint }].slice(-4);
    setTimeout(() => this.dismiss(id), toastSeconds[kind] * 1000);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Shows what went wrong and what to do about it; a stop by the person is nothing wrong. */
  report(error: unknown): void {
    if (isCancelled(error)) return;
    const message = messageOf(error);
    const { code, hint } = error instanceof MaskwrightError ? error : { code: null, hint: '' };
    const general = code === null ? undefined : text.errors.general[code];
    if (general === undefined) this.toast('error', message, hint);
    else this.toast('error', general, `${message} ${hint}`.trim());
  }

  /** The result, or undefined after having reported the error. */
  async attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      this.report(error);
      return undefined;
    }
  }

  togglePanel(panel: Panel): void {
    this.panel = this.panel === panel ? null : panel;
    this.helpTopic = null;
  }

  openSettings(section: SettingsSection): void {
    this.settingsSection = section;
    this.page = 'settings';
    this.panel = null;
  }

  /** Null: about the page that is shown. */
  openHelp(topic: HelpTopic | null): void {
    this.helpTopic = topic;
    this.panel = 'help';
  }
}
