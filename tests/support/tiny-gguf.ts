import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentConventions } from '@shared/tools/conventions';

/**
 * Writes a Qwen2.5-VL pair with random weights (under 1 MB) that llama.cpp loads, so that tests run the true
 * path without a download. What it says means nothing; a grammar makes it valid.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little endian).
 */
type Value =
  | { type: 'u32' | 'i32' | 'f32'; value: number }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string }
  | { type: 'strings'; value: readonly string[] }
  | { type: 'i32s' | 'f32s'; value: readonly number[] };

interface Tensor {
  name: string;
  /** Fastest varying dimension first, as GGUF has it. */
  shape: readonly number[];
  data: Float32Array;
}

const valueTypes = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
const alignment = 32;

class ByteWriter {
  private readonly parts: Buffer[] = [];
  length = 0;

  bytes(part: Buffer): this {
    this.parts.push(part);
    this.length += part.length;
    return this;
  }
  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32LE(value);
    return this.bytes(part);
  }
  i32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32LE(value);
    return this.bytes(part);
  }
  f32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeFloatLE(value);
    return this.bytes(part);
  }
  u64(value: number): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64LE(BigInt(value));
    return this.bytes(part);
  }
  text(value: string): this {
    const part = Buffer.from(value, 'utf8');
    return this.u64(part.length).bytes(part);
  }
  pad(): this {
    return this.bytes(Buffer.alloc((alignment - (this.length % alignment)) % alignment));
  }
  toBuffer(): Buffer {
    return Buffer.concat(this.parts);
  }
}

function writeValue(out: ByteWriter, entry: Value): void {
  switch (entry.type) {
    case 'u32':
      out.u32(valueTypes.u32).u32(entry.value);
      return;
    case 'i32':
      out.u32(valueTypes.i32).i32(entry.value);
      return;
    case 'f32':
      out.u32(valueTypes.f32).f32(entry.value);
      return;
    case 'bool':
      out.u32(valueTypes.bool).bytes(Buffer.from([entry.value ? 1 : 0]));
      return;
    case 'string':
      out.u32(valueTypes.string).text(entry.value);
      return;
    case 'strings':
      out.u32(valueTypes.array).u32(valueTypes.string).u64(entry.value.length);
      for (const item of entry.value) out.text(item);
      return;
    case 'i32s':
      out.u32(valueTypes.array).u32(valueTypes.i32).u64(entry.value.length);
      for (const item of entry.value) out.i32(item);
      return;
    case 'f32s':
      out.u32(valueTypes.array).u32(valueTypes.f32).u64(entry.value.length);
      for (const item of entry.value) out.f32(item);
  }
}

function gguf(metadata: Record<string, Value>, tensors: readonly Tensor[]): Buffer {
  const out = new ByteWriter();
  out.bytes(Buffer.from('GGUF')).u32(3).u64(tensors.length).u64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    out.text(key);
    writeValue(out, value);
  }
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    out.text(name).u32(shape.length);
    for (const side of shape) out.u64(side);
    out.u32(0).u64(offset); // type 0: float32
    offset += Math.ceil(data.byteLength / alignment) * alignment;
  }
  out.pad();
  for (const { data } of tensors) out.bytes(Buffer.from(data.buffer)).pad();
  return out.toBuffer();
}

/** Deterministic normal numbers (mulberry32 and Box-Muller). */
function normal(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** GPT-2's printable stand-ins for the 256 bytes, in byte order. */
function byteTokens(): string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
}

const controlTokens = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|vision_start|>',
  '<|vision_end|>',
  '<|vision_pad|>',
  '<|image_pad|>',
  '<|video_pad|>',
];
const addedTokens = [
  '<tool_call>',
  '</tool_call>',
  '<tool_response>',
  '</tool_response>',
  '<think>',
  '</think>',
];
const tokenTypes = { normal: 1, control: 3, userDefined: 4 };

const template =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

const text = { layers: 2, width: 64, inner: 96, heads: 4, kvHeads: 2, context: 32_768 };
const vision = { layers: 2, width: 32, inner: 48, heads: 2, patch: 14 };

