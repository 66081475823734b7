import type { Rle } from '@shared/mask/rle';

/** One thing to be found in one image: what a dataset reader yields. */
export interface DatasetTarget {
  /** Unique in the dataset and stable from run to run. */
  key: string;
  /** As the dataset names it, with forward slashes. */
  fileName: string;
  /** Absolute path where the file was found; null when it was not. */
  imagePath: string | null;
  /** The dataset's id of the image, as text; null in a plain folder. */
  imageId: string | null;
  /** What to look for; empty when the dataset does not say. */
  query: string;
  /** The mask to be found, of the whole image; null when it is not known or there is no target. */
  groundTruth: Rle | null;
  /** True when the dataset says that there is nothing to find. */
  noTarget: boolean;
  category: string | null;
  refId: number | null;
  annotationIds: number[];
  split: string | null;
}

/** An entry that could not be used. */
export interface Skipped {
  item: string;
  reason: string;
}
