import { count } from '../../lib/format';
import { plural } from '../plural';

export const status = {
  reviewed: (done: number, total: number) => `${count(done)} of ${count(total)} reviewed`,
  progress: 'Images reviewed',
  annotations: (value: number) => plural(value, 'object', 'objects'),
  saved: (time: string) => `Saved ${time}`,
  allSaved: 'All saved',
  keys: 'keys',
  toReview: (value: number) => `${count(value)} to review`,
  openQueue: 'Open the review queue',
  size: (width: number, height: number) => `${width} × ${height}`,
  at: (x: number, y: number) => `${x}, ${y}`,
};
