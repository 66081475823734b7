import type { Rle } from '@shared/mask/rle';
import type { ExportImage } from './export-set';
import type { Losses } from './losses';

/** A file of an export: its content, or the image file that is copied. Paths are relative, with forward slashes. */
export type OutFile = { path: string; data: string | Uint8Array } | { path: string; copyOf: string };

export interface ImageFiles {
  files: OutFile[];
  /** The annotations that are in them. */
  annotations: ExportImage['annotations'];
}

/** A format that writes files for every image. What it cannot express it tells to the losses it is given. */
export interface FolderFormat {
  /** Paths of an image's files. */
  paths(image: ExportImage): string[];
  /** An image's files, in the order of `paths`; null: it is left out, which `losses` is told. */
  files(image: ExportImage, losses: Losses): Promise<ImageFiles | null>;
  /** Files about all images, written last. `images`: those that were exported, in their order. */
  about(images: readonly ExportImageName[], losses: Losses): OutFile[];
  /** Whether an annotation is written exactly as it was imported. */
  isAsImported(annotation: ExportImage['annotations'][number]): boolean;
  /** The mask of every annotation as a reader of the format gets it; null: none. */
  readBack(image: ExportImage): (Rle | null)[];
}

export interface ExportImageName {
  fileName: string;
  stem: string;
}
