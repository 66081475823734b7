import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { EmbeddingCache } from './embedding-cache';
import { embeddingFileName, packEmbedding, unpackEmbedding } from './embedding-file';
import type { EmbeddingTensor } from './protocol';

const key = (image: string): { imageHash: string; encoderHash: string } => ({
  imageHash: image,
  encoderHash: 'e',
});
const tensors = (value: number, length = 6): EmbeddingTensor[] => [
  { name: 'a', shape: [1, length], data: new Float32Array(length).fill(value) },
  { name: 'b', shape: [2], data: Float32Array.of(value, -value) },
];

const folders: string[] = [];
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'maskwright-cache-'));
  folders.push(path);
  return path;
}
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

describe('embedding files', () => {
  test('what is packed comes back', () => {
    expect(unpackEmbedding(key('i'), packEmbedding(key('i'), tensors(3)))).toEqual(tensors(3));
  });

  test('any damage and any other key is a miss', () => {
    const bytes = packEmbedding(key('i'), tensors(3));
    expect(unpackEmbedding(key('j'), bytes)).toBeNull();
    expect(unpackEmbedding(key('i'), bytes.subarray(0, bytes.length - 1))).toBeNull();
    expect(unpackEmbedding(key('i'), Buffer.concat([bytes, Buffer.alloc(1)]))).toBeNull();
    expect(unpackEmbedding(key('i'), Buffer.alloc(0))).toBeNull();
    for (let i = 0; i < bytes.length; i++) {
      const damaged = Buffer.from(bytes);
      damaged[i] = (damaged[i] ?? 0) ^ 0x10;
      const result = unpackEmbedding(key('i'), damaged);
      // A flip in the header's spelling of a tensor's name cannot be seen, and does no harm: names are checked by use.
      if (result !== null) expect(result.map(({ data }) => data)).toEqual(tensors(3).map(({ data }) => data));
    }
  });
});

describe('EmbeddingCache', () => {
  const options = { memoryBytes: 1e6, diskBytes: 1e6 };

  test('memory first, then disk, across restarts', async () => {
    const path = folder();
    const cache = new EmbeddingCache({ folder: path, ...options });
    expect(cache.peek(key('i'))).toBeNull();
    expect(await cache.read(key('i'))).toBeNull();
    cache.put(key('i'), tensors(1));
    expect(cache.peek(key('i'))).toEqual(tensors(1));
    await cache.settled();
    const again = new EmbeddingCache({ folder: path, ...options });
    expect(await again.read(key('i'))).toEqual(tensors(1));
    expect(again.peek(key('i'))).toEqual(tensors(1));
    expect(again.counts).toEqual({ memory: 1, disk: 1, misses: 0 });
    expect(readdirSync(path)).toEqual([embeddingFileName(key('i'))]);
  });

  test('memory is bounded in bytes', () => {
    const cache = new EmbeddingCache({ folder: folder(), memoryBytes: 100, diskBytes: 0 });
    for (const image of ['i', 'j', 'k', 'l']) cache.put(key(image), tensors(1));
    // 32 bytes each.
    expect(['i', 'j', 'k', 'l'].map((image) => cache.peek(key(image)) !== null)).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  test('disk is bounded, the least recently used goes first', async () => {
    const path = folder();
    const size = packEmbedding(key('i'), tensors(1)).length;
    const bounds = { folder: path, memoryBytes: 1, diskBytes: size * 2 + size / 2 };
    const cache = new EmbeddingCache(bounds);
    for (const image of ['i', 'j']) cache.put(key(image), tensors(1));
    await cache.settled();
    utimesSync(join(path, embeddingFileName(key('i'))), 1, 1);
    utimesSync(join(path, embeddingFileName(key('j'))), 2, 2);
    const later = new EmbeddingCache(bounds);
    expect(await later.read(key('i'))).not.toBeNull();
    later.put(key('k'), tensors(1));
    await later.settled();
    expect(readdirSync(path).sort()).toEqual([key('i'), key('k')].map(embeddingFileName).sort());
  });

  test('a damaged file is a miss and goes away; a folder that cannot be made costs nothing', async () => {
    const path = folder();
    const cache = new EmbeddingCache({ folder: path, memoryBytes: 1, diskBytes: 1e6 });
    cache.put(key('i'), tensors(1));
    await cache.settled();
    const file = join(path, embeddingFileName(key('i')));
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] = 1;
    writeFileSync(file, bytes);
    expect(await cache.read(key('i'))).toBeNull();
    await cache.settled();
    expect(readdirSync(path)).toEqual([]);
    expect(cache.diskError).toBeNull();

    writeFileSync(file, 'in the way');
    const blocked = new EmbeddingCache({ folder: join(file, 'x'), memoryBytes: 1e6, diskBytes: 1e6 });
    expect(await blocked.read(key('i'))).toBeNull();
    blocked.put(key('i'), tensors(1));
    await blocked.settled();
    expect(blocked.peek(key('i'))).toEqual(tensors(1));
    expect(blocked.diskError).toBeInstanceOf(Error);
  });
});
