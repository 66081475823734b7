import type { ImageState } from '@shared/contract/methods';
import { plural } from '../plural';

export const images = {
  title: 'Images',
  search: (total: number) => `Search ${plural(total, 'image', 'images')}`,
  searchLabel: 'Search images by name',
  filters: { all: 'All', todo: 'To do', review: 'Review', done: 'Done' },
  filterLabel: 'Show images',
  next: 'Next',
  nextWide: ' to review',
  states: { todo: 'to do', review: 'to be reviewed', done: 'done' } satisfies Record<ImageState, string>,
  label: (name: string, state: string, masks: number) =>
    `${name}, ${state}, ${plural(masks, 'mask', 'masks')}`,
  emptyProject: 'No images here',
  emptyProjectHint:
    'Maskwright reads JPEG, PNG, WebP and TIFF files. Open another folder from the project menu.',
  nothingFound: 'No image matches',
  nothingFoundHint: 'Show all images and clear the search',
  showAll: 'Show all',
  allReviewed: 'Everything in this list is reviewed.',
  failed: 'This image cannot be shown',
  failedHint: 'The file may be damaged or gone. Go on with the next one.',
  pick: 'Choose an image on the left',
  markDone: 'Mark done',
  unmarkDone: 'Mark to do',
};
