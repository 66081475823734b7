import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { writeTinyQwenVl } from '../../../tests/support/tiny-gguf';
import type { FromChild, ModelChild, ToChild } from './child-protocol';
import { LlamaNodeRuntime } from './llama-node-runtime';

const folder = mkdtempSync(join(tmpdir(), 'maskwright-runtime-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Load = Extract<ToChild, { type: 'load' }>;

/** A child that takes prompts of at most its context's number of letters, and answers loads as told. */
function fakeChild(onLoad: (message: Load) => 'loaded' | 'failed' | 'dies'): ModelChild {
  let listener: (message: FromChild) => void = () => {};
  let exit: (reason: string) => void = () => {};
  let contextSize = 0;
  const answer = (message: FromChild): void => queueMicrotask(() => listener(message));
  return {
    pid: 1,
    onMessage: (given) => {
      listener = given;
      answer({ type: 'ready' });
    },
    onExit: (given) => {
      exit = given;
    },
    kill: () => {},
    send: (message) => {
      if (message.type === 'load') {
        contextSize = message.contextSize;
        const outcome = onLoad(message);
        if (outcome === 'loaded') answer({ type: 'loaded', id: message.id, device: 'CPU' });
        else if (outcome === 'dies') queueMicrotask(() => exit('signal SIGKILL'));
        else answer({ type: 'failed', id: message.id, failure: 'load', message: 'no memory' });
      } else if (message.type === 'complete') {
        const { id, prompt } = message;
        const counts = { promptTokens: prompt.length, completionTokens: 1, cachedTokens: 0 };
        if (prompt.length <= contextSize) answer({ type: 'done', id, text: 'yes', stop: 'end', ...counts });
        else answer({ type: 'failed', id, failure: 'too-long', message: 'much' });
      }
    },
  };
}

const request = { images: [], grammar: '', maxTokens: 8, temperature: 0, seed: 0 };

for (const failure of ['failed', 'dies'] as const) {
  it(`goes back to the context that loaded when a larger one ${failure}`, async () => {
    const { model, mmproj } = writeTinyQwenVl(folder, { seed: 1 });
    const loads: number[] = [];
    const runtime = new LlamaNodeRuntime({
      model,
      mmproj,
      contextSize: 100,
      gpuLayers: 0,
      threads: 1,
      spawnModelChild: () =>
        fakeChild(({ contextSize }) => {
          loads.push(contextSize);
          return contextSize > 200 ? failure : 'loaded';
        }),
    });
    expect((await runtime.complete({ ...request, prompt: 'x'.repeat(150) })).text).toBe('yes');
    await expect(runtime.complete({ ...request, prompt: 'x'.repeat(300) })).rejects.toMatchObject({
      code: 'POLICY_FAILED',
      message: 'The conversation is too long for this machine’s memory.',
    });
    expect((await runtime.complete({ ...request, prompt: 'x'.repeat(150) })).text).toBe('yes');
    expect(loads).toEqual([100, 200, 400, 200]);
    await runtime.close();
  });
}
