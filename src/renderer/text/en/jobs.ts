import { plural } from '../plural';

export const jobs = {
  /** The engine's name of a job, and what it says at its end. */
  label: (label: string) => label,
  message: (message: string) => message,
  cancel: 'Cancel',
  pause: 'Pause',
  more: (value: number) => `+${value}`,
  failed: (label: string) => `${label} failed.`,
  partly: (label: string, failures: number) => `${label}: ${plural(failures, 'item', 'items')} failed.`,
};
