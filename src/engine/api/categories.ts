import type { Handlers } from '@shared/contract/methods';
import type { EpisodeDesk } from './episode-desk';
import type { Workspace } from './workspace';

type CategoryMethods = Extract<keyof Handlers, `categories.${string}`>;

export function categoryHandlers(workspace: Workspace, desk: EpisodeDesk): Pick<Handlers, CategoryMethods> {
  return {
    'categories.create': async ({ name }) => workspace.project.createCategory(name),
    'categories.update': async ({ categoryId, ...patch }) => {
      const category = workspace.project.updateCategory(categoryId, patch);
      return { category, history: desk.historyState(null) };
    },
    'categories.reorder': async ({ categoryIds }) => {
      workspace.project.reorderCategories(categoryIds);
      return desk.historyState(null);
    },
    'categories.merge': async ({ categoryIds, into }) => {
      const moved = workspace.project.mergeCategories(categoryIds, into);
      return { moved, history: desk.historyState(null) };
    },
    'categories.delete': async ({ categoryId, moveTo }) => {
      const moved = workspace.project.deleteCategory(categoryId, moveTo);
      return { moved, history: desk.historyState(null) };
    },
  };
}
