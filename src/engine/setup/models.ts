import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import {
  type AppInfo,
  type ComponentStatus,
  type ProviderRequest,
  providerRequestSchema,
  type Setup,
} from '@shared/contract/methods';
import type { Coordinates } from '@shared/geometry/view';
import { type AgentConventions, coordinatesSchema, defaultConventions } from '@shared/tools/conventions';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { applicationName } from '../application';
import type { SpawnModelChild } from '../models/child-protocol';
import { checkVisionModel } from '../models/model-files';
import { llamaCppPolicy } from '../policies/llama-cpp';
import { openAiPolicy } from '../policies/openai-compatible';
import type { Policy } from '../policies/policy';
import {
  backgroundAgent,
  backgroundSegmenter,
  Foreground,
  foregroundAgent,
  foregroundSegmenter,
} from '../runs/foreground';
import { type OpenedSegmenter, openSegmenter } from '../segmenters/open-segmenter';
import type { Segmenter } from '../segmenters/segmenter';
import { Slot } from './slot';
import { parsePolicySpec, parseSegmenterSpec } from './specs';

const settingsSchema = z.object({
  segmenter: z.string().default('embedded'),
  provider: providerRequestSchema.default('auto'),
  policy: z.string().default('embedded'),
  coordinates: coordinatesSchema.default('norm1000'),
});
type Settings = z.infer<typeof settingsSchema>;

const loading = 'Loading…';
/** How what is shipped is named in settings and on the command line. */
const embedded = 'embedded';

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

/**
 * The segmenter and the agent that are set up. What is handed out stands for whichever is set up when it is called,
 * so that open episodes go on with a new one; the old one is closed when its last use has ended.
 */
export class Models {
  private readonly options: ModelsOptions;
  private readonly onChange: (info: AppInfo) => void;
  private settings: Settings = settingsSchema.parse({});
  private readonly ready: Promise<void>;
  private readonly segmenterSlot: Slot<OpenedSegmenter>;
  private readonly agentSlot: Slot<Policy>;
  private segmenterStatus: ComponentStatus = absent('Segmenter', loading);
  private agentStatus: ComponentStatus = absent('Agent', loading);
  /** Loads and changes of each run one after another. */
  private segmenterWork: Promise<unknown> = Promise.resolve();
  private agentWork: Promise<unknown> = Promise.resolve();
  private firstSegmenter: Promise<void> = Promise.resolve();
  private firstAgent: Promise<void> = Promise.resolve();
  private isClosed = false;
  /** What the host was started with, until the person sets up another. */
  private givenSegmenter: string | undefined;
  private givenAgent: string | undefined;
  private readonly foreground = new Foreground();
  private readonly segmenterInUse: Segmenter;
  private readonly agentInUse: Policy;
  private readonly background: { segmenter: Segmenter; agent: Policy };

  constructor(options: ModelsOptions, onChange: (info: AppInfo) => void) {
    this.options = options;
    this.onChange = onChange;
    this.givenSegmenter = options.segmenter;
    this.givenAgent = options.policy;
    this.segmenterSlot = new Slot(options.log);
    this.agentSlot = new Slot(options.log);
    const segmenter = this.makeSegmenterInUse();
    const agent = this.makeAgentInUse();
    this.segmenterInUse = foregroundSegmenter(segmenter, this.foreground);
    this.agentInUse = foregroundAgent(agent, this.foreground);
    this.background = {
      segmenter: backgroundSegmenter(segmenter, this.foreground),
      agent: backgroundAgent(agent, this.foreground),
    };
    this.ready = this.start();
  }

  /** How the agent that is set up is spoken to; the defaults where there is none. */
  get conventions(): AgentConventions {
    const { coordinates } = this.settings;
    return { ...defaultConventions, coordinates, ...this.agentSlot.current?.conventions };
  }

  async info(): Promise<AppInfo> {
    await this.ready;
    return this.current();
  }

  /** {@link currentSegmenter}, when one is loaded; null when none is installed or it does not load (`info` says why). */
  async segmenter(): Promise<Segmenter | null> {
    await this.ready;
    await this.firstSegmenter;
    return this.segmenterSlot.current && this.segmenterInUse;
  }

  /** Asks whichever segmenter is set up at each call; MODEL_MISSING with the reason when there is none. */
  currentSegmenter(): Segmenter {
    return this.segmenterInUse;
  }

  /** Asks whichever agent is set up at each call; null when none is set up now. */
  async agent(): Promise<Policy | null> {
    await this.ready;
    await this.firstAgent;
    return this.agentSlot.current && this.agentInUse;
  }

  /** As {@link agent}, for what is set up at this moment, also while another one is loading. */
  currentAgent(): Policy | null {
    return this.agentSlot.current && this.agentInUse;
  }

