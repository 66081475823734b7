import { basename, dirname } from 'node:path';
import { imageStateSchema, type ProjectSummary } from '@shared/contract/methods';
import { z } from 'zod';
import type { Categories } from './categories';
import type { Database } from './database';
import type { Settings } from './settings';

const stateCount = z.object({ state: imageStateSchema, n: z.number().int() });

/** A project at a glance: its name, its classes, and how many images are in which state. */
export function projectSummary(db: Database, settings: Settings, categories: Categories): ProjectSummary {
  const classes = categories.categories();
  const counts = { images: 0, todo: 0, review: 0, done: 0, annotations: 0 };
  for (const row of db.all(stateCount, 'SELECT state, n FROM image_counts')) {
    counts[row.state] = row.n;
    counts.images += row.n;
  }
  counts.annotations = classes.reduce((sum, category) => sum + category.annotations, 0);
  return {
    name: settings.setting('name', z.string().min(1)) ?? basename(dirname(db.file)),
    location: db.file,
    isSample: settings.setting('isSample', z.boolean()) ?? false,
    counts,
    categories: classes,
  };
}
