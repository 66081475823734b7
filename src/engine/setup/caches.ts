import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CacheKind, cacheKindSchema, type Storage } from '@shared/contract/methods';

/** Files whose sizes are asked for at once. */
const atOnce = 64;

/** What the user's folders hold. A folder that is not there yet is empty. */
export async function storageOf(folders: { dataDir: string; cacheDir: string }): Promise<Storage> {
  const caches = await Promise.all(
    cacheKindSchema.options.map(async (kind) => {
      const folder = join(folders.cacheDir, kind);
      return { kind, folder, ...(await sizeOf(folder)) };
    }),
  );
  return { dataFolder: folders.dataDir, caches };
}

/** Deletes a cache's files. Whoever reads it finds nothing and makes it again. */
export async function clearCache(cacheDir: string, kind: CacheKind): Promise<void> {
  await rm(join(cacheDir, kind), { recursive: true, force: true, maxRetries: 3 });
}

async function sizeOf(folder: string): Promise<{ files: number; bytes: number }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  const total = { files: 0, bytes: 0 };
  for (const entry of entries.filter((each) => each.isDirectory())) {
    const inside = await sizeOf(join(folder, entry.name));
    total.files += inside.files;
    total.bytes += inside.bytes;
  }
  const files = entries.filter((each) => each.isFile());
  for (let start = 0; start < files.length; start += atOnce) {
    const sizes = await Promise.all(
      // One that is deleted meanwhile does not count.
      files.slice(start, start + atOnce).map(({ name }) => stat(join(folder, name)).catch(() => null)),
    );
    for (const size of sizes) {
      if (size === null) continue;
      total.files++;
      total.bytes += size.size;
    }
  }
  return total;
}
