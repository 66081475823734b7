import { LRUCache } from 'lru-cache';
import { DiskCache } from './disk-cache';
import { type EmbeddingKey, embeddingFileName } from './embedding-file';
import type { EmbeddingTensor } from './protocol';

export interface EmbeddingCacheOptions {
  folder: string;
  memoryBytes: number;
  diskBytes: number;
}

/** Where embeddings came from since the cache was made. */
export interface CacheCounts {
  memory: number;
  disk: number;
  misses: number;
}

/** Embeddings by image and encoder: in memory, then on disk, both bounded in bytes, least recently used out. */
export class EmbeddingCache {
  private readonly memory: LRUCache<string, EmbeddingTensor[]>;
  private readonly disk: DiskCache;
  readonly counts: CacheCounts = { memory: 0, disk: 0, misses: 0 };

  constructor(options: EmbeddingCacheOptions) {
    this.memory = new LRUCache({
      maxSize: Math.max(1, options.memoryBytes),
      sizeCalculation: (tensors) => Math.max(1, byteLength(tensors)),
    });
    this.disk = new DiskCache(options.folder, options.diskBytes);
  }

  /** What is in memory, without waiting. */
  peek(key: EmbeddingKey): EmbeddingTensor[] | null {
    const found = this.memory.get(embeddingFileName(key)) ?? null;
    if (found !== null) this.counts.memory++;
    return found;
  }

  /** What is on disk; it is in memory afterwards. */
  async read(key: EmbeddingKey): Promise<EmbeddingTensor[] | null> {
    const found = await this.disk.get(key);
    if (found === null) {
      this.counts.misses++;
      return null;
    }
    this.counts.disk++;
    this.memory.set(embeddingFileName(key), found);
    return found;
  }

  /** Keeps an embedding in memory and writes it to disk behind the caller's back. */
  put(key: EmbeddingKey, tensors: EmbeddingTensor[]): void {
    this.memory.set(embeddingFileName(key), tensors);
    this.disk.put(key, tensors);
  }

  /** The last failure of the disk (full, read-only, …), which costs speed and nothing else. */
  get diskError(): unknown {
    return this.disk.lastError;
  }

  /** Waits for pending writes. */
  settled(): Promise<void> {
    return this.disk.settled();
  }
}

function byteLength(tensors: readonly EmbeddingTensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}
