import { plural } from '../plural';

export const exporting = {
  cocoDone: (annotations: number, images: number) =>
    `Exported ${plural(annotations, 'annotation', 'annotations')} of ${plural(images, 'image', 'images')}.`,
  trajectoriesDone: (trajectories: number) =>
    `Exported ${plural(trajectories, 'trajectory', 'trajectories')}.`,
  warnings: (count: number) => `The export has ${plural(count, 'warning', 'warnings')}.`,
};
