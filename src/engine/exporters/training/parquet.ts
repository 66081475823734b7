import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';

/** The type of a Parquet column; every value is there. */
export type ColumnType =
  | 'string'
  | 'int32'
  | 'boolean'
  | { list: ColumnType }
  | { struct: Readonly<Record<string, ColumnType>> };

const leaves: Record<'string' | 'int32' | 'boolean', Partial<SchemaElement>> = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  int32: { type: 'INT32' },
  boolean: { type: 'BOOLEAN' },
};

/** Rows that are held until they are written as a group. */
const groupRows = 200;

/** Writes a Parquet file row by row, with few of them in memory. */
export class ParquetFile {
  private readonly writer: ParquetWriter;
  private readonly names: string[];
  private held: Record<string, unknown>[] = [];

  constructor(file: string, columns: Readonly<Record<string, ColumnType>>) {
    this.names = Object.keys(columns);
    const schema = Object.entries(columns).flatMap(([name, type]) => elementsOf(name, type));
    this.writer = new ParquetWriter({
      writer: fileWriter(file),
      schema: [{ name: 'schema', num_children: this.names.length }, ...schema],
      // A text longer than the bound would be cut for statistics that nobody reads.
      statistics: false,
    });
  }

  async add(row: Record<string, unknown>): Promise<void> {
    this.held.push(row);
    if (this.held.length >= groupRows) await this.flush();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.writer.finish();
  }

  private async flush(): Promise<void> {
    if (this.held.length === 0) return;
    const rows = this.held;
    this.held = [];
    await this.writer.write({
      columnData: this.names.map((name) => ({ name, data: rows.map((row) => row[name]) })),
      rowGroupSize: groupRows,
    });
  }
}

function elementsOf(name: string, type: ColumnType): SchemaElement[] {
  if (typeof type === 'string') return [{ name, repetition_type: 'REQUIRED', ...leaves[type] }];
  if ('list' in type) {
    return [
      { name, repetition_type: 'REQUIRED', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...elementsOf('element', type.list),
    ];
  }
  const members = Object.entries(type.struct);
  return [
    { name, repetition_type: 'REQUIRED', num_children: members.length },
    ...members.flatMap(([member, inner]) => elementsOf(member, inner)),
  ];
}

/** The rows of a Parquet file, a group of them in memory at a time. Throws what hyparquet throws for a damaged file. */
export async function* readParquet(path: string): AsyncGenerator<unknown, void> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const total = Number(metadata.num_rows);
  for (let rowStart = 0; rowStart < total; rowStart += groupRows) {
    yield* await parquetReadObjects({
      file,
      metadata,
      rowStart,
      rowEnd: Math.min(total, rowStart + groupRows),
    });
  }
}
