import { text } from '../lib/text';
import type { Workbench } from '../state/workbench.svelte';
import type { Command } from './command';

const anyChosen = ({ objects }: Workbench): boolean => objects.chosen.size > 0;

export const objectCommands: readonly Command[] = [
  {
    id: 'objects.up',
    group: 'objects',
    title: text.objects.up,
    keys: ['Mod+]'],
    repeats: true,
    enabled: anyChosen,
    run: ({ objects }) => void objects.move([...objects.chosen], 1),
  },
  {
    id: 'objects.down',
    group: 'objects',
    title: text.objects.down,
    keys: ['Mod+['],
    repeats: true,
    enabled: anyChosen,
    run: ({ objects }) => void objects.move([...objects.chosen], -1),
  },
  {
    id: 'objects.top',
    group: 'objects',
    title: text.objects.top,
    keys: [],
    enabled: anyChosen,
    run: ({ objects }) => void objects.move([...objects.chosen], 1, true),
  },
  {
    id: 'objects.bottom',
    group: 'objects',
    title: text.objects.bottom,
    keys: [],
    enabled: anyChosen,
    run: ({ objects }) => void objects.move([...objects.chosen], -1, true),
  },
  {
    id: 'objects.hide',
    group: 'objects',
    title: text.objects.toggleHidden,
    keys: ['Alt+h'],
    enabled: anyChosen,
    run: ({ objects }) => void objects.toggleHidden([...objects.chosen]),
  },
  {
    id: 'objects.showAll',
    group: 'objects',
    title: text.objects.showAll,
    keys: ['Alt+Shift+h'],
    enabled: ({ objects }) => objects.anyHidden,
    run: ({ objects }) => void objects.showAll(),
  },
  {
    id: 'objects.lock',
    group: 'objects',
    title: text.objects.toggleLocked,
    keys: ['Alt+l'],
    enabled: anyChosen,
    run: ({ objects }) => void objects.toggleLocked([...objects.chosen]),
  },
  {
    id: 'objects.class',
    group: 'objects',
    title: text.objects.change,
    keys: ['Shift+c'],
    enabled: anyChosen,
    run: ({ objects }) => void objects.askCategory([...objects.chosen]),
  },
  {
    id: 'objects.all',
    group: 'objects',
    title: text.objects.all,
    keys: ['Mod+a'],
    enabled: ({ objects }) => objects.list.length > 0,
    run: ({ objects }) => objects.chooseAll(),
  },
  {
    id: 'objects.flag',
    group: 'objects',
    title: text.images.flag,
    keys: ['Shift+f'],
    enabled: ({ images }) => images.selected !== null,
    run: ({ images }) => void images.update({ flagged: !images.selected?.flagged }),
  },
];
