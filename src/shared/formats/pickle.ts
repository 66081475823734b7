import {
  bytesText,
  escapedBytes,
  latin1,
  longestNumber,
  narrowed,
  parseFloatText,
  parseInteger,
  rawUnicode,
} from './pickle-text';

/**
 * A reader of Python pickles that builds plain data and nothing else: None, truth values, numbers, texts, bytes, lists,
 * tuples, sets and dicts, of protocols 0 to 5. A pickle is a program; this one has no way to name a class or to call
 * anything, so a file from anywhere can be opened. Memory is bounded by a multiple of the file's length: what a file
 * refers to twice is there once.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleKey, PickleValue>
  | Set<PickleKey>;

export type PickleKey = null | boolean | number | bigint | string;

/** Opcodes that name or call something outside of plain data. */
const refused: ReadonlyMap<number, string> = new Map([
  [0x63, 'GLOBAL'],
  [0x52, 'REDUCE'],
  [0x62, 'BUILD'],
  [0x69, 'INST'],
  [0x6f, 'OBJ'],
  [0x50, 'PERSID'],
  [0x51, 'BINPERSID'],
  [0x81, 'NEWOBJ'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x92, 'NEWOBJ_EX'],
  [0x93, 'STACK_GLOBAL'],
  [0x97, 'NEXT_BUFFER'],
  [0x98, 'READONLY_BUFFER'],
]);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads one pickle. Tuples become lists; integers that a number cannot hold become bigint; texts of Python 2 are read
 * as UTF-8, or as Latin-1 where they are not. Throws an Error that says what is wrong and where: for a file that is cut
 * off or no pickle, and by the opcode's name for one that holds more than plain data.
 */
export function parsePickle(bytes: Uint8Array): PickleValue {
  return new Unpickler(bytes).run();
}

