import { createInterface } from 'node:readline';
import { openProject } from '../../src/engine/project/open';
import { rectangle, sampleTrajectory } from './project-data';

/**
 * A process that accepts episodes, for the durability test: `node accept-child.cjs PROJECT`. For every line with a
 * trajectory's id on its input it accepts one and answers `accepted ID ANNOTATION` once the store has returned.
 */
const store = openProject(process.argv[2] ?? '');
const image = store.listImages({ offset: 0, limit: 1, state: null, search: '' }).items[0];
const { id: categoryId } = store.createCategory('box');
process.stdout.write('ready\n');
createInterface({ input: process.stdin }).on('line', (id) => {
  if (image === undefined) throw new Error('The project has no image');
  const mask = rectangle(image, { x: 2, y: 2, width: 5, height: 5 });
  const { annotations } = store.acceptEpisode({
    imageId: image.id,
    trajectory: sampleTrajectory(id, mask),
    categoryId,
    masks: [mask],
    score: 0.8,
    author: 'agent',
    query: 'box',
  });
  process.stdout.write(`accepted ${id} ${annotations[0]?.id}\n`);
});
