import { describe, expect, it } from 'vitest';
import { parsePolicySpec, parseSegmenterSpec } from './specs';

describe('policy specs', () => {
  it.each([
    ['simulated', { kind: 'simulated' }],
    ['none', { kind: 'none' }],
    ['llama:a.gguf', { kind: 'llama', model: 'a.gguf', mmproj: null }],
    ['llama:C:\\m\\a.gguf,b.gguf', { kind: 'llama', model: 'C:\\m\\a.gguf', mmproj: 'b.gguf' }],
    ['openai:http://127.0.0.1:8080/v1', { kind: 'openai', url: 'http://127.0.0.1:8080/v1', model: null }],
    ['openai:https://h/v1#org/model', { kind: 'openai', url: 'https://h/v1', model: 'org/model' }],
    ['replay:x/t.jsonl', { kind: 'replay', file: 'x/t.jsonl' }],
  ])('reads %s', (text, spec) => {
    expect(parsePolicySpec(text, '/nowhere')).toEqual(spec);
  });

  it.each([
    '',
    'simulated:x',
    'llama:',
    'llama:a,',
    'llama:a,b,c',
    'openai:ftp://x',
    'openai:http://h#',
    'replay:',
    'gpt',
  ])('refuses "%s" and says what there is', (text) => {
    expect(() => parsePolicySpec(text, '/nowhere')).toThrow(/is no policy/);
  });

  it('says when nothing embedded is shipped', () => {
    expect(() => parsePolicySpec('embedded', '/nowhere')).toThrow(/no embedded agent/);
    expect(() => parseSegmenterSpec('embedded', '/nowhere')).toThrow(/no embedded segmenter/);
    expect(() => parseSegmenterSpec('one.onnx', '/nowhere')).toThrow(/is no segmenter/);
    expect(parseSegmenterSpec('e.onnx,d.onnx', '/nowhere')).toEqual({ encoder: 'e.onnx', decoder: 'd.onnx' });
  });
});
