import { z } from 'zod';
import { type Command, pageOf } from '../commands/command';

/** Keys that a person changed, by the command's id. No entry: as delivered; an empty one: none. */
export type Bindings = Readonly<Record<string, readonly string[]>>;

/** They work the window itself, so that nobody can lock themselves out. */
export const reservedKeys: readonly string[] = ['Escape', 'Tab', 'Shift+Tab'];

export function keysOf(command: Command, bindings: Bindings): readonly string[] {
  return bindings[command.id] ?? command.keys;
}

/** Whether one key could mean both: they work at the same place, and the focus does not tell them apart. */
function meet(one: Command, other: Command): boolean {
  const [page, otherPage] = [pageOf(one), pageOf(other)];
  return (page === otherPage || page === null || otherPage === null) && one.focus === other.focus;
}

/** The other commands that have a key where this command would use it. */
export function ownersOf(
  key: string,
  command: Command,
  commands: readonly Command[],
  bindings: Bindings,
): Command[] {
  return commands.filter(
    (other) => other.id !== command.id && meet(command, other) && keysOf(other, bindings).includes(key),
  );
}

/** One of a command's keys replaced by another, or added (`before` null). */
export function withKey(bindings: Bindings, command: Command, before: string | null, key: string): Bindings {
  const keys = keysOf(command, bindings);
  const next = before === null ? [...keys, key] : keys.map((each) => (each === before ? key : each));
  return withKeys(bindings, command, [...new Set(next)]);
}

export function withoutKey(bindings: Bindings, command: Command, key: string): Bindings {
  const keys = keysOf(command, bindings).filter((each) => each !== key);
  return withKeys(bindings, command, keys);
}

/** As delivered leaves no entry. */
function withKeys(bindings: Bindings, command: Command, keys: readonly string[]): Bindings {
  const { [command.id]: _, ...others } = bindings;
  const isDelivered =
    keys.length === command.keys.length && keys.every((key, index) => key === command.keys[index]);
  return isDelivered ? others : { ...others, [command.id]: keys };
}

const keySchema = z.string().min(1).max(40);
const bindingsSchema = z.record(z.string().max(100), z.array(keySchema).max(8));
const fileSchema = z.object({
  format: z.literal('maskwright-keys'),
  version: z.literal(1),
  keys: bindingsSchema,
});

/** Bindings as stored by this window; none when the record is missing or damaged. */
export function parseBindings(stored: string | null): Bindings {
  try {
    return bindingsSchema.parse(JSON.parse(stored ?? '{}'));
  } catch {
    return {};
  }
}

/** Every command's keys, so that the file says all even after the delivered ones change. */
export function keysFile(commands: readonly Command[], bindings: Bindings): string {
  const keys = Object.fromEntries(commands.map((command) => [command.id, keysOf(command, bindings)]));
  return `${JSON.stringify({ format: 'maskwright-keys', version: 1, keys }, null, 2)}\n`;
}

/**
 * What a file of {@link keysFile} changes; null when the text is no such file. Commands that this version does not
 * have are counted and left out, as are keys that are reserved.
 */
export function readKeysFile(
  written: string,
  commands: readonly Command[],
): { bindings: Bindings; unknown: number } | null {
  let file: z.output<typeof fileSchema>;
  try {
    file = fileSchema.parse(JSON.parse(written));
  } catch {
    return null;
  }
  let bindings: Bindings = {};
  let unknown = 0;
  for (const [id, keys] of Object.entries(file.keys)) {
    const command = commands.find((each) => each.id === id);
    if (!command) unknown++;
    else {
      const allowed = keys.filter((key) => command.keys.includes(key) || !reservedKeys.includes(key));
      bindings = withKeys(bindings, command, allowed);
    }
  }
  return { bindings, unknown };
}
