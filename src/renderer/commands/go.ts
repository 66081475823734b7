import { type Page, pageNames } from '../lib/page-names';
import { focusRegion } from '../lib/regions';
import { text } from '../lib/text';
import type { Command } from './command';

const keys: Partial<Record<Page, string>> = { settings: 'Mod+,' };

export const goCommands: readonly Command[] = [
  ...pageNames.map(
    (page): Command => ({
      id: `go.${page}`,
      group: 'go',
      title: text.pages.titles[page],
      keys: keys[page] ? [keys[page]] : [],
      always: page === 'settings',
      run: ({ app }) => {
        app.page = page;
      },
    }),
  ),
  {
    id: 'go.palette',
    group: 'go',
    title: text.keys.palette,
    keys: ['Mod+k'],
    always: true,
    inFields: true,
    run: ({ app }) => app.togglePanel('palette'),
  },
  {
    id: 'go.help',
    group: 'go',
    title: text.keys.helpTopics,
    keys: ['F1'],
    always: true,
    inFields: true,
    run: ({ app }) => app.togglePanel('help'),
  },
  {
    id: 'go.keys',
    group: 'go',
    title: text.keys.help,
    keys: ['?'],
    always: true,
    run: ({ app }) => app.togglePanel('keys'),
  },
  {
    id: 'go.tour',
    group: 'go',
    title: text.keys.tour,
    keys: [],
    always: true,
    run: (workbench) => workbench.app.tour.start(workbench),
  },
  {
    id: 'go.nextRegion',
    group: 'go',
    title: text.keys.nextRegion,
    keys: ['F6'],
    always: true,
    inFields: true,
    run: () => focusRegion(1),
  },
  {
    id: 'go.previousRegion',
    group: 'go',
    title: text.keys.previousRegion,
    keys: ['Shift+F6'],
    always: true,
    inFields: true,
    run: () => focusRegion(-1),
  },
];
