import { plural } from '../plural';

export const jobs = {
  cancel: 'Cancel',
  failed: (label: string) => `${label} failed.`,
  partly: (label: string, failures: number) => `${label}: ${plural(failures, 'item', 'items')} failed.`,
};
