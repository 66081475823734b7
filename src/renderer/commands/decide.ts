import type { Page } from '../lib/page-names';
import { text } from '../lib/text';
import type { Command } from './command';

/** Undo and redo only where it can be seen what they do. */
const showsChanges = (page: Page): boolean => page === 'label' || page === 'classes';

const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9];

export const decideCommands: readonly Command[] = [
  {
    id: 'decide.accept',
    group: 'decide',
    title: text.keys.accept,
    keys: ['Enter'],
    run: (workbench) => void workbench.accept(),
  },
  {
    id: 'decide.reject',
    group: 'decide',
    title: text.keys.reject,
    keys: ['Backspace'],
    run: (workbench) => void workbench.reject(),
  },
  {
    id: 'decide.next',
    group: 'decide',
    title: text.keys.next,
    keys: ['Space'],
    run: (workbench) => void workbench.next(),
  },
  ...digits.map(
    (digit): Command => ({
      id: `decide.category${digit}`,
      group: 'decide',
      title: text.keys.digit(digit),
      keys: [String(digit)],
      run: (workbench) => void workbench.digit(digit),
    }),
  ),
  {
    id: 'decide.category',
    group: 'decide',
    title: text.keys.category,
    keys: ['c'],
    run: (workbench) => void workbench.chooseCategory(),
  },
  {
    id: 'decide.done',
    group: 'decide',
    title: text.keys.done,
    keys: ['d'],
    run: (workbench) => void workbench.toggleDone(),
  },
  {
    id: 'decide.undo',
    group: 'decide',
    title: text.keys.undo,
    keys: ['Mod+z'],
    repeats: true,
    always: true,
    enabled: ({ app }) => showsChanges(app.page),
    run: (workbench) => void workbench.undo(),
  },
  {
    id: 'decide.redo',
    group: 'decide',
    title: text.keys.redo,
    keys: ['Mod+Shift+z', 'Mod+y'],
    repeats: true,
    always: true,
    enabled: ({ app }) => showsChanges(app.page),
    run: (workbench) => void workbench.redo(),
  },
];
