/** The stored form of an embedding: magic, header length, JSON header, then the tensors' bytes one after another. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EmbeddingTensor } from './protocol';

const magic = Buffer.from('MWEMBED1', 'latin1');
/** Goes up whenever preprocessing or layout change, so that older files are misses. */
const version = 1;
const maxHeaderBytes = 65_536;

const headerSchema = z.object({
  version: z.literal(version),
  imageHash: z.string(),
  encoderHash: z.string(),
  tensors: z
    .array(
      z.object({
        name: z.string(),
        dtype: z.literal('float32'),
        shape: z.array(z.number().int().min(1)).max(8),
      }),
    )
    .min(1)
    .max(16),
  /** sha256 of everything after the header, hex. */
  sha256: z.string(),
});

export interface EmbeddingKey {
  /** sha256 of the image file, hex. */
  imageHash: string;
  /** Names encoder weights and interface. */
  encoderHash: string;
}

/** File name of an embedding, without a folder. */
export function embeddingFileName(key: EmbeddingKey): string {
  const name = createHash('sha256').update(`${key.imageHash}\n${key.encoderHash}`).digest('hex');
  return `${name.slice(0, 40)}.embedding`;
}

/** Float32 data in the machine's byte order, which is little-endian on everything that onnxruntime runs on. */
export function packEmbedding(key: EmbeddingKey, tensors: readonly EmbeddingTensor[]): Buffer {
  const bodies = tensors.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  const sum = createHash('sha256');
  for (const body of bodies) sum.update(body);
  const header: z.infer<typeof headerSchema> = {
    version,
    imageHash: key.imageHash,
    encoderHash: key.encoderHash,
    tensors: tensors.map(({ name, shape }) => ({ name, dtype: 'float32', shape: [...shape] })),
    sha256: sum.digest('hex'),
  };
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([magic, length, text, ...bodies]);
}

/** The tensors, or null when the bytes are damaged, of another version or of another key. */
export function unpackEmbedding(key: EmbeddingKey, bytes: Buffer): EmbeddingTensor[] | null {
  const start = magic.length + 4;
  if (bytes.length < start || !bytes.subarray(0, magic.length).equals(magic)) return null;
  const headerLength = bytes.readUInt32LE(magic.length);
  if (headerLength > maxHeaderBytes || bytes.length < start + headerLength) return null;
  const header = headerSchema.safeParse(parseJson(bytes.toString('utf8', start, start + headerLength)));
  if (!header.success) return null;
  const { imageHash, encoderHash, tensors, sha256 } = header.data;
  if (imageHash !== key.imageHash || encoderHash !== key.encoderHash) return null;
  const body = bytes.subarray(start + headerLength);
  const lengths = tensors.map(({ shape }) => shape.reduce((product, side) => product * side, 1));
  if (body.length !== 4 * lengths.reduce((sum, length) => sum + length, 0)) return null;
  if (createHash('sha256').update(body).digest('hex') !== sha256) return null;
  let offset = 0;
  return tensors.map(({ name, shape }, i) => {
    const data = new Float32Array(lengths[i] ?? 0);
    // A copy: tensors must be aligned, and must not keep the whole file in memory.
    new Uint8Array(data.buffer).set(body.subarray(offset, offset + data.byteLength));
    offset += data.byteLength;
    return { name, shape, data };
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
