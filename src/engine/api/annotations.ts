import type { Handlers } from '@shared/contract/methods';
import type { EpisodeDesk } from './episode-desk';
import type { Workspace } from './workspace';

type AnnotationMethods =
  | Extract<keyof Handlers, `annotations.${string}` | `history.${string}`>
  | 'trajectories.list';

export function annotationHandlers(
  workspace: Workspace,
  desk: EpisodeDesk,
): Pick<Handlers, AnnotationMethods> {
  return {
    'annotations.list': async ({ imageId }) => workspace.project.annotations(imageId),
    'annotations.create': async ({ imageId, categoryId, className, mask, query, attributes }) => {
      const { project } = workspace;
      const annotation = project.mark('Draw mask', () => {
        const given = project.idOfClass({ categoryId, className });
        const [made] = project.createAnnotations([
          { imageId, categoryId: given, mask, query, attributes, author: 'human' },
        ]);
        if (!made) throw new Error('The store made no annotation');
        return made;
      });
      return { annotation, history: desk.historyState(imageId) };
    },
    'annotations.update': async ({ annotationId, ...patch }) => {
      const annotation = workspace.project.updateAnnotation(annotationId, patch);
      return { annotation, history: desk.historyState(annotation.imageId) };
    },
    'annotations.updateMany': async ({ annotationIds, ...patch }) => {
      workspace.project.updateAnnotations(annotationIds, patch);
      return desk.historyState(null);
    },
    'annotations.deleteMany': async ({ annotationIds }) => {
      workspace.project.deleteAnnotations(annotationIds);
      return desk.historyState(null);
    },
    'annotations.reorder': async ({ imageId, annotationIds }) => {
      workspace.project.reorderAnnotations(imageId, annotationIds);
      return desk.historyState(imageId);
    },
    'annotations.setHidden': async ({ imageId, annotationIds }) => {
      workspace.project.setHidden(imageId, annotationIds);
      return {};
    },
    'annotations.delete': async ({ annotationId }) => {
      const { imageId } = workspace.project.annotation(annotationId);
      workspace.project.deleteAnnotation(annotationId);
      return desk.historyState(imageId);
    },
    'annotations.edit': async (edit) => {
      const { created, updated } = workspace.project.editMasks(edit);
      const imageId = updated[0]?.imageId ?? created[0]?.imageId ?? null;
      return { created, updated, history: desk.historyState(imageId) };
    },
    'history.state': async ({ imageId }) => desk.historyState(imageId),
    'history.undo': async ({ imageId }) => desk.undo(imageId),
    'history.redo': async ({ imageId }) => desk.redo(imageId),
    'trajectories.list': async ({ imageId }) => workspace.project.listTrajectories(imageId),
  };
}
