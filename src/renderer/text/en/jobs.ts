import { plural } from '../plural';

export const jobs = {
  cancel: 'Cancel',
  pause: 'Pause',
  more: (value: number) => `+${value}`,
  failed: (label: string) => `${label} failed.`,
  partly: (label: string, failures: number) => `${label}: ${plural(failures, 'item', 'items')} failed.`,
};