  /** As {@link currentSegmenter}, for work that nobody waits for: it yields to what people ask. */
  async backgroundSegmenter(): Promise<Segmenter | null> {
    return (await this.segmenter()) && this.background.segmenter;
  }

  /** As {@link agent}, for work that nobody waits for. */
  async backgroundAgent(): Promise<Policy | null> {
    return (await this.agent()) && this.background.agent;
  }

  /** @param provider the stored one when it is left out */
  configureSegmenter(text: string, provider?: ProviderRequest): Promise<void> {
    return this.changeSegmenter(async () => {
      const wanted = provider ?? this.settings.provider;
      const spec = parseSegmenterSpec(text, this.options.resourcesDir);
      await this.adoptSegmenter(await this.openSegmenter(spec, wanted), text);
      this.givenSegmenter = undefined;
      await this.save({ segmenter: text, provider: wanted });
    });
  }

  configureAgent(text: string, coordinates: Coordinates): Promise<void> {
    return this.changeAgent(async () => {
      await this.adoptAgent(text);
      this.givenAgent = undefined;
      await this.save({ policy: text, coordinates });
    });
  }

  async setup(): Promise<Setup> {
    await this.ready;
    const { segmenter, provider, policy, coordinates } = this.settings;
    return {
      agent: {
        policy: this.givenAgent ?? policy,
        coordinates,
        onlyThisRun: this.givenAgent !== undefined,
        hasKey: (process.env.MASKWRIGHT_API_KEY ?? '') !== '',
      },
      segmenter: {
        segmenter: this.givenSegmenter ?? segmenter,
        provider,
        onlyThisRun: this.givenSegmenter !== undefined,
        runs: this.segmenterSlot.current?.report() ?? null,
      },
    };
  }

  /** Ends what is running and waits for what is loading. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.ready;
    await Promise.all([this.segmenterSlot.close(), this.agentSlot.close()]);
    await Promise.all([this.segmenterWork, this.agentWork]);
  }

  private async start(): Promise<void> {
    this.settings = await readSettings(this.settingsFile);
    this.firstAgent = this.startAgent(this.givenAgent ?? this.settings.policy);
    this.agentWork = this.firstAgent;
    this.firstSegmenter = this.startSegmenter(this.givenSegmenter ?? this.settings.segmenter);
    this.segmenterWork = this.firstSegmenter;
  }

  private async startAgent(text: string): Promise<void> {
    try {
      await this.adoptAgent(text);
    } catch (error) {
      this.agentStatus = absent('No agent', sentenceOf(error));
    }
    this.onChange(this.current());
  }

  private async startSegmenter(text: string): Promise<void> {
    try {
      const spec = parseSegmenterSpec(text, this.options.resourcesDir);
      await this.adoptSegmenter(await this.openSegmenter(spec, this.settings.provider), text);
    } catch (error) {
      this.segmenterStatus = absent('No segmenter', sentenceOf(error));
    }
    this.onChange(this.current());
  }

  private async adoptSegmenter(next: OpenedSegmenter, text: string): Promise<void> {
    if (this.isClosed) {
      await next.close();
      throw closing();
    }
    this.segmenterSlot.replace(next);
    this.segmenterStatus = segmenterStatus(next, text);
  }

  private async adoptAgent(text: string): Promise<void> {
    const next = await this.makeAgent(text);
    if (this.isClosed) {
      await next?.close();
      throw closing();
    }
    this.agentSlot.replace(next);
    this.agentStatus = agentStatus(next, text);
  }

  /** Says that it is loading while it is; what was there before stays in use, and stays when the change fails. */
  private async changeSegmenter(change: () => Promise<void>): Promise<void> {
    await this.ready;
    const work = this.segmenterWork.then(async () => {
      if (this.isClosed) throw closing();
      const before = this.segmenterStatus;
      this.segmenterStatus = before.ready ? { ...before, detail: loading } : absent('Segmenter', loading);
      this.onChange(this.current());
      try {
        await change();
      } catch (error) {
        if (this.segmenterStatus.detail === loading) this.segmenterStatus = before;
        this.onChange(this.current());
        throw error;
      }
    });
    this.segmenterWork = work.catch(() => {});
    return work;
  }

  private async changeAgent(change: () => Promise<void>): Promise<void> {
    await this.ready;
    const work = this.agentWork.then(() => {
      if (this.isClosed) throw closing();
      return change();
    });
    this.agentWork = work.catch(() => {});
    return work;
  }

