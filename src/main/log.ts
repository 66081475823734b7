import { createWriteStream, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

export type Log = (line: string) => void;

/** What sharp's libraries print under Electron on Linux, by the hundred, with no consequence. */
const NOISE = /GLib-GObject-CRITICAL/;
const MAX_BYTES = 5 * 1024 * 1024;

/** A log file that keeps one predecessor. A log that cannot be written is no reason to stop. */
export function openLog(folder: string): Log {
  const file = join(folder, 'maskwright.log');
  try {
    mkdirSync(folder, { recursive: true });
    const { size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
    if (size > MAX_BYTES) renameSync(file, join(folder, 'maskwright.old.log'));
  } catch {
    // Goes on with what there is.
  }
  const stream = createWriteStream(file, { flags: 'a' });
  stream.on('error', () => undefined);
  return (line) => stream.write(`${new Date().toISOString()} ${line.trimEnd()}\n`);
}

/** Splits what a child prints into lines of the log. */
export function logLines(stream: NodeJS.ReadableStream | null, prefix: string, log: Log): void {
  let rest = '';
  stream?.on('data', (chunk: Buffer | string) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '' && !NOISE.test(line)) log(`${prefix}: ${line}`);
  });
}
