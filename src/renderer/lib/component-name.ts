import type { ComponentStatus } from '@shared/contract/methods';
import { text } from './text';

/** What a model is called: those that are shipped are called what they are. */
export function nameOf({ name, basic }: ComponentStatus): string {
  return basic ? text.basic.name : name;
}
