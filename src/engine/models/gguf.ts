import { type FileHandle, open } from 'node:fs/promises';

/**
 * Reads the header of a GGUF file: metadata and the tensor table, never tensor data. Our own reader and not
 * node-llama-cpp's, which is ESM only, accepts truncated files, and is not needed for anything else here.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little endian).
 */
export interface GgufHeader {
  version: number;
  /** Scalars as they are. Of arrays only the length is kept. 64-bit integers as numbers. */
  metadata: ReadonlyMap<string, GgufValue>;
  tensorCount: number;
  /** Bytes that the file must have at least: the end of the last tensor's data. */
  requiredSize: number;
  /** Bytes that the file has. */
  fileSize: number;
}

export type GgufValue = string | number | boolean | { arrayLength: number };

/** `reason` says which: the caller makes a message of it. */
export class GgufError extends Error {
  constructor(
    readonly reason: 'missing' | 'unreadable' | 'empty' | 'not-gguf' | 'truncated' | 'corrupt',
    message: string,
  ) {
    super(message);
    this.name = 'GgufError';
  }
}

/** Block size (elements) and type size (bytes) by ggml type id; source: ggml.c `type_traits`. */
const tensorTypes: ReadonlyMap<number, readonly [blockSize: number, bytes: number]> = new Map([
  [0, [1, 4]], // F32
  [1, [1, 2]], // F16
  [2, [32, 18]], // Q4_0
  [3, [32, 20]], // Q4_1
  [6, [32, 22]], // Q5_0
  [7, [32, 24]], // Q5_1
  [8, [32, 34]], // Q8_0
  [9, [32, 36]], // Q8_1
  [10, [256, 84]], // Q2_K
  [11, [256, 110]], // Q3_K
  [12, [256, 144]], // Q4_K
  [13, [256, 176]], // Q5_K
  [14, [256, 210]], // Q6_K
  [15, [256, 292]], // Q8_K
  [16, [256, 66]], // IQ2_XXS
  [17, [256, 74]], // IQ2_XS
  [18, [256, 98]], // IQ3_XXS
  [19, [256, 50]], // IQ1_S
  [20, [32, 18]], // IQ4_NL
  [21, [256, 110]], // IQ3_S
  [22, [256, 82]], // IQ2_S
  [23, [256, 136]], // IQ4_XS
  [24, [1, 1]], // I8
  [25, [1, 2]], // I16
  [26, [1, 4]], // I32
  [27, [1, 8]], // I64
  [28, [1, 8]], // F64
  [29, [256, 56]], // IQ1_M
  [30, [1, 2]], // BF16
  [34, [256, 54]], // TQ1_0
  [35, [256, 66]], // TQ2_0
  [39, [32, 17]], // MXFP4
]);

/** Bytes of each fixed-size value type: u8, i8, u16, i16, u32, i32, f32, bool; then u64, i64, f64. */
const scalarBytes: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);
const stringType = 8;
const arrayType = 9;

/** Bounds against nonsense in corrupt files. */
const limits = { metadata: 100_000, tensors: 1_000_000, text: 1 << 24, array: 1 << 28, dimensions: 8 };
const chunkBytes = 1 << 20;

/** Reads forward through a file in chunks. */
class FileCursor {
  private chunk: Buffer = Buffer.alloc(0);
  private chunkStart = 0;
  position = 0;

  constructor(
    private readonly file: FileHandle,
    readonly size: number,
  ) {}

  async take(bytes: number): Promise<Buffer> {
    if (this.position + bytes > this.size) {
      throw new GgufError('truncated', 'The file ends inside its header');
    }
    const offset = this.position - this.chunkStart;
    if (offset < 0 || offset + bytes > this.chunk.length) {
      const wanted = Math.min(Math.max(bytes, chunkBytes), this.size - this.position);
      const buffer = Buffer.alloc(wanted);
      const { bytesRead } = await this.file.read(buffer, 0, wanted, this.position);
      if (bytesRead < bytes) throw new GgufError('truncated', 'The file ends inside its header');
      this.chunk = buffer.subarray(0, bytesRead);
      this.chunkStart = this.position;
    }
    const start = this.position - this.chunkStart;
    this.position += bytes;
    return this.chunk.subarray(start, start + bytes);
  }

  skip(bytes: number): void {
    this.position += bytes;
    if (this.position > this.size) throw new GgufError('truncated', 'The file ends inside its header');
  }

  async u32(): Promise<number> {
    return (await this.take(4)).readUInt32LE();
  }

  async u64(what: string, limit: number): Promise<number> {
    const value = (await this.take(8)).readBigUInt64LE();
    if (value > BigInt(limit)) throw new GgufError('corrupt', `${what} of ${value} makes no sense`);
    return Number(value);
  }

