import { text } from '../lib/text';
import type { Command } from './command';

export const viewCommands: readonly Command[] = [
  {
    id: 'view.fit',
    group: 'view',
    title: text.keys.fit,
    keys: ['0'],
    run: ({ canvas }) => canvas.stage?.fit(),
  },
  {
    id: 'view.actual',
    group: 'view',
    title: text.keys.actual,
    keys: ['Shift+0'],
    run: ({ canvas }) => canvas.stage?.zoomTo(1),
  },
  {
    id: 'view.zoomIn',
    group: 'view',
    title: text.zoom.in,
    keys: ['+', '='],
    repeats: true,
    run: ({ canvas }) => canvas.stage?.zoomBy(1.25),
  },
  {
    id: 'view.zoomOut',
    group: 'view',
    title: text.zoom.out,
    keys: ['-'],
    repeats: true,
    run: ({ canvas }) => canvas.stage?.zoomBy(1 / 1.25),
  },
  {
    id: 'view.masks',
    group: 'view',
    title: text.keys.masks,
    keys: ['m'],
    run: ({ canvas }) => {
      canvas.masksVisible = !canvas.masksVisible;
    },
  },
  {
    id: 'view.previousImage',
    group: 'view',
    title: text.keys.previousImage,
    keys: ['ArrowUp'],
    repeats: true,
    run: ({ images }) => void images.selectOffset(-1),
  },
  {
    id: 'view.nextImage',
    group: 'view',
    title: text.keys.nextImage,
    keys: ['ArrowDown'],
    repeats: true,
    run: ({ images }) => void images.selectOffset(1),
  },
];
