import { expect, it } from 'vitest';
import { sharedPolicy } from './shared-policy';

it('has the name that its policy has learnt meanwhile', () => {
  let name = 'localhost:8080';
  const shared = sharedPolicy({
    get identity() {
      return { kind: 'openai-compatible', name };
    },
    author: 'agent',
    readsPrompt: true,
    propose: () => Promise.reject(new Error('not asked here')),
    async close() {},
  });
  name = 'qwen3-vl';
  expect(shared.identity.name).toBe('qwen3-vl');
});
