import { text } from '../lib/text';
import type { Command } from './command';

export const drawCommands: readonly Command[] = [
  {
    id: 'draw.select',
    group: 'draw',
    title: text.keys.select,
    keys: ['v'],
    run: (workbench) => workbench.setTool('select'),
  },
  {
    id: 'draw.box',
    group: 'draw',
    title: text.keys.box,
    keys: ['b'],
    run: (workbench) => workbench.setTool('box'),
  },
  {
    id: 'draw.positive',
    group: 'draw',
    title: text.keys.point,
    keys: ['p'],
    run: (workbench) => workbench.setTool('positive'),
  },
  {
    id: 'draw.negative',
    group: 'draw',
    title: text.tools.negative,
    keys: ['Alt+p'],
    run: (workbench) => workbench.setTool('negative'),
  },
  {
    id: 'draw.polygon',
    group: 'draw',
    title: text.keys.polygon,
    keys: ['g'],
    run: (workbench) => workbench.setTool('polygon'),
  },
  {
    id: 'draw.delete',
    group: 'draw',
    title: text.keys.delete,
    keys: ['Delete'],
    run: (workbench) => void workbench.deleteSelected(),
  },
  {
    id: 'draw.nextMask',
    group: 'draw',
    title: text.keys.cycle,
    keys: ['Tab'],
    repeats: true,
    focus: 'stage',
    enabled: ({ images }) => images.annotations.length > 0,
    run: (workbench) => workbench.cycleSelection(1),
  },
  {
    id: 'draw.previousMask',
    group: 'draw',
    title: text.keys.cycleBack,
    keys: ['Shift+Tab'],
    repeats: true,
    focus: 'stage',
    enabled: ({ images }) => images.annotations.length > 0,
    run: (workbench) => workbench.cycleSelection(-1),
  },
];