function textModel(seed: number, declared: Partial<AgentConventions>): Buffer {
  const draw = normal(seed);
  const tensors: Tensor[] = [];
  const add = (name: string, shape: number[], scale: number, mean = 0): void => {
    const size = shape.reduce((product, side) => product * side, 1);
    tensors.push({ name, shape, data: Float32Array.from({ length: size }, () => mean + scale * draw()) });
  };
  const tokens = [...byteTokens(), 'Ġt', 'he', ...controlTokens, ...addedTokens];
  const { width, inner, heads, kvHeads } = text;
  const kvWidth = (width / heads) * kvHeads;
  add('token_embd.weight', [width, tokens.length], 0.5);
  add('output_norm.weight', [width], 0.05, 1);
  add('output.weight', [width, tokens.length], 0.3);
  for (let layer = 0; layer < text.layers; layer++) {
    const block = `blk.${layer}.`;
    add(`${block}attn_norm.weight`, [width], 0.05, 1);
    for (const [name, size] of [
      ['q', width],
      ['k', kvWidth],
      ['v', kvWidth],
    ] as const) {
      add(`${block}attn_${name}.weight`, [width, size], 0.12);
      add(`${block}attn_${name}.bias`, [size], 0.02);
    }
    add(`${block}attn_output.weight`, [width, width], 0.12);
    add(`${block}ffn_norm.weight`, [width], 0.05, 1);
    add(`${block}ffn_gate.weight`, [width, inner], 0.12);
    add(`${block}ffn_up.weight`, [width, inner], 0.12);
    add(`${block}ffn_down.weight`, [inner, width], 0.1);
  }
  const idOf = (token: string): number => tokens.indexOf(token);
  const metadata: Record<string, Value> = {
    'general.architecture': { type: 'string', value: 'qwen2vl' },
    'general.name': { type: 'string', value: 'Tiny random Qwen2.5-VL' },
    'general.file_type': { type: 'u32', value: 0 },
    'qwen2vl.block_count': { type: 'u32', value: text.layers },
    'qwen2vl.context_length': { type: 'u32', value: text.context },
    'qwen2vl.embedding_length': { type: 'u32', value: width },
    'qwen2vl.feed_forward_length': { type: 'u32', value: inner },
    'qwen2vl.attention.head_count': { type: 'u32', value: heads },
    'qwen2vl.attention.head_count_kv': { type: 'u32', value: kvHeads },
    'qwen2vl.attention.layer_norm_rms_epsilon': { type: 'f32', value: 1e-6 },
    'qwen2vl.rope.freq_base': { type: 'f32', value: 1_000_000 },
    // Sums to half the width of a head.
    'qwen2vl.rope.dimension_sections': { type: 'i32s', value: [2, 3, 3, 0] },
    'tokenizer.ggml.model': { type: 'string', value: 'gpt2' },
    'tokenizer.ggml.pre': { type: 'string', value: 'qwen2' },
    'tokenizer.ggml.tokens': { type: 'strings', value: tokens },
    'tokenizer.ggml.token_type': {
      type: 'i32s',
      value: tokens.map((token) => {
        if (controlTokens.includes(token)) return tokenTypes.control;
        return addedTokens.includes(token) ? tokenTypes.userDefined : tokenTypes.normal;
      }),
    },
    'tokenizer.ggml.merges': { type: 'strings', value: ['Ġ t', 'h e'] },
    'tokenizer.ggml.eos_token_id': { type: 'u32', value: idOf('<|im_end|>') },
    'tokenizer.ggml.bos_token_id': { type: 'u32', value: idOf('<|endoftext|>') },
    'tokenizer.ggml.padding_token_id': { type: 'u32', value: idOf('<|endoftext|>') },
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
    'tokenizer.chat_template': { type: 'string', value: template },
    ...conventionKeys(declared),
  };
  return gguf(metadata, tensors);
}

