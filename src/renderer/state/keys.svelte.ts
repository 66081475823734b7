import { commands } from '../commands';
import type { Command } from '../commands/command';
import {
  type Bindings,
  keysFile,
  keysOf,
  ownersOf,
  parseBindings,
  readKeysFile,
  withKey,
  withoutKey,
} from '../lib/key-bindings';
import { writtenKey } from '../lib/key-names';
import { recall, remember } from '../lib/storage';

/** The keys of the commands as they are now, for the whole window. */
class Keys {
  bindings = $state.raw<Bindings>(parseBindings(recall('keys')));

  readonly changed = $derived(Object.keys(this.bindings).length > 0);

  of(command: Command): readonly string[] {
    return keysOf(command, this.bindings);
  }

  /** A command's first key by the command's id; null when it has none. */
  first(id: string): string | null {
    const command = commands.find((each) => each.id === id);
    return (command && this.of(command)[0]) ?? null;
  }

  /** "Box (B)": a title with the command's present key, for tooltips. */
  hint(title: string, id: string): string {
    const key = this.first(id);
    return key === null ? title : `${title} (${writtenKey(key)})`;
  }

  owners(key: string, command: Command): Command[] {
    return ownersOf(key, command, commands, this.bindings);
  }

  /** Puts a key in the place of another of the command's, or adds it (`before` null), whoever else has it. */
  assign(command: Command, before: string | null, key: string): void {
    this.#keep(withKey(this.bindings, command, before, key));
  }

  /** As `assign`, taking the key from the others; they get the old one when there is one and `swap` is wanted. */
  takeOver(command: Command, before: string | null, key: string, swap: boolean): void {
    let next = this.bindings;
    for (const other of this.owners(key, command)) {
      next = swap && before !== null ? withKey(next, other, key, before) : withoutKey(next, other, key);
    }
    this.#keep(withKey(next, command, before, key));
  }

  remove(command: Command, key: string): void {
    this.#keep(withoutKey(this.bindings, command, key));
  }

  reset(command: Command): void {
    const { [command.id]: _, ...others } = this.bindings;
    this.#keep(others);
  }

  resetAll(): void {
    this.#keep({});
  }

  toFile(): string {
    return keysFile(commands, this.bindings);
  }

  /** How many unknown commands a file had; null when it is no file of keys, and nothing is changed. */
  fromFile(written: string): number | null {
    const read = readKeysFile(written, commands);
    if (!read) return null;
    this.#keep(read.bindings);
    return read.unknown;
  }

  #keep(bindings: Bindings): void {
    this.bindings = bindings;
    remember('keys', JSON.stringify(bindings));
  }
}

export const keys = new Keys();
