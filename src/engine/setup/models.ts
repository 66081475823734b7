import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type { AppInfo, ComponentStatus } from '@shared/contract/methods';
import type { Coordinates } from '@shared/geometry/view';
import { coordinatesSchema } from '@shared/trajectory/schema';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { applicationName } from '../application';
import type { SpawnModelChild } from '../models/child-protocol';
import { llamaCppPolicy } from '../policies/llama-cpp';
import { openAiPolicy } from '../policies/openai-compatible';
import type { Policy } from '../policies/policy';
import { sharedPolicy } from '../policies/shared-policy';
import { type OpenedSegmenter, openSegmenter } from '../segmenters/open-segmenter';
import type { Segmenter } from '../segmenters/segmenter';
import { parsePolicySpec, parseSegmenterSpec } from './specs';

const settingsSchema = z.object({
  segmenter: z.string().default('embedded'),
  policy: z.string().default('embedded'),
  coordinates: coordinatesSchema.default('norm1000'),
});
type Settings = z.infer<typeof settingsSchema>;

export interface ModelsOptions {
  dataDir: string;
  cacheDir: string;
  resourcesDir: string;
  outDir: string;
  spawnModelChild: SpawnModelChild;
  segmenter?: string;
  policy?: string;
  version: string;
  log: (line: string) => void;
}

/** The segmenter and the agent that are set up. Loaded in the background, once; a change takes the place of both. */
export class Models {
  private readonly options: ModelsOptions;
  private readonly onChange: (info: AppInfo) => void;
  private settings: Settings = settingsSchema.parse({});
  private readonly ready: Promise<void>;
  private segmenterLoad: Promise<OpenedSegmenter | null> = Promise.resolve(null);
  private segmenterStatus: ComponentStatus = absent('Segmenter', 'Not loaded yet.');
  private agentPolicy: Policy | null = null;
  private agentStatus: ComponentStatus = absent('Agent', 'Not loaded yet.');

  constructor(options: ModelsOptions, onChange: (info: AppInfo) => void) {
    this.options = options;
    this.onChange = onChange;
    this.ready = this.start();
  }

  get coordinates(): Coordinates {
    return this.settings.coordinates;
  }

  async info(): Promise<AppInfo> {
    await this.ready;
    return this.current();
  }

  /** The segmenter, when it is loaded; null when none is installed or it does not load (`info` says why). */
  async segmenter(): Promise<Segmenter | null> {
    await this.ready;
    return this.segmenterLoad;
  }

  async agent(): Promise<Policy | null> {
    await this.ready;
    return this.agentPolicy ? sharedPolicy(this.agentPolicy) : null;
  }

  /** Stands where a segmenter would be and says what is missing. */
  absentSegmenter(): Segmenter {
    const missing = async (): Promise<never> => {
      throw new MaskwrightError('MODEL_MISSING', `No segmenter is ready. ${this.segmenterStatus.detail}`, {
        hint: 'Set one up under Models, or draw the mask as a polygon.',
      });
    };
    return {
      identity: { name: 'none', signature: 'recorded' },
      encode: missing,
      segment: missing,
      async close() {},
    };
  }

  async configureSegmenter(text: string): Promise<void> {
    await this.ready;
    const spec = parseSegmenterSpec(text, this.options.resourcesDir);
    const next = await this.openSegmenter(spec);
    const previous = await this.segmenterLoad;
    this.segmenterLoad = Promise.resolve(next);
    this.segmenterStatus = segmenterStatus(next);
    await previous?.close();
    await this.save({ segmenter: text });
  }

  async configureAgent(text: string, coordinates: Coordinates): Promise<void> {
    await this.ready;
    const next = this.makeAgent(text, coordinates);
    await this.agentPolicy?.close();
    this.agentPolicy = next;
    this.agentStatus = agentStatus(next, text);
    await this.save({ policy: text, coordinates });
  }

  async close(): Promise<void> {
    await this.ready;
    await this.agentPolicy?.close();
    await (await this.segmenterLoad)?.close();
  }

  private async start(): Promise<void> {
    this.settings = await readSettings(this.settingsFile);
    this.startAgent(this.options.policy ?? this.settings.policy);
    this.segmenterLoad = this.startSegmenter(this.options.segmenter ?? this.settings.segmenter);
  }

