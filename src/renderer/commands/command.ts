import type { Page } from '../lib/page-names';
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
  /** Also without a project, and on every page. */
  always?: boolean;
  /** Where it works: on the workbench unless it says otherwise; null: on every page. */
  page?: Page | null;
  /** Also while a text is typed. */
  inFields?: boolean;
  /** Id of the element that has to have the focus for the key to mean this. */
  focus?: string;
  /** False: the key does nothing and goes on to the browser; the palette shows it greyed. */
  enabled?(workbench: Workbench): boolean;
  run(workbench: Workbench): void;
}

/** The page on which a command works; null: every page. */
export function pageOf(command: Command): Page | null {
  if (command.page !== undefined) return command.page;
  return command.always || command.group === 'go' ? null : 'label';
}

/** Whether a command can be run now, by key or from the palette. */
export function isAvailable(command: Command, workbench: Workbench): boolean {
  const page = pageOf(command);
  if (page !== null && page !== workbench.app.page) return false;
  if (!command.always && (!workbench.project.current || workbench.question)) return false;
  return command.enabled?.(workbench) !== false;
}
