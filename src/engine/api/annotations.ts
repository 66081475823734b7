import type { Handlers } from '@shared/contract/methods';
import type { EpisodeDesk } from './episode-desk';
import type { Workspace } from './workspace';

type AnnotationMethods =
  | 'categories.create'
  | 'annotations.list'
  | 'annotations.create'
  | 'annotations.update'
  | 'annotations.delete'
  | 'history.state'
  | 'history.undo'
  | 'history.redo'
  | 'trajectories.list';

export function annotationHandlers(
  workspace: Workspace,
  desk: EpisodeDesk,
): Pick<Handlers, AnnotationMethods> {
  return {
    'categories.create': async ({ name }) => workspace.project.createCategory(name),
    'annotations.list': async ({ imageId }) => workspace.project.annotations(imageId),
    'annotations.create': async ({ imageId, categoryId, mask, query }) => {
      const { project } = workspace;
      const annotation = project.mark('Draw mask', () => {
        const [made] = project.createAnnotations([{ imageId, categoryId, mask, query, author: 'human' }]);
        if (!made) throw new Error('The store made no annotation');
        project.setImageState(imageId, 'done');
        return made;
      });
      return { annotation, history: desk.historyState(imageId) };
    },
    'annotations.update': async ({ annotationId, mask, categoryId }) => {
      const annotation = workspace.project.updateAnnotation(annotationId, { mask, categoryId });
      return { annotation, history: desk.historyState(annotation.imageId) };
    },
    'annotations.delete': async ({ annotationId }) => {
      const { imageId } = workspace.project.annotation(annotationId);
      workspace.project.deleteAnnotation(annotationId);
      return desk.historyState(imageId);
    },
    'history.state': async ({ imageId }) => desk.historyState(imageId),
    'history.undo': async ({ imageId }) => desk.undo(imageId),
    'history.redo': async ({ imageId }) => desk.redo(imageId),
    'trajectories.list': async ({ imageId }) => workspace.project.listTrajectories(imageId),
  };
}
