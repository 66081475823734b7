import { text } from '../lib/text';
import { preferences } from '../state/preferences.svelte';
import type { Command } from './command';

export const liveCommands: readonly Command[] = [
  {
    id: 'live.nextCandidate',
    group: 'draw',
    title: text.live.next,
    keys: ['w'],
    enabled: ({ live, episode }) => live.canChoose || episode.open !== null,
    run: ({ live }) => void live.cycle(1),
  },
  {
    id: 'live.previousCandidate',
    group: 'draw',
    title: text.live.previous,
    keys: ['Shift+w'],
    enabled: ({ live, episode }) => live.canChoose || episode.open !== null,
    run: ({ live }) => void live.cycle(-1),
  },
  {
    id: 'live.hover',
    group: 'draw',
    title: text.live.hover,
    keys: ['Shift+p'],
    run: ({ live }) => {
      preferences.set('hoverPreview', !preferences.values.hoverPreview);
      if (!preferences.values.hoverPreview) live.probe(null);
    },
  },
];