  private makeSegmenterInUse(): Segmenter {
    const slot = this.segmenterSlot;
    const missing = (): Error => {
      if (this.isClosed) return closing();
      return new MaskwrightError('MODEL_MISSING', `No segmenter is ready. ${this.segmenterStatus.detail}`, {
        hint: 'Set one up under Models, or draw the mask as a polygon.',
      });
    };
    const use = async <Result>(work: (segmenter: Segmenter) => Promise<Result>): Promise<Result> => {
      await this.ready;
      await this.firstSegmenter;
      return slot.use(missing, work);
    };
    /** Who gave which logits: another segmenter cannot refine them, and refines from the prompts alone. */
    const givers = new WeakMap<Float32Array, Segmenter>();
    return {
      get identity() {
        return slot.current?.identity ?? { name: 'none', signature: 'recorded' };
      },
      encode: (image, options) => use((segmenter) => segmenter.encode(image, options)),
      segment: (image, prompt, options) =>
        use(async (segmenter) => {
          const giver = prompt.lowRes && givers.get(prompt.lowRes.data);
          const isForeign = giver !== null && giver !== undefined && giver !== segmenter;
          const segmentation = await segmenter.segment(
            image,
            isForeign ? { ...prompt, lowRes: null } : prompt,
            options,
          );
          for (const { lowRes } of segmentation.candidates) givers.set(lowRes.data, segmenter);
          return segmentation;
        }),
      async close() {},
    };
  }

  private makeAgentInUse(): Policy {
    const slot = this.agentSlot;
    const missing = (): Error => {
      if (this.isClosed) return closing();
      return new MaskwrightError('MODEL_MISSING', `No agent is ready. ${this.agentStatus.detail}`, {
        hint: 'Set one up under Models, or work by hand.',
      });
    };
    return {
      get identity() {
        return slot.current?.identity ?? { kind: 'none', name: 'none' };
      },
      get author() {
        return slot.current?.author ?? 'agent';
      },
      get readsPrompt() {
        return slot.current?.readsPrompt ?? true;
      },
      get conventions() {
        return slot.current?.conventions;
      },
      propose: (input, options) => slot.use(missing, (agent) => agent.propose(input, options)),
      async close() {},
    };
  }

  private openSegmenter(
    spec: { encoder: string; decoder: string },
    provider: ProviderRequest,
  ): Promise<OpenedSegmenter> {
    const threadFile = join(this.options.outDir, 'segmenter-thread.js');
    return openSegmenter({
      ...spec,
      provider,
      cacheDir: join(this.options.cacheDir, 'embeddings'),
      ...(existsSync(threadFile) ? { threadFile } : {}),
    });
  }

  private async makeAgent(text: string): Promise<Policy | null> {
    const spec = parsePolicySpec(text, this.options.resourcesDir);
    switch (spec.kind) {
      case 'none':
        return null;
      case 'llama': {
        // Only the headers; the model is loaded at the first proposal.
        const { conventions } = await checkVisionModel(spec.model, spec.mmproj);
        return llamaCppPolicy({
          model: spec.model,
          mmproj: spec.mmproj,
          conventions,
          spawnModelChild: this.options.spawnModelChild,
        });
      }
      case 'openai':
        return openAiPolicy({
          baseUrl: spec.url,
          model: spec.model,
          apiKey: process.env.MASKWRIGHT_API_KEY ?? null,
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

function closing(): MaskwrightError {
  return new MaskwrightError('CANCELLED', 'The application is closing.');
}

function absent(name: string, detail: string): ComponentStatus {
  return { ready: false, name, device: '', detail, basic: false };
}

function sentenceOf(error: unknown): string {
  const hint = error instanceof MaskwrightError && error.hint !== '' ? ` ${error.hint}` : '';
  return `${messageOf(error)}${hint}`;
}

function segmenterStatus(segmenter: OpenedSegmenter, text: string): ComponentStatus {
  const { encoder, decoder, surrogate, signature } = segmenter.report();
  const reasons = [...new Set([...encoder.reasons, ...decoder.reasons])]
    .map((reason) => ` ${reason}.`)
    .join('');
  return {
    ready: true,
    name: segmenter.identity.name,
    device: (encoder.actual ?? 'cpu').toUpperCase(),
    detail: `${signature} interface, asked for ${encoder.requested}.${reasons}${surrogate ? ' A stand-in for tests, not SAM.' : ''}`,
    basic: text === embedded,
  };
}

function agentStatus(policy: Policy | null, text: string): ComponentStatus {
  if (!policy) return absent('No agent', 'No model is set up. Set one up under Models, or work by hand.');
  return {
    ready: true,
    name: policy.identity.name,
    device: '',
    // Which model it is, where its name does not say so.
    detail: text === embedded ? '' : text,
    basic: text === embedded,
  };
}
