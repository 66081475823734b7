import type { SceneObject } from './scene';

/**
 * What a thing is called, without an article: the fewest of kind, colour and size that tell it from all others, such as
 * "cup", "red cup", "small red cup". Null where even all three do not.
 */
export function uniqueName(object: SceneObject, all: readonly SceneObject[]): string | null {
  const { kind, colour, size } = object;
  const sameKind = all.filter((other) => other.kind === kind);
  if (sameKind.length === 1) return kind;
  const sameColour = sameKind.filter((other) => other.colour === colour);
  if (sameColour.length === 1) return `${colour} ${kind}`;
  const sameSize = sameColour.filter((other) => other.size === size);
  return sameSize.length === 1 ? fullName(object) : null;
}

/** Size, colour and kind, whether other things are called the same or not. */
export function fullName({ kind, colour, size }: SceneObject): string {
  return `${size} ${colour} ${kind}`;
}
