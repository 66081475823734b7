import { MaskwrightError } from '@shared/contract/errors';
import type { Rle } from '@shared/mask/rle';
import type { Naming } from '@shared/synthesis/naming';
import { openImage } from '../images/image-file';
import type { ImageSource } from '../segmenters/segmenter';

/** One thing to be found in one image: what a dataset reader yields. */
export interface DatasetTarget {
  /** Unique in the dataset and stable from run to run. */
  key: string;
  /** As the dataset names it, with forward slashes. */
  fileName: string;
  /** Absolute path where the file was found; null when it was not, or where there is no file (see `open`). */
  imagePath: string | null;
  /** The dataset's id of the image, as text; null in a plain folder. */
  imageId: string | null;
  /** What to look for; empty when the dataset does not say. */
  query: string;
  /** The mask to be found, of the whole image; null when it is not known or there is no target. */
  groundTruth: Rle | null;
  /** Pixels that do not count, of the whole image, beside those of `groundTruth`; null: all count. */
  ignore: Rle | null;
  /** True when the dataset says that there is nothing to find. */
  noTarget: boolean;
  category: string | null;
  refId: number | null;
  /** The data set's entry, where it has several texts: its targets differ in the query alone. */
  entry: string | null;
  annotationIds: number[];
  split: string | null;
  /** Rows of tables that the target belongs to beside its split, such as "short" or "reasoning". */
  groups: readonly string[];
  /** The target's objects one by one, where it has several and the data set tells them apart. */
  parts?: readonly Rle[];
  /** Other things in the image that the data set knows; the targets of one image are such things of each other too. */
  others?: readonly Rle[];
  /** What the things of the image are called; thoughts name them. */
  naming?: Naming;
  /** Makes the image where it is no file. Use {@link openTargetImage}. */
  open?: () => Promise<ImageSource>;
}

/** A target with what is given; all else is not known. */
export function targetOf(
  given: Pick<DatasetTarget, 'key' | 'fileName'> & Partial<DatasetTarget>,
): DatasetTarget {
  return {
    imagePath: null,
    imageId: null,
    query: '',
    groundTruth: null,
    ignore: null,
    noTarget: false,
    category: null,
    refId: null,
    entry: null,
    annotationIds: [],
    split: null,
    groups: [],
    ...given,
  };
}

/** The image of a target. Throws IMAGE_UNREADABLE. */
export async function openTargetImage(
  target: Pick<DatasetTarget, 'fileName' | 'imagePath' | 'open'>,
): Promise<ImageSource> {
  if (target.open) return target.open();
  if (target.imagePath !== null) return openImage(target.imagePath);
  throw new MaskwrightError('IMAGE_UNREADABLE', `There is no image ${target.fileName}.`, {
    hint: 'Give the folder that holds it with --images.',
  });
}

/** Why a target whose image is not there is skipped. */
export const imageNotFound = (fileName: string): string => `the image ${fileName} was not found`;

/** An entry that could not be used. */
export interface Skipped {
  item: string;
  reason: string;
}
