/**
 * `metadata_props` of an ONNX file, which onnxruntime's JavaScript interface does not give. Reads the top level
 * of the protobuf message only: the graph and its weights are skipped without being read.
 * Source: onnx.proto, message ModelProto, field 14: repeated StringStringEntryProto { key = 1, value = 2 }.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const metadataField = 14;
/** An entry larger than this is no label of ours. */
const maxEntryBytes = 1 << 20;

/** Keys and values; empty where the file is no readable protobuf (onnxruntime says what is wrong with it). */
export function readOnnxMetadata(file: string): Record<string, string> {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const read = (position: number, length: number): Buffer => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - position)));
      return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, position));
    };
    const entries: Record<string, string> = {};
    let position = 0;
    while (position < size) {
      // A tag and a length take at most ten bytes each.
      const reader = new ProtobufReader(read(position, 20));
      const tag = reader.varint();
      const wire = tag & 7;
      let next: number;
      if (wire === 0) {
        reader.varint();
        next = position + reader.position;
      } else if (wire === 2) {
        const length = reader.varint();
        const start = position + reader.position;
        next = start + length;
        if (tag >>> 3 === metadataField && length <= maxEntryBytes) addEntry(read(start, length), entries);
      } else if (wire === 1 || wire === 5) {
        next = position + reader.position + (wire === 1 ? 8 : 4);
      } else return entries;
      if (!(next > position)) return entries;
      position = next;
    }
    return entries;
  } catch {
    return {};
  } finally {
    closeSync(handle);
  }
}

function addEntry(bytes: Buffer, entries: Record<string, string>): void {
  const reader = new ProtobufReader(bytes);
  let key = '';
  let value = '';
  while (reader.position < bytes.length) {
    const tag = reader.varint();
    if ((tag & 7) !== 2) return;
    const text = reader.bytes(reader.varint()).toString('utf8');
    if (tag >>> 3 === 1) key = text;
    else if (tag >>> 3 === 2) value = text;
  }
  if (key !== '' && key !== '__proto__') entries[key] = value;
}

class ProtobufReader {
  position = 0;
  constructor(private readonly data: Buffer) {}

  /** An unsigned varint; values above 2^53 lose precision, which no length of a real file reaches. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.data[this.position++];
      if (byte === undefined) throw new RangeError('The varint is cut off.');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('The varint is too long.');
  }

  bytes(length: number): Buffer {
    const start = this.position;
    this.position += length;
    return this.data.subarray(start, this.position);
  }
}