class Unpickler {
  /** What each opcode of plain data does, by its name in Python's pickletools. */
  static readonly #steps: ReadonlyMap<number, (machine: Unpickler) => void> = new Map<
    number,
    (machine: Unpickler) => void
  >([
    // MARK, POP, POP_MARK, DUP
    [0x28, (m) => m.#mark()],
    [0x30, (m) => m.#drop()],
    [0x31, (m) => m.#items()],
    [0x32, (m) => m.#push(m.#top())],
    // PUT, BINPUT, LONG_BINPUT, MEMOIZE
    [0x70, (m) => m.#put(m.#decimal())],
    [0x71, (m) => m.#put(m.#u8())],
    [0x72, (m) => m.#put(m.#u32())],
    [0x94, (m) => m.#put(m.#memo.size)],
    // GET, BINGET, LONG_BINGET
    [0x67, (m) => m.#get(m.#decimal())],
    [0x68, (m) => m.#get(m.#u8())],
    [0x6a, (m) => m.#get(m.#u32())],
    // PROTO, FRAME
    [0x80, (m) => m.#protocol()],
    [0x95, (m) => m.#u64()],
    // NONE, NEWTRUE, NEWFALSE
    [0x4e, (m) => m.#push(null)],
    [0x88, (m) => m.#push(true)],
    [0x89, (m) => m.#push(false)],
    // INT, BININT, BININT1, BININT2, LONG, LONG1, LONG4
    [0x49, (m) => m.#push(m.#int())],
    [0x4a, (m) => m.#push(m.#u32() | 0)],
    [0x4b, (m) => m.#push(m.#u8())],
    [0x4d, (m) => m.#push(m.#u8() + 256 * m.#u8())],
    [0x4c, (m) => m.#push(parseInteger(m.#line().replace(/L$/, '')))],
    [0x8a, (m) => m.#push(m.#long(m.#u8()))],
    [0x8b, (m) => m.#push(m.#long(m.#u32()))],
    // FLOAT, BINFLOAT
    [0x46, (m) => m.#push(parseFloatText(m.#line()))],
    [0x47, (m) => m.#push(m.#f64())],
    // STRING, BINSTRING, SHORT_BINSTRING: texts of Python 2
    [0x53, (m) => m.#push(bytesText(escapedBytes(m.#line())))],
    [0x54, (m) => m.#push(bytesText(m.#take(m.#u32())))],
    [0x55, (m) => m.#push(bytesText(m.#take(m.#u8())))],
    // UNICODE, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
    [0x56, (m) => m.#push(rawUnicode(m.#line()))],
    [0x58, (m) => m.#push(m.#utf8(m.#u32()))],
    [0x8c, (m) => m.#push(m.#utf8(m.#u8()))],
    [0x8d, (m) => m.#push(m.#utf8(m.#u64()))],
    // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
    [0x42, (m) => m.#push(m.#take(m.#u32()).slice())],
    [0x43, (m) => m.#push(m.#take(m.#u8()).slice())],
    [0x8e, (m) => m.#push(m.#take(m.#u64()).slice())],
    [0x96, (m) => m.#push(m.#take(m.#u64()).slice())],
    // EMPTY_LIST, LIST, APPEND, APPENDS
    [0x5d, (m) => m.#push([])],
    [0x6c, (m) => m.#push(m.#items())],
    [0x61, (m) => m.#append(m.#last(1))],
    [0x65, (m) => m.#append(m.#items())],
    // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
    [0x29, (m) => m.#push([])],
    [0x74, (m) => m.#push(m.#items())],
    [0x85, (m) => m.#push(m.#last(1))],
    [0x86, (m) => m.#push(m.#last(2))],
    [0x87, (m) => m.#push(m.#last(3))],
    // EMPTY_DICT, DICT, SETITEM, SETITEMS
    [0x7d, (m) => m.#push(new Map())],
    [0x64, (m) => m.#push(assigned(new Map(), m.#items()))],
    [0x73, (m) => m.#assign(m.#last(2))],
    [0x75, (m) => m.#assign(m.#items())],
    // EMPTY_SET, ADDITEMS, FROZENSET
    [0x8f, (m) => m.#push(new Set())],
    [0x90, (m) => m.#add(m.#items())],
    [0x91, (m) => m.#push(new Set(m.#items().map(keyOf)))],
  ]);

  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #stack: PickleValue[] = [];
  readonly #outer: PickleValue[][] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickleValue {
    for (;;) {
      const start = this.#at;
      const code = this.#u8();
      if (code === 0x2e) return this.#pop();
      try {
        this.#step(code);
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : String(error)} (at byte ${start})`);
      }
    }
  }

  #step(code: number): void {
    const step = Unpickler.#steps.get(code);
    if (step !== undefined) {
      step(this);
      return;
    }
    const name = refused.get(code);
    if (name !== undefined) {
      throw new Error(`it uses ${name}: it holds more than plain data, which is not opened`);
    }
    throw new Error(`it is no pickle: there is no opcode 0x${code.toString(16).padStart(2, '0')}`);
  }

  #mark(): void {
    this.#outer.push(this.#stack);
    this.#stack = [];
  }

  #drop(): void {
    if (this.#stack.length > 0) this.#stack.pop();
    else this.#items();
  }

  #protocol(): void {
    if (this.#u8() > 5) throw new Error('it is of a protocol after 5');
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw new Error('it is no pickle: it ends without a value');
    return value;
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw new Error('it is no pickle: a value is missing');
    return value;
  }

  /** Takes the last values off the stack. */
  #last(count: number): PickleValue[] {
    if (this.#stack.length < count) throw new Error('it is no pickle: a value is missing');
    return this.#stack.splice(this.#stack.length - count);
  }

  /** Takes the values since the last mark off the stack. */
  #items(): PickleValue[] {
    const items = this.#stack;
    const outer = this.#outer.pop();
    if (outer === undefined) throw new Error('it is no pickle: a mark is missing');
    this.#stack = outer;
    return items;
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw new Error('it appends to what is no list');
    for (const item of items) list.push(item);
  }

  #assign(items: readonly PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) throw new Error('it sets an entry of what is no dict');
    assigned(dict, items);
  }

  #add(items: readonly PickleValue[]): void {
    const set = this.#top();
    if (!(set instanceof Set)) throw new Error('it adds to what is no set');
    for (const item of items) set.add(keyOf(item));
  }

  #put(index: number): void {
    this.#memo.set(index, this.#top());
  }

  #get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new Error(`it refers to value ${index}, which is not there`);
    this.#push(value);
  }

  /** Steps over so many bytes, which have to be there. */
  #need(count: number): void {
    if (count > this.#bytes.length - this.#at) throw new Error('it is cut off');
    this.#at += count;
  }

  #take(count: number): Uint8Array {
    this.#need(count);
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  #u8(): number {
    this.#need(1);
    return this.#view.getUint8(this.#at - 1);
  }

  #u32(): number {
    this.#need(4);
    return this.#view.getUint32(this.#at - 4, true);
  }

  #f64(): number {
    this.#need(8);
    return this.#view.getFloat64(this.#at - 8, false);
  }

  /** A length; one that no file has is cut off when it is used. */
  #u64(): number {
    this.#need(8);
    return Number(this.#view.getBigUint64(this.#at - 8, true));
  }

  #utf8(length: number): string {
    try {
      return utf8.decode(this.#take(length));
    } catch (error) {
      if (error instanceof TypeError) throw new Error('a text is not UTF-8');
      throw error;
    }
  }

  /** Text up to a line feed, one character a byte. */
  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new Error('it is cut off');
    const line = this.#take(end - this.#at);
    this.#at += 1;
    return latin1(line);
  }

  #decimal(): number {
    const line = this.#line();
    if (!/^\d{1,15}$/.test(line)) throw new Error(`"${line.slice(0, 20)}" is no number`);
    return Number(line);
  }

  /** `00` and `01` are truth values. */
  #int(): PickleValue {
    const line = this.#line();
    return line === '00' ? false : line === '01' ? true : parseInteger(line);
  }

  /** Two's complement, little endian. */
  #long(length: number): number | bigint {
    const bytes = this.#take(length);
    if (length > longestNumber) throw new Error(`a number has ${length} bytes`);
    let value = 0n;
    for (let i = length - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[i] ?? 0);
    return narrowed(BigInt.asIntN(8 * length, value));
  }
}

/** Sets entries from keys and values in turn. */
function assigned(
  dict: Map<PickleKey, PickleValue>,
  items: readonly PickleValue[],
): Map<PickleKey, PickleValue> {
  for (let i = 0; i < items.length; i += 2) {
    const value = items[i + 1];
    if (value === undefined) throw new Error('a key has no value');
    dict.set(keyOf(items[i] ?? null), value);
  }
  return dict;
}

/** Python compares these by value, as Map and Set do; tuples and bytes would be told apart here. */
function keyOf(value: PickleValue): PickleKey {
  if (value !== null && typeof value === 'object') {
    throw new Error('a key of a dict or an item of a set is neither text nor number');
  }
  return value;
}
