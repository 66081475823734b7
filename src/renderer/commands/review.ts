import { text } from '../lib/text';
import type { Command } from './command';

/** Decisions about the result of the review queue that is on the canvas; Space skips it. */
export const reviewCommands: readonly Command[] = [
  {
    id: 'review.show',
    group: 'decide',
    title: text.review.keys.show,
    keys: ['q'],
    run: ({ queue }) => {
      if (queue.shown) queue.hide();
      else void queue.show();
    },
  },
  {
    id: 'review.accept',
    group: 'decide',
    title: text.review.keys.accept,
    keys: ['a'],
    enabled: ({ queue }) => queue.canDecide,
    run: ({ queue }) => void queue.accept(),
  },
  {
    id: 'review.reject',
    group: 'decide',
    title: text.review.keys.reject,
    keys: ['n', 'Shift+Backspace'],
    enabled: ({ queue }) => queue.canDecide,
    run: ({ queue }) => void queue.reject(),
  },
  {
    id: 'review.fix',
    group: 'decide',
    title: text.review.keys.fix,
    keys: ['f'],
    enabled: ({ queue }) => queue.canDecide,
    run: ({ queue }) => void queue.fix(),
  },
  {
    id: 'review.back',
    group: 'decide',
    title: text.review.keys.back,
    keys: ['Shift+k'],
    enabled: ({ queue }) => queue.shown,
    run: ({ queue }) => void queue.back(),
  },
  {
    id: 'review.many',
    group: 'decide',
    title: text.review.keys.many,
    keys: ['Shift+a'],
    enabled: ({ queue }) => queue.shown && queue.total > 0,
    run: ({ queue }) => {
      queue.accepting = !queue.accepting;
    },
  },
];
