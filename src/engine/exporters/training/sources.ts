import { MaskwrightError } from '@shared/contract/errors';
import type { Trajectory, TrajectoryHeader } from '@shared/trajectory/schema';
import { type Dataset, openTargetImage } from '../../datasets';
import { ImageFinder } from '../../datasets/image-finder';
import { openImage } from '../../images/image-file';
import type { ProjectStore } from '../../project/store';
import type { ImageSource } from '../../segmenters/segmenter';
import { readTrajectories } from '../trajectories';

/** Trajectories with the images that they were recorded on. */
export interface TrainingSource {
  trajectories(): AsyncIterable<Trajectory>;
  /** Throws IMAGE_UNREADABLE, also for an image that is not the one that was recorded. */
  image(trajectory: Trajectory): Promise<ImageSource>;
}

/** Files of trajectories, with their images in a folder. */
export function filesInFolder(files: readonly string[], folder: string): TrainingSource {
  const finder = new ImageFinder(folder);
  return {
    trajectories: () => inFiles(files),
    async image({ header }) {
      const path = await finder.find(header.image.name);
      if (path === null) {
        throw new MaskwrightError('IMAGE_UNREADABLE', `There is no image ${header.image.name} in ${folder}.`);
      }
      return asRecorded(await openImage(path), header);
    },
  };
}

/** Files of trajectories of a data set, which has the images or makes them. */
export async function filesOfDataset(files: readonly string[], dataset: Dataset): Promise<TrainingSource> {
  const images = new Map<string, () => Promise<ImageSource>>();
  if (!dataset.imageNamed) {
    for await (const { fileName, imagePath, open } of dataset.targets()) {
      if (images.has(fileName)) continue;
      images.set(fileName, () => openTargetImage({ fileName, imagePath, ...(open && { open }) }));
    }
  }
  return {
    trajectories: () => inFiles(files),
    async image({ header }) {
      const { name } = header.image;
      const open = dataset.imageNamed ? dataset.imageNamed(name) : images.get(name);
      if (!open) throw new MaskwrightError('IMAGE_UNREADABLE', `${dataset.name} has no image ${name}.`);
      return asRecorded(await open(), header);
    },
  };
}

/** All trajectories of a project. */
export function projectSource(
  store: ProjectStore,
  onUnreadable: (id: string, error: unknown) => void,
): TrainingSource {
  return {
    async *trajectories() {
      yield* store.allTrajectories(onUnreadable);
    },
    async image({ header }) {
      return asRecorded(await openImage(store.imagePath(store.imageOfTrajectory(header.id))), header);
    },
  };
}

async function* inFiles(files: readonly string[]): AsyncGenerator<Trajectory, void> {
  for (const file of files) yield* readTrajectories(file);
}

function asRecorded(image: ImageSource, { image: recorded }: TrajectoryHeader): ImageSource {
  if (image.hash === recorded.hash) return image;
  throw new MaskwrightError('IMAGE_UNREADABLE', `${recorded.name} is not the image that was recorded.`, {
    hint: 'Give the folder with the images as they were when the trajectories were made.',
  });
}
