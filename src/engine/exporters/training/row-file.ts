import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { messageOf } from '@shared/contract/errors';
import { jsonDumps } from '@shared/tools/prompt-text';
import { RowError } from '@shared/training/conversation';
import { readLines } from '../../lines';
import { type ColumnType, ParquetFile, readParquet } from './parquet';

/** Where rows are written one by one. */
export interface RowFile {
  add(row: Record<string, unknown>): Promise<void>;
  close(): Promise<void>;
}

/** JSON lines. */
export class LinesFile implements RowFile {
  private readonly stream: WriteStream;

  constructor(file: string) {
    this.stream = createWriteStream(file, { flush: true });
    // Told by the next write, or by closing.
    this.stream.on('error', () => {});
  }

  async add(row: Record<string, unknown>): Promise<void> {
    if (this.stream.errored) throw this.stream.errored;
    if (!this.stream.write(`${jsonDumps(row)}\n`)) await once(this.stream, 'drain');
  }

  async close(): Promise<void> {
    this.stream.end();
    await finished(this.stream);
  }
}

/** @param columns of a Parquet file; null: JSON lines */
export function openRowFile(file: string, columns: Readonly<Record<string, ColumnType>> | null): RowFile {
  return columns === null ? new LinesFile(file) : new ParquetFile(file, columns);
}

/** The rows of a file as its engine reads them; one that is no JSON is a RowError in its place. */
export async function* readRows(path: string): AsyncGenerator<unknown, void> {
  if (path.endsWith('.parquet')) {
    yield* readParquet(path);
    return;
  }
  for await (const { text, complete } of readLines(path)) yield lineValue(text, complete);
}

function lineValue(text: string, complete: boolean): unknown {
  if (!complete) return new RowError('the line is cut off');
  try {
    return JSON.parse(text);
  } catch (error) {
    return new RowError(`the line is no JSON: ${messageOf(error)}`);
  }
}