function conventionKeys({
  coordinates,
  prompt,
  viewPixels,
}: Partial<AgentConventions>): Record<string, Value> {
  return {
    ...(coordinates && { 'maskwright.coordinates': { type: 'string', value: coordinates } }),
    ...(prompt && { 'maskwright.prompt': { type: 'string', value: prompt } }),
    ...(viewPixels && { 'maskwright.view_pixels': { type: 'u32', value: viewPixels } }),
  };
}

function visionModel(seed: number): Buffer {
  const draw = normal(seed);
  const tensors: Tensor[] = [];
  const add = (name: string, shape: number[], scale: number, mean = 0): void => {
    const size = shape.reduce((product, side) => product * side, 1);
    tensors.push({ name, shape, data: Float32Array.from({ length: size }, () => mean + scale * draw()) });
  };
  const linear = (name: string, from: number, to: number): void => {
    add(`${name}.weight`, [from, to], 1 / Math.sqrt(from));
    add(`${name}.bias`, [to], 0.02);
  };
  const { width, inner, patch } = vision;
  add('v.patch_embd.weight', [patch, patch, 3, width], 0.03);
  add('v.patch_embd.weight.1', [patch, patch, 3, width], 0.03);
  for (let layer = 0; layer < vision.layers; layer++) {
    const block = `v.blk.${layer}.`;
    add(`${block}ln1.weight`, [width], 0.05, 1);
    add(`${block}ln2.weight`, [width], 0.05, 1);
    for (const name of ['attn_q', 'attn_k', 'attn_v', 'attn_out']) linear(`${block}${name}`, width, width);
    linear(`${block}ffn_gate`, width, inner);
    linear(`${block}ffn_up`, width, inner);
    linear(`${block}ffn_down`, inner, width);
  }
  add('v.post_ln.weight', [width], 0.05, 1);
  // The merger takes 2 × 2 patches at once.
  linear('mm.0', 4 * width, 4 * width);
  linear('mm.2', 4 * width, text.width);
  const metadata: Record<string, Value> = {
    'general.architecture': { type: 'string', value: 'clip' },
    'general.name': { type: 'string', value: 'Tiny random Qwen2.5-VL vision tower' },
    'general.file_type': { type: 'u32', value: 0 },
    'clip.has_vision_encoder': { type: 'bool', value: true },
    'clip.projector_type': { type: 'string', value: 'qwen2.5vl_merger' },
    'clip.use_silu': { type: 'bool', value: true },
    'clip.vision.image_size': { type: 'u32', value: 560 },
    'clip.vision.patch_size': { type: 'u32', value: patch },
    'clip.vision.embedding_length': { type: 'u32', value: width },
    'clip.vision.feed_forward_length': { type: 'u32', value: inner },
    'clip.vision.block_count': { type: 'u32', value: vision.layers },
    'clip.vision.projection_dim': { type: 'u32', value: text.width },
    'clip.vision.attention.head_count': { type: 'u32', value: vision.heads },
    'clip.vision.attention.layer_norm_epsilon': { type: 'f32', value: 1e-6 },
    'clip.vision.image_mean': { type: 'f32s', value: [0.48145466, 0.4578275, 0.40821073] },
    'clip.vision.image_std': { type: 'f32s', value: [0.26862954, 0.26130258, 0.27577711] },
    'clip.vision.n_wa_pattern': { type: 'u32', value: 2 },
  };
  return gguf(metadata, tensors);
}

/** Writes `tiny-qwen-vl.gguf` and `mmproj-tiny-qwen-vl.gguf` into a folder (made if missing); gives their paths. */
export function writeTinyQwenVl(
  dir: string,
  options: { seed?: number; conventions?: Partial<AgentConventions> } = {},
): { model: string; mmproj: string } {
  const seed = options.seed ?? 1;
  mkdirSync(dir, { recursive: true });
  const model = join(dir, 'tiny-qwen-vl.gguf');
  const mmproj = join(dir, 'mmproj-tiny-qwen-vl.gguf');
  writeFileSync(model, textModel(seed, options.conventions ?? {}));
  writeFileSync(mmproj, visionModel(seed + 1));
  return { model, mmproj };
}