  async text(): Promise<string> {
    return (await this.take(await this.u64('A text length', limits.text))).toString('utf8');
  }
}

async function readScalar(cursor: FileCursor, type: number): Promise<string | number | boolean> {
  if (type === stringType) return cursor.text();
  const bytes = scalarBytes.get(type);
  if (bytes === undefined) throw new GgufError('corrupt', `Unknown metadata type ${type}`);
  const data = await cursor.take(bytes);
  switch (type) {
    case 0:
      return data.readUInt8();
    case 1:
      return data.readInt8();
    case 2:
      return data.readUInt16LE();
    case 3:
      return data.readInt16LE();
    case 4:
      return data.readUInt32LE();
    case 5:
      return data.readInt32LE();
    case 6:
      return data.readFloatLE();
    case 7:
      return data.readUInt8() !== 0;
    case 10:
      return Number(data.readBigUInt64LE());
    case 11:
      return Number(data.readBigInt64LE());
    default:
      return data.readDoubleLE();
  }
}

async function skipArray(cursor: FileCursor, depth: number): Promise<number> {
  const type = await cursor.u32();
  const length = await cursor.u64('An array length', limits.array);
  const bytes = scalarBytes.get(type);
  if (bytes !== undefined) cursor.skip(bytes * length);
  else if (type === stringType) {
    for (let i = 0; i < length; i++) cursor.skip(await cursor.u64('A text length', limits.text));
  } else if (type === arrayType && depth < 4) {
    for (let i = 0; i < length; i++) await skipArray(cursor, depth + 1);
  } else throw new GgufError('corrupt', `Unknown array type ${type}`);
  return length;
}

async function readMetadata(cursor: FileCursor, count: number): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = await cursor.text();
    const type = await cursor.u32();
    metadata.set(
      key,
      type === arrayType ? { arrayLength: await skipArray(cursor, 0) } : await readScalar(cursor, type),
    );
  }
  return metadata;
}

/** The end of the furthest tensor, in bytes from the start of the data section. */
async function readDataSize(cursor: FileCursor, count: number): Promise<number> {
  let end = 0;
  for (let i = 0; i < count; i++) {
    const name = await cursor.text();
    const dimensions = await cursor.u32();
    if (dimensions > limits.dimensions)
      throw new GgufError('corrupt', `${name} has ${dimensions} dimensions`);
    let elements = 1;
    for (let d = 0; d < dimensions; d++) elements *= await cursor.u64('A dimension', 2 ** 40);
    const type = await cursor.u32();
    const offset = await cursor.u64('A tensor offset', Number.MAX_SAFE_INTEGER);
    // A type newer than this list counts as one byte at least, so that it is not refused.
    const [block, bytes] = tensorTypes.get(type) ?? [elements || 1, 1];
    end = Math.max(end, offset + Math.ceil(elements / block) * bytes);
  }
  return end;
}

async function readOpened(file: FileHandle, fileSize: number): Promise<GgufHeader> {
  if (fileSize === 0) throw new GgufError('empty', 'The file has 0 bytes');
  const cursor = new FileCursor(file, fileSize);
  if (fileSize < 24 || (await cursor.take(4)).toString('latin1') !== 'GGUF') {
    throw new GgufError('not-gguf', 'The file does not begin as a GGUF file does');
  }
  const version = await cursor.u32();
  if (version < 2 || version > 3) throw new GgufError('not-gguf', `GGUF version ${version} is not supported`);
  const tensorCount = await cursor.u64('A tensor count', limits.tensors);
  const metadataCount = await cursor.u64('A metadata count', limits.metadata);
  const metadata = await readMetadata(cursor, metadataCount);
  const dataSize = await readDataSize(cursor, tensorCount);
  const given = metadata.get('general.alignment');
  const alignment = typeof given === 'number' && given > 0 ? given : 32;
  const requiredSize = Math.ceil(cursor.position / alignment) * alignment + dataSize;
  if (requiredSize > fileSize) {
    throw new GgufError('truncated', `The file has ${fileSize} bytes and should have ${requiredSize}`);
  }
  return { version, metadata, tensorCount, requiredSize, fileSize };
}

/** @throws GgufError where the file is missing, no file, empty, no GGUF, truncated or corrupt */
export async function readGgufHeader(path: string): Promise<GgufHeader> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    throw new GgufError(isMissing ? 'missing' : 'unreadable', `The file cannot be opened (${code})`);
  }
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new GgufError('unreadable', 'It is not a file');
    return await readOpened(file, status.size);
  } finally {
    await file.close();
  }
}