  private startAgent(text: string): void {
    try {
      this.agentPolicy = this.makeAgent(text, this.settings.coordinates);
      this.agentStatus = agentStatus(this.agentPolicy, text);
    } catch (error) {
      this.agentStatus = absent('No agent', sentenceOf(error));
    }
  }

  private async startSegmenter(text: string): Promise<OpenedSegmenter | null> {
    this.segmenterStatus = absent('Segmenter', 'Loading…');
    try {
      const segmenter = await this.openSegmenter(parseSegmenterSpec(text, this.options.resourcesDir));
      this.segmenterStatus = segmenterStatus(segmenter);
      this.onChange(this.current());
      return segmenter;
    } catch (error) {
      this.segmenterStatus = absent('No segmenter', sentenceOf(error));
      this.onChange(this.current());
      return null;
    }
  }

  private openSegmenter(spec: { encoder: string; decoder: string }): Promise<OpenedSegmenter> {
    const threadFile = join(this.options.outDir, 'segmenter-thread.js');
    return openSegmenter({
      ...spec,
      cacheDir: join(this.options.cacheDir, 'embeddings'),
      ...(existsSync(threadFile) ? { threadFile } : {}),
    });
  }

  private makeAgent(text: string, coordinates: Coordinates): Policy | null {
    const spec = parsePolicySpec(text, this.options.resourcesDir);
    switch (spec.kind) {
      case 'none':
        return null;
      case 'llama':
        return llamaCppPolicy({
          model: spec.model,
          mmproj: spec.mmproj,
          spawnModelChild: this.options.spawnModelChild,
        });
      case 'openai':
        return openAiPolicy({
          baseUrl: spec.url,
          model: spec.model,
          apiKey: process.env.MASKWRIGHT_API_KEY ?? null,
          coordinates,
        });
      default:
        throw new MaskwrightError('INVALID_REQUEST', `${spec.kind} cannot be the agent of the window.`, {
          hint: 'Use llama:MODEL.gguf, openai:URL, embedded or none.',
        });
    }
  }

  private current(): AppInfo {
    return {
      name: applicationName,
      version: this.options.version,
      segmenter: this.segmenterStatus,
      agent: this.agentStatus,
    };
  }

  private async save(change: Partial<Settings>): Promise<void> {
    this.settings = { ...this.settings, ...change };
    await mkdir(this.options.dataDir, { recursive: true });
    await writeFileAtomic(this.settingsFile, `${JSON.stringify(this.settings, null, 2)}\n`);
    this.onChange(this.current());
  }

  private get settingsFile(): string {
    return join(this.options.dataDir, 'settings.json');
  }
}

async function readSettings(file: string): Promise<Settings> {
  try {
    const parsed = settingsSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    return parsed.success ? parsed.data : settingsSchema.parse({});
  } catch {
    // No settings yet, or damaged ones: the defaults start, and the next change writes the file anew.
    return settingsSchema.parse({});
  }
}

function absent(name: string, detail: string): ComponentStatus {
  return { ready: false, name, device: '', detail };
}

function sentenceOf(error: unknown): string {
  const hint = error instanceof MaskwrightError && error.hint !== '' ? ` ${error.hint}` : '';
  return `${messageOf(error)}${hint}`;
}

function segmenterStatus(segmenter: OpenedSegmenter): ComponentStatus {
  const { encoder, decoder, surrogate, signature } = segmenter.report();
  const reasons = [...encoder.reasons, ...decoder.reasons].map((reason) => ` ${reason}.`).join('');
  return {
    ready: true,
    name: segmenter.identity.name,
    device: (encoder.actual ?? 'cpu').toUpperCase(),
    detail: `${signature} interface, asked for ${encoder.requested}.${reasons}${surrogate ? ' A stand-in for tests, not SAM.' : ''}`,
  };
}

function agentStatus(policy: Policy | null, text: string): ComponentStatus {
  if (!policy) return absent('No agent', 'No model is set up. Set one up under Models, or work by hand.');
  return { ready: true, name: policy.identity.name, device: '', detail: text };
}
