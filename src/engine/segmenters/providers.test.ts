import { expect, test } from 'vitest';
import type { ProviderName } from './protocol';
import { firstWorkingProvider, providerOrder } from './providers';

const refusal =
  'This session contains graph nodes that are assigned to the default CPU EP, but fallback to CPU EP has been explicitly disabled by the user.';

test('what is tried, in order', () => {
  expect(providerOrder('cpu', 'linux')).toEqual(['cpu']);
  expect(providerOrder('auto', 'linux')).toEqual(['cuda', 'cpu']);
  expect(providerOrder('auto', 'win32')).toEqual(['dml', 'cpu']);
  expect(providerOrder('auto', 'darwin')).toEqual(['coreml', 'cpu']);
  expect(providerOrder('auto', 'freebsd')).toEqual(['cpu']);
  expect(providerOrder('webgpu', 'linux')).toEqual(['webgpu', 'cpu']);
});

test('the first that works wins, and the report says why the others did not', async () => {
  const tried: string[] = [];
  const attempt = await firstWorkingProvider(
    ['dml', 'webgpu', 'cuda', 'cpu'],
    ['cpu', 'cuda', 'webgpu'],
    async (provider, strict) => {
      tried.push(`${provider}${strict ? ' strict' : ''}`);
      if (provider === 'webgpu') throw new Error('Failed to get an adapter');
      if (provider === 'cuda')
        throw new Error(
          '\nOrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library\nmore',
        );
      return provider;
    },
  );
  expect(attempt).toEqual({
    session: 'cpu',
    provider: 'cpu',
    reasons: [
      `dml: this build of onnxruntime has no such provider on ${process.platform}`,
      'webgpu: Failed to get an adapter',
      'cuda: Failed to load shared library (run `npm run setup:gpu` and install CUDA 12 and cuDNN 9)',
    ],
  });
  expect(tried).toEqual(['webgpu strict', 'cuda strict', 'cpu']);
});

test('operators on the CPU are allowed and reported', async () => {
  const attempt = await firstWorkingProvider<ProviderName>(
    ['cuda', 'cpu'],
    ['cpu', 'cuda'],
    async (provider, strict) => {
      if (strict) throw new Error(refusal);
      return provider;
    },
  );
  expect(attempt.provider).toBe('cuda');
  expect(attempt.reasons).toEqual(['cuda: runs the model, but some of its operators run on the CPU']);
});

test('an unreadable model fails with the last reason', async () => {
  const create = async (): Promise<never> => {
    throw new Error('Protobuf parsing failed.');
  };
  await expect(firstWorkingProvider(['cpu'], ['cpu'], create)).rejects.toThrow('Protobuf');
});
