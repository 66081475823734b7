import { text } from '../lib/text';
import { operationKinds } from '../state/editing.svelte';
import type { Command } from './command';

/** Brush, eraser and what is done to the selected mask. */
export const editingCommands: readonly Command[] = [
  {
    id: 'edit.brush',
    group: 'draw',
    title: text.tools.brush,
    keys: ['e'],
    run: (workbench) => workbench.setTool('brush'),
  },
  {
    id: 'edit.eraser',
    group: 'draw',
    title: text.tools.eraser,
    keys: ['Shift+e'],
    run: (workbench) => workbench.setTool('eraser'),
  },
  {
    id: 'edit.smaller',
    group: 'draw',
    title: text.editing.smaller,
    keys: ['['],
    repeats: true,
    run: ({ editing }) => editing.stepBrush(-1),
  },
  {
    id: 'edit.larger',
    group: 'draw',
    title: text.editing.larger,
    keys: [']'],
    repeats: true,
    run: ({ editing }) => editing.stepBrush(1),
  },
  ...operationKinds.map(
    (kind): Command => ({
      id: `edit.${kind}`,
      group: 'draw',
      title: text.editing.operations[kind],
      keys: [],
      enabled: ({ editing }) => editing.selected !== null,
      run: ({ editing }) => editing.start(kind),
    }),
  ),
  {
    id: 'edit.cut',
    group: 'draw',
    title: text.editing.operations.cut,
    keys: ['k'],
    enabled: ({ editing }) => editing.selected !== null,
    run: (workbench) => workbench.setTool('cut'),
  },
  {
    id: 'edit.copy',
    group: 'draw',
    title: text.editing.operations.copy,
    keys: ['Mod+d'],
    enabled: ({ images }) => images.annotations.length > 0,
    run: ({ editing }) => void editing.copyToNext(),
  },
];
