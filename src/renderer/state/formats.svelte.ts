import {
  defaultExportOptions,
  type ExportFormat,
  type ExportOptions,
  type ExportPreview,
  type ExportReport,
  type ImportFormat,
  type ReadBack,
  singleFileFormats,
} from '@shared/contract/formats';
import type { JobState, MethodInput } from '@shared/contract/methods';
import type { Host } from '../lib/host';
import { LatestWins } from '../lib/latest-wins';
import type { AppState } from './app.svelte';

/** Files of an export that are listed at a time. */
const filesPerPage = 200;

/** What is asked for on the import page, and how it goes. */
export class ImportForm {
  format = $state<ImportFormat>('coco');
  location = $state('');
  images = $state('');
  jobId = $state<string | null>(null);
  readonly job: JobState | null = $derived.by(
    () => this.#app.jobs.find(({ id }) => id === this.jobId) ?? null,
  );
  readonly running = $derived(this.job?.status === 'running');

  readonly #host: Host;
  readonly #app: AppState;

  constructor(host: Host, app: AppState) {
    this.#host = host;
    this.#app = app;
  }

  async start(): Promise<void> {
    const images = this.images.trim();
    const input = {
      format: this.format,
      location: this.location.trim(),
      images: images === '' ? null : images,
    };
    const started = await this.#app.attempt(() => this.#host.connection.call('formats.import', input));
    if (started) this.jobId = started.jobId;
  }
}

/** What is asked for on the export page, what it would contain, and how it goes. */
export class ExportForm {
  format = $state<ExportFormat>('coco');
  folder = $state('');
  overwrite = $state(false);
  jobId = $state<string | null>(null);
  report = $state.raw<ExportReport | null>(null);
  preview = $state.raw<ExportPreview | null>(null);
  /** The preview does not fit the form any more, or there is none yet. */
  loading = $state(false);
  offset = $state(0);
  imageId = $state<string | null>(null);
  masks = $state.raw<readonly ReadBack[]>([]);
  readonly options: ExportOptions = $derived.by(() => this.#options[this.format]);
  readonly isSingleFile = $derived(singleFileFormats.includes(this.format));
  readonly job: JobState | null = $derived.by(
    () => this.#app.jobs.find(({ id }) => id === this.jobId) ?? null,
  );
  readonly running = $derived(this.job?.status === 'running');

  readonly #host: Host;
  readonly #app: AppState;
  readonly #previews = new LatestWins<MethodInput<'formats.preview'>>();
  readonly #readBacks = new LatestWins<MethodInput<'formats.readBack'>>();
  #options = $state<Record<ExportFormat, ExportOptions>>({
    coco: defaultExportOptions('coco'),
    'yolo-seg': defaultExportOptions('yolo-seg'),
    labelme: defaultExportOptions('labelme'),
    masks: defaultExportOptions('masks'),
    overlays: defaultExportOptions('overlays'),
    trajectories: defaultExportOptions('trajectories'),
  });

  constructor(host: Host, app: AppState) {
    this.#host = host;
    this.#app = app;
    host.connection.on('job.changed', (job) => {
      if (job.id === this.jobId && job.status === 'done') void this.#readReport(job.id);
    });
  }

  set(options: Partial<ExportOptions>): void {
    this.#options[this.format] = { ...this.options, ...options };
  }

  /** Asks what the export would contain, and shows the first image that loses something. */
  async refresh(): Promise<void> {
    this.loading = true;
    const { format, options, offset } = this;
    const input = { format, options: $state.snapshot(options), offset, limit: filesPerPage };
    await this.#previews.ask(input, async (asked, isWanted) => {
      const preview = await this.#app.attempt(() => this.#host.connection.call('formats.preview', asked));
      if (!isWanted()) return;
      this.loading = false;
      this.preview = preview ?? null;
      const examples = preview?.examples ?? [];
      const kept = examples.some(({ imageId }) => imageId === this.imageId);
      await this.show(kept ? this.imageId : (examples[0]?.imageId ?? null));
    });
  }

  async turnPage(by: number): Promise<void> {
    this.offset = Math.max(0, this.offset + by * filesPerPage);
    await this.refresh();
  }

  /** The masks of an image as a reader of the format gets them. */
  async show(imageId: string | null): Promise<void> {
    const { format, options } = this;
    if (imageId === null || format === 'trajectories') {
      this.imageId = null;
      this.masks = [];
      return;
    }
    const input = { format, options: $state.snapshot(options), imageId };
    await this.#readBacks.ask(input, async (asked, isWanted) => {
      const masks = await this.#app.attempt(() => this.#host.connection.call('formats.readBack', asked));
      if (!masks || !isWanted()) return;
      this.imageId = imageId;
      this.masks = masks;
    });
  }

  /** Writes into the folder, as a job. */
  async write(): Promise<void> {
    const { format, options } = this;
    const input = {
      format,
      options: $state.snapshot(options),
      folder: this.folder.trim(),
      overwrite: this.overwrite,
    };
    const started = await this.#app.attempt(() => this.#host.connection.call('formats.export', input));
    if (!started) return;
    this.report = null;
    this.jobId = started.jobId;
    // It may have ended before this client knew its id.
    if (this.job?.status === 'done') await this.#readReport(started.jobId);
  }

  /** Saves the one file of the format: by the host's dialog, or as a download of the browser. */
  async save(): Promise<void> {
    const { format, options } = this;
    const input = { format, options: $state.snapshot(options) };
    await this.#app.attempt(async () => {
      const { fileName, text, report } = await this.#host.connection.call('formats.download', input);
      if (await this.#host.saveFile(fileName, text)) {
        this.jobId = null;
        this.report = { ...report, location: fileName };
      }
    });
  }

  async #readReport(jobId: string): Promise<void> {
    const report = await this.#app.attempt(() => this.#host.connection.call('formats.report', { jobId }));
    if (report && jobId === this.jobId) this.report = report;
  }
}
