import type { Author } from '@shared/trajectory/schema';

export const objects = {
  title: 'Objects',
  empty: 'Nothing accepted yet',
  emptyHint: 'Accepted masks are listed here, with who made them.',
  inWork: 'in work',
  delete: 'Delete',
  change: 'Change category',
  byline: { agent: 'agent', human: 'you', simulator: 'simulator' } satisfies Record<Author, string>,
  crowd: 'crowd',
  unknown: 'unknown category',
};
