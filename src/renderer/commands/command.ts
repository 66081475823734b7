import type { Workbench } from '../state/workbench.svelte';

/** In the order of the cheat sheet. */
export const commandGroups = ['decide', 'agent', 'draw', 'objects', 'view', 'go'] as const;
export type CommandGroup = (typeof commandGroups)[number];

/**
 * Something that a person can do with a key or from the palette. A key is written like `Mod+Shift+z`: modifiers in
 * the order Mod (Ctrl, on a Mac Cmd), Alt, Shift, then `KeyboardEvent.key`, letters in lower case. Signs that need
 * Shift on some keyboards (`?`, `+`) are written without it.
 */
export interface Command {
  /** Stays the same for ever: changed keys are kept by it. */
  id: string;
  group: CommandGroup;
  title: string;
  /** As delivered; a person may change them. */
  keys: readonly string[];
  /** Also while a key is held down. */
  repeats?: boolean;
  /** Also without a project. */
  always?: boolean;
  /** False: the key does nothing and goes on to the browser; the palette shows it greyed. */
  enabled?(workbench: Workbench): boolean;
  run(workbench: Workbench): void;
}
