import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { type EmbeddingKey, embeddingFileName, packEmbedding, unpackEmbedding } from './embedding-file';
import type { EmbeddingTensor } from './protocol';

/**
 * Embeddings in a folder, bounded in bytes: the least recently used files go first, by their modification time,
 * which reading renews. It is a cache: nothing here ever throws, a failure is a miss, and `lastError` tells.
 */
export class DiskCache {
  /** Name → size, least recently used first; null until the folder has been read. */
  private index: Promise<Map<string, number>> | null = null;
  private work: Promise<void> = Promise.resolve();
  lastError: unknown = null;

  constructor(
    private readonly folder: string,
    private readonly maxBytes: number,
  ) {}

  /** A damaged file is deleted and a miss. */
  async get(key: EmbeddingKey): Promise<EmbeddingTensor[] | null> {
    const name = embeddingFileName(key);
    const file = join(this.folder, name);
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch (error) {
      if (!isMissing(error)) this.lastError = error;
      return null;
    }
    const tensors = unpackEmbedding(key, bytes);
    this.enqueue(async (index) => {
      if (tensors === null) {
        index.delete(name);
        await rm(file, { force: true });
        return;
      }
      index.delete(name);
      index.set(name, bytes.length);
      const now = new Date();
      await utimes(file, now, now);
    });
    return tensors;
  }

  /** Writes behind; {@link settled} waits for it. The tensors' data must not change until then. */
  put(key: EmbeddingKey, tensors: readonly EmbeddingTensor[]): void {
    const size = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
    if (size > this.maxBytes) return;
    this.enqueue(async (index) => {
      const name = embeddingFileName(key);
      const bytes = packEmbedding(key, tensors);
      await mkdir(this.folder, { recursive: true });
      // Losing a cache entry in a power cut is harmless and a torn one is detected: no fsync.
      await writeFileAtomic(join(this.folder, name), bytes, { fsync: false });
      index.delete(name);
      index.set(name, bytes.length);
      await this.shrink(index);
    });
  }

  /** Waits for everything written or removed so far. */
  async settled(): Promise<void> {
    await this.work;
  }

  private enqueue(step: (index: Map<string, number>) => Promise<void>): void {
    this.work = this.work.then(async () => {
      try {
        this.index ??= this.readIndex();
        await step(await this.index);
      } catch (error) {
        this.lastError = error;
      }
    });
  }

  private async shrink(index: Map<string, number>): Promise<void> {
    let total = 0;
    for (const size of index.values()) total += size;
    for (const [name, size] of index) {
      if (total <= this.maxBytes) return;
      await rm(join(this.folder, name), { force: true });
      index.delete(name);
      total -= size;
    }
  }

  private async readIndex(): Promise<Map<string, number>> {
    const names = await readdir(this.folder).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    const found: Array<{ name: string; size: number; used: number }> = [];
    for (const name of names) {
      if (!name.endsWith('.embedding')) continue;
      const stats = await stat(join(this.folder, name)).catch(() => null);
      if (stats !== null) found.push({ name, size: stats.size, used: stats.mtimeMs });
    }
    found.sort((a, b) => a.used - b.used);
    return new Map(found.map(({ name, size }) => [name, size]));
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
