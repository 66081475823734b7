import { messageOf } from '@shared/contract/errors';
import type { EventName, EventPayload, Handlers } from '@shared/contract/methods';
import { annotationHandlers } from './api/annotations';
import { appHandlers } from './api/app';
import { categoryHandlers } from './api/categories';
import { EmbeddingDesk } from './api/embedding-desk';
import { EpisodeDesk } from './api/episode-desk';
import { episodeHandlers } from './api/episodes';
import { type Emit, EngineEvents } from './api/events';
import { formatHandlers } from './api/formats';
import { imageHandlers } from './api/images';
import { insightHandlers } from './api/insight';
import { jobHandlers } from './api/jobs';
import { pictureHandlers } from './api/pictures';
import { openProject, projectHandlers } from './api/projects';
import { reviewHandlers } from './api/review';
import { runHandlers } from './api/runs';
import { segmentHandlers } from './api/segment';
import { Workspace } from './api/workspace';
import { JobRunner } from './jobs/runner';
import type { SpawnModelChild } from './models/child-protocol';
import { RunDesk } from './runs/run-desk';
import { Models } from './setup/models';

export interface EngineOptions {
  /** The user's settings, recent projects and sample projects. */
  dataDir: string;
  /** Embeddings and thumbnails; may be deleted at any time. */
  cacheDir: string;
  /** Folder with `models/` and `samples/` as shipped. */
  resourcesDir: string;
  /** Folder of the built bundles `segmenter-thread.js` and `model-child.js`. */
  outDir: string;
  spawnModelChild: SpawnModelChild;
  /** Project file or folder of images to open at start. */
  project?: string;
  /** Segmenter and policy for this run only, in the command line's form; the stored settings stay as they are. */
  segmenter?: string;
  policy?: string;
  log: (line: string) => void;
  version: string;
}

export interface Engine {
  readonly handlers: Handlers;
  /** Returns a function that removes the listener. */
  subscribe(listener: <E extends EventName>(event: E, payload: EventPayload<E>) => void): () => void;
  close(): Promise<void>;
}

/** The engine that every host carries: hosts add transport and nothing else. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const events = new EngineEvents(options.log);
  const emit: Emit = (event, payload) => events.emit(event, payload);
  const models = new Models(options, (info) => {
    emit('app.changed', info);
    desk.agentChanged();
  });
  const workspace = new Workspace(options, emit);
  const desk = new EpisodeDesk(models, workspace, emit);
  const embeddings = new EmbeddingDesk(
    {
      segmenter: () => models.segmenter(),
      imagePath: (imageId) => workspace.project.imagePath(imageId),
    },
    emit,
  );
  const jobs = new JobRunner();
  jobs.onChange((job) => emit('job.changed', job));
  const runs = new RunDesk(models, jobs, () => workspace.project);
  workspace.onOpened((store) => jobs.setStorage(store));
  workspace.onClosing(async () => {
    embeddings.forget();
    await jobs.stopAll();
    jobs.setStorage(null);
    await desk.closeAll();
  });
  if (options.project !== undefined) {
    await openProject(workspace, jobs, options.project).catch((error: unknown) =>
      options.log(`The project could not be opened: ${messageOf(error)}`),
    );
  }
  return {
    handlers: {
      ...appHandlers(models, options),
      ...projectHandlers(workspace, jobs),
      ...imageHandlers(workspace, models, options.cacheDir),
      ...categoryHandlers(workspace, desk),
      ...annotationHandlers(workspace, desk),
      ...episodeHandlers(desk, workspace),
      ...jobHandlers(jobs),
      ...insightHandlers(workspace, jobs),
      ...segmentHandlers(desk, embeddings),
      ...pictureHandlers(workspace, options.cacheDir),
      ...runHandlers(runs),
      ...reviewHandlers(workspace, desk, options.cacheDir),
      ...formatHandlers(workspace, jobs),
    },
    subscribe: (listener) => events.subscribe(listener),
    async close() {
      await workspace.close();
      await models.close();
    },
  };
}
