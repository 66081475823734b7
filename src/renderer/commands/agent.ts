import { text } from '../lib/text';
import type { Command } from './command';

export const agentCommands: readonly Command[] = [
  {
    id: 'agent.query',
    group: 'agent',
    title: text.keys.query,
    keys: ['/'],
    run: () => document.getElementById('query')?.focus(),
  },
  {
    id: 'agent.run',
    group: 'agent',
    title: text.keys.run,
    keys: ['r'],
    run: (workbench) => void workbench.run(),
  },
  {
    id: 'agent.step',
    group: 'agent',
    title: text.keys.step,
    keys: ['ArrowRight'],
    repeats: true,
    run: (workbench) => void workbench.step(),
  },
  {
    id: 'agent.stop',
    group: 'agent',
    title: text.keys.stop,
    keys: ['s'],
    run: (workbench) => void workbench.stop(),
  },
  {
    id: 'agent.takePen',
    group: 'agent',
    title: text.keys.pen,
    keys: ['t'],
    run: (workbench) => void workbench.takePen(),
  },
  {
    id: 'agent.handBack',
    group: 'agent',
    title: text.keys.back,
    keys: ['h'],
    run: (workbench) => void workbench.handBack(),
  },
  {
    id: 'agent.moveCall',
    group: 'agent',
    title: text.keys.move,
    keys: ['x'],
    run: (workbench) => workbench.stage(),
  },
];
