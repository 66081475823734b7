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
  {
    id: 'agent.previousTurn',
    group: 'agent',
    title: text.timeline.previous,
    keys: ['Shift+ArrowLeft'],
    repeats: true,
    enabled: ({ episode }) => episode.line.length > 0,
    run: ({ episode }) => episode.lookAt(episode.position - 1),
  },
  {
    id: 'agent.nextTurn',
    group: 'agent',
    title: text.timeline.next,
    keys: ['Shift+ArrowRight'],
    repeats: true,
    enabled: ({ episode }) => episode.line.length > 0,
    run: ({ episode }) => episode.lookAt(episode.position + 1),
  },
  {
    id: 'agent.play',
    group: 'agent',
    title: text.timeline.play,
    keys: [],
    enabled: ({ episode }) => episode.line.length > 0,
    run: ({ episode }) => {
      if (episode.position >= episode.line.length) episode.lookAt(0);
      episode.review.playing = !episode.review.playing;
    },
  },
  {
    id: 'agent.editNumbers',
    group: 'agent',
    title: text.timeline.editNumbers,
    keys: [],
    enabled: ({ episode }) => !!episode.open && episode.shownNode !== null,
    run: (workbench) => {
      const { shownNode } = workbench.episode;
      if (shownNode) workbench.editNumbers(shownNode.id);
    },
  },
  ...(['before', 'after'] as const).map(
    (place): Command => ({
      id: `agent.insert.${place}`,
      group: 'agent',
      title: place === 'before' ? text.timeline.insertBefore : text.timeline.insertAfter,
      keys: [],
      enabled: ({ episode }) => !!episode.open && episode.shownNode !== null,
      run: (workbench) => {
        const { shownNode } = workbench.episode;
        if (shownNode) workbench.beginInsert(shownNode.id, place);
      },
    }),
  ),
  {
    id: 'agent.removeTurn',
    group: 'agent',
    title: text.timeline.remove,
    keys: [],
    enabled: ({ episode }) => !!episode.open && episode.shownNode !== null,
    run: (workbench) => void workbench.removeTurn(),
  },
  {
    id: 'agent.compare',
    group: 'agent',
    title: text.timeline.compare,
    keys: [],
    enabled: ({ episode }) => episode.shownNode !== null,
    run: ({ episode: { review, shownNode } }) => {
      review.compared = review.compared || !shownNode ? null : { a: shownNode.parent, b: shownNode.id };
    },
  },
  {
    id: 'agent.explain',
    group: 'agent',
    title: text.timeline.explain,
    keys: ['i'],
    enabled: ({ episode }) => episode.pending !== null || episode.shownNode !== null,
    run: ({ episode: { review, pending, shownNode } }) => {
      review.explained = review.explained ? null : { node: pending ? null : (shownNode?.id ?? null) };
    },
  },
];
