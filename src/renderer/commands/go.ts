import { text } from '../lib/text';
import { type Page, pageNames } from '../state/app.svelte';
import type { Command } from './command';

const keys: Partial<Record<Page, string>> = { settings: 'Mod+,' };

export const goCommands: readonly Command[] = pageNames.map((page) => ({
  id: `go.${page}`,
  group: 'go',
  title: text.pages.titles[page],
  keys: keys[page] ? [keys[page]] : [],
  always: page === 'settings',
  run: ({ app }) => {
    app.page = page;
  },
}));
