import type { Author } from '@shared/trajectory/schema';

/** COCO as it is written. Imported entries are written as they came, with whatever keys they had. */

export interface CocoOutAnnotation {
  id: number;
  image_id: number;
  category_id: number;
  segmentation: unknown;
  /** Pixels. */
  area: number;
  /** [x, y, width, height] in pixels. */
  bbox: [number, number, number, number];
  iscrowd: 0 | 1;
  attributes?: { author: Author; query?: string; score?: number; [extra: string]: unknown };
  [extra: string]: unknown;
}

export interface CocoOutImage {
  id: number;
  /** Path from the folder of images, with forward slashes. */
  file_name: string;
  width: number;
  height: number;
  [extra: string]: unknown;
}

export interface CocoOutCategory {
  id: number;
  name: string;
  supercategory: string;
  [extra: string]: unknown;
}

export interface CocoOut {
  info: Record<string, unknown>;
  licenses: unknown[];
  images: CocoOutImage[];
  annotations: CocoOutAnnotation[];
  categories: CocoOutCategory[];
}
