import { cpus, totalmem } from 'node:os';
import { messageOf } from '@shared/contract/errors';
import type { Backend, SpawnModelChild } from './child-protocol';
import { ChildSession, defaultTimeouts } from './child-session';
import { layersThatFit } from './gpu-layers';
import { checkVisionModel } from './model-files';

export interface ModelRuntimeReport {
  /** What a model would run on: the card's name, or "CPU". */
  device: string;
  /** One line for people: memory, cores, and why there is no card where there is none. */
  detail: string;
  backends: RuntimeBackend[];
  /** For the model asked about: layers that fit on the card, of how many. Null without a model or a card. */
  layers: { fit: number; total: number } | null;
}

export interface RuntimeBackend {
  name: string;
  available: boolean;
  detail: string;
}

export interface ModelRuntimeQuestion {
  /** Asks the very build that would run the model; without it only node-llama-cpp's probe is used. */
  spawnModelChild?: SpawnModelChild;
  model?: string;
  mmproj?: string | null;
  /** Tokens. */
  contextSize?: number;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

async function askChild(spawn: SpawnModelChild): Promise<Backend[]> {
  const session = new ChildSession(spawn(), defaultTimeouts);
  try {
    const times = { first: 60_000, next: 60_000 };
    const answer = await session.request({ type: 'devices' }, times, () => undefined);
    return answer.type === 'devices' ? answer.backends : [];
  } finally {
    session.kill('The probe is over');
  }
}

function backendOf({ name, available, devices }: Backend): RuntimeBackend {
  const list = devices.map((device) => `${device.name} (${device.type}, ${gigabytes(device.memory)})`);
  return {
    name: `llama.cpp ${name}`,
    available,
    detail: available ? list.join(', ') : 'not installed, or its driver is missing',
  };
}

interface Probe {
  backend: RuntimeBackend;
  card: { name: string; memory: number } | null;
}

/**
 * Graphics cards as node-llama-cpp finds them, with its own prebuilt binary: nothing is built or downloaded.
 * Optional: it is ESM only and does not load in old Electrons.
 */
async function probeNodeLlamaCpp(): Promise<Probe> {
  const name = 'node-llama-cpp (probe)';
  try {
    const library = await import('node-llama-cpp');
    const types = await library.getLlamaGpuTypes('supported');
    const llama = await library.getLlama({
      gpu: 'auto',
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: library.LlamaLogLevel.disabled,
      vramPadding: 0,
    });
    try {
      const memory = await llama.getVramState();
      const names = await llama.getGpuDeviceNames();
      const found = types.filter((type) => type !== false);
      const card = llama.gpu !== false && memory.total > 0 ? names.join(', ') || llama.gpu : null;
      const detail =
        card === null
          ? `no usable graphics card (${found.length > 0 ? found.join(', ') : 'CPU only'})`
          : `${llama.gpu}: ${card}, ${gigabytes(memory.free)} of ${gigabytes(memory.total)} free`;
      return {
        backend: { name, available: true, detail },
        card: card === null ? null : { name: card, memory: memory.free },
      };
    } finally {
      await llama.dispose();
    }
  } catch (error) {
    return { backend: { name, available: false, detail: messageOf(error) }, card: null };
  }
}

/**
 * What local models would run on, for `inspect`. Never throws for a machine that lacks something: it says so.
 *
 * @throws MaskwrightError MODEL_MISSING or MODEL_UNREADABLE when a model was asked about and is not usable
 */
export async function describeModelRuntime(question: ModelRuntimeQuestion = {}): Promise<ModelRuntimeReport> {
  const files = question.model ? await checkVisionModel(question.model, question.mmproj ?? null) : null;
  const probe = await probeNodeLlamaCpp();
  const backends: RuntimeBackend[] = [];
  let card = probe.card;
  let problem = '';
  if (question.spawnModelChild) {
    try {
      const found = await askChild(question.spawnModelChild);
      backends.push(...found.map(backendOf));
      // What the probe sees is of use only where the build that runs models sees a card too.
      const usable = found.flatMap((backend) => backend.devices).find((device) => device.type === 'gpu');
      if (probe.card && !usable) problem = 'a graphics card is there, but no build of llama.cpp that uses it';
      card = usable ? { name: usable.name, memory: probe.card?.memory ?? usable.memory } : null;
    } catch (error) {
      problem = messageOf(error);
      backends.push({ name: 'llama.cpp', available: false, detail: problem });
      card = null;
    }
  }
  backends.push(probe.backend);
  const cores = cpus();
  const processor = `${cores.length} × ${cores[0]?.model.trim() || 'unknown processor'}, ${gigabytes(totalmem())} memory`;
  const detail = card ? `${gigabytes(card.memory)} graphics memory; ${processor}` : processor;
  const layers =
    files && card
      ? {
          fit: Math.min(files.layers, layersThatFit(files, question.contextSize ?? 8192, card.memory)),
          total: files.layers,
        }
      : null;
  return {
    device: card?.name ?? 'CPU',
    detail: problem === '' ? detail : `${detail}; ${problem}`,
    backends,
    layers,
  };
}
