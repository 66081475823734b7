/**
 * Which execution provider a model runs on. Part of the thread's bundle.
 *
 * Two ways in which onnxruntime 1.30 falls back without an error, and what is done about them (both measured):
 * - Of several requested providers it drops those that its binary does not have, with nothing but a line on
 *   stderr. A single one that is missing, or whose library or device is missing, is an error. So every
 *   session is made with exactly one provider.
 * - It places single operators that a provider lacks on the CPU. With `session.disable_cpu_ep_fallback` that is an
 *   error. So a session is first made with it; if only that fails, it is made without, and the report says so.
 */
import { type ProviderName, ThreadFailure } from './protocol';

export type ProviderRequest = ProviderName | 'auto';

/**
 * What `auto` tries, in order; the CPU always works. WebGPU is only used on request: on Linux and in virtual
 * machines its adapter is often a software renderer, slower than the CPU, and nothing tells.
 */
const platformProviders: Partial<Record<NodeJS.Platform, readonly ProviderName[]>> = {
  linux: ['cuda'],
  win32: ['dml'],
  darwin: ['coreml'],
};

/** The providers to try for a request, in order, ending with the CPU. */
export function providerOrder(request: ProviderRequest, platform: NodeJS.Platform): ProviderName[] {
  if (request === 'cpu') return ['cpu'];
  const wanted = request === 'auto' ? (platformProviders[platform] ?? []) : [request];
  return [...wanted, 'cpu'];
}

export interface ProviderAttempt<Session> {
  session: Session;
  provider: ProviderName;
  reasons: string[];
}

const installHints: Partial<Record<ProviderName, string>> = {
  cuda: 'run `npm run setup:gpu` and install CUDA 12 and cuDNN 9',
};

/**
 * Makes a session with the first provider that can.
 *
 * @param supported what onnxruntime's binary lists (`listSupportedBackends`)
 * @param create makes a session with one provider; `strict` forbids operators on the CPU
 * @throws what `create` throws for the last provider
 */
export async function firstWorkingProvider<Session>(
  order: readonly ProviderName[],
  supported: readonly string[],
  create: (provider: ProviderName, strict: boolean) => Promise<Session>,
): Promise<ProviderAttempt<Session>> {
  const reasons: string[] = [];
  let failure: unknown = new ThreadFailure('SEGMENTER_FAILED', 'No execution provider was asked for.');
  for (const provider of order) {
    if (!supported.includes(provider)) {
      reasons.push(`${provider}: this build of onnxruntime has no such provider on ${process.platform}`);
      continue;
    }
    try {
      if (provider === 'cpu') return { session: await create(provider, false), provider, reasons };
      try {
        return { session: await create(provider, true), provider, reasons };
      } catch (error) {
        if (!isFallbackRefusal(error)) throw error;
        const session = await create(provider, false);
        reasons.push(`${provider}: runs the model, but some of its operators run on the CPU`);
        return { session, provider, reasons };
      }
    } catch (error) {
      failure = error;
      const hint = installHints[provider];
      reasons.push(`${provider}: ${firstLine(error)}${hint === undefined ? '' : ` (${hint})`}`);
    }
  }
  throw failure;
}

function isFallbackRefusal(error: unknown): boolean {
  return error instanceof Error && error.message.includes('fallback to CPU EP has been explicitly disabled');
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.split('\n').find((part) => part.trim() !== '') ?? text;
  // Native code puts the source file and the condition, or its function's name, before what a person can use.
  return line
    .replace(/^.*\bwas false\. /, '')
    .replace(/^\w*ExecutionProvider\w*: /, '')
    .trim()
    .slice(0, 300);
}
