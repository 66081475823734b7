import type { Handlers } from '@shared/contract/methods';
import type { Answer } from '../agent/session';
import type { EpisodeDesk } from './episode-desk';
import type { Workspace } from './workspace';

type EpisodeMethods = Extract<keyof Handlers, `episode.${string}`>;

export function episodeHandlers(desk: EpisodeDesk, workspace: Workspace): Pick<Handlers, EpisodeMethods> {
  return {
    'episode.start': async (input) => desk.start(input),
    'episode.state': async ({ episodeId }) => (await desk.session(episodeId)).state(),
    'episode.setMode': async ({ episodeId, mode }) => (await desk.session(episodeId)).setMode(mode),
    'episode.propose': async ({ episodeId }) => (await desk.session(episodeId)).propose(),
    'episode.acceptCall': async ({ episodeId }) => (await desk.session(episodeId)).acceptCall(),
    'episode.rejectCall': async ({ episodeId, reason }) => (await desk.session(episodeId)).rejectCall(reason),
    'episode.act': async ({ episodeId, gesture, nodeId }) =>
      (await desk.session(episodeId)).act(gesture, nodeId),
    'episode.correct': async ({ episodeId, nodeId, gesture }) =>
      (await desk.session(episodeId)).correct(nodeId, gesture),
    'episode.insert': async ({ episodeId, nodeId, place, gesture }) =>
      (await desk.session(episodeId)).insert(nodeId, place, gesture),
    'episode.remove': async ({ episodeId, nodeId }) => (await desk.session(episodeId)).remove(nodeId),
    'episode.giveReason': async ({ episodeId, nodeId, reason }) =>
      (await desk.session(episodeId)).giveReason(nodeId, reason),
    'episode.explain': async ({ episodeId, nodeId }) => (await desk.session(episodeId)).explain(nodeId),
    'episode.goTo': async ({ episodeId, nodeId }) => (await desk.session(episodeId)).goTo(nodeId),
    'episode.stop': async ({ episodeId }) => (await desk.session(episodeId)).stop(),
    'episode.accept': async ({ episodeId, categoryId, className = '', nodeId }) => {
      const session = await desk.session(episodeId);
      const { project } = workspace;
      const category = project.categories().find((known) => known.id === categoryId)?.name ?? className;
      const query = session.state().trajectory.header.query || null;
      let annotations: ReturnType<typeof project.annotations> = [];
      const commit = (answer: Answer): void => {
        const { imageId } = session;
        const accept = (given: number): void => {
          annotations = project.acceptEpisode({ imageId, categoryId: given, query, ...answer }).annotations;
        };
        if (categoryId !== undefined) accept(categoryId);
        // A new class and what it was made for are one decision, so one step of undo.
        else project.mark(`Accept as ${className}`, () => accept(project.idOfClass({ className })));
      };
      const state = await session.accept(category, commit, nodeId);
      return { state, annotations, history: desk.historyState(session.imageId) };
    },
    'episode.reject': async ({ episodeId, reason }) => {
      const session = await desk.session(episodeId);
      const { project } = workspace;
      return session.reject(reason, (trajectory) => {
        // Nothing was stored of an episode without a turn, so there is nothing to settle.
        if (trajectory.nodes.length > 0) project.rejectEpisode(session.imageId, trajectory);
      });
    },
    'episode.observationImage': async ({ episodeId, nodeId, size }) =>
      desk.observationImage(episodeId, nodeId, size),
  };
}
