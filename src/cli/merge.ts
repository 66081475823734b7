import { mergeLogs } from '@engine/batch/merge-logs';
import { withFolderLock } from '@engine/folder-lock';

interface MergeOptions {
  out: string;
  json?: boolean;
}

export async function mergeCommand(dirs: string[], options: MergeOptions): Promise<void> {
  const report = await withFolderLock(options.out, () => mergeLogs(dirs, options.out));
  if (options.json) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  process.stderr.write(`${options.out}: ${report.items} items of ${dirs.length} folders\n`);
  if (report.missing.length > 0) process.stderr.write(`not among them: ${report.missing.join(', ')}\n`);
  process.stderr.write(
    `The shards' command without --shard, with --out ${options.out}, writes the results and does what is missing.\n`,
  );
}
