import { randomUUID } from 'node:crypto';
import { MaskwrightError } from '@shared/contract/errors';
import {
  agentSourceSchema,
  type EpisodeState,
  type Gesture,
  type HistoryState,
  type MethodOutput,
  type Mode,
  type Played,
} from '@shared/contract/methods';
import type { ViewConfig } from '@shared/geometry/view';
import { type AgentConventions, viewConfigOf } from '@shared/tools/conventions';
import { callOf } from '@shared/tools/gesture';
import type { Trajectory } from '@shared/trajectory/schema';
import { acceptedPath, newTrajectory, observationAt } from '@shared/trajectory/tree';
import sharp from 'sharp';
import { z } from 'zod';
import { headerOf } from '../agent/episode';
import { EpisodeSession, type SessionOptions } from '../agent/session';
import { Environment } from '../environment/environment';
import { ObservationRenderer } from '../environment/observation-image';
import { openImage } from '../images/image-file';
import { replayPolicy } from '../policies/replay';
import type { ProjectStore } from '../project';
import { recordedSegmenter } from '../segmenters/recorded';
import type { Segmentation, Segmenter } from '../segmenters/segmenter';
import type { Models } from '../setup/models';
import type { Emit } from './events';
import type { Workspace } from './workspace';

type AgentSource = z.output<typeof agentSourceSchema>;

/** Sessions kept in memory, all but the active one with packed masks; others are opened again from the store. */
const openSessions = 4;

/** What an episode needs beside its trajectory to be opened again; kept as a setting of the project. */
const setupSchema = z.object({ source: agentSourceSchema });
const setupKey = (episodeId: string): string => `episode ${episodeId}`;

/** The episodes that people have open, and the one undo over their turns and the project's journal. */
export class EpisodeDesk {
  private readonly models: Models;
  private readonly workspace: Workspace;
  private readonly emit: Emit;
  private readonly renderer = new ObservationRenderer();
  /** In the order of use, the latest last. */
  private readonly sessions = new Map<string, EpisodeSession>();
  private readonly opening = new Map<string, Promise<EpisodeSession>>();
  private active: EpisodeSession | null = null;
  /** What was undone, the latest last: redo brings it back in the reverse order. */
  private undone: ('turn' | 'mark')[] = [];
  /** True while undo or redo is at work: what a session stores then is nothing new. */
  private replaying = false;

  constructor(models: Models, workspace: Workspace, emit: Emit) {
    this.models = models;
    this.workspace = workspace;
    this.emit = emit;
  }

  async start(input: {
    imageId: string;
    query: string;
    mode: Mode;
    source: AgentSource;
    turnBudget: number;
  }): Promise<EpisodeState> {
    const { project } = this.workspace;
    const { imageId, source } = input;
    const recorded = source.kind === 'replay' ? project.trajectory(source.trajectoryId) : null;
    const agent = await this.agentOf(recorded);
    const conventions = recorded?.header ?? this.models.conventions;
    const environment = await this.environmentOf(project, imageId, {
      recordings: recorded ? [recorded] : [],
      conventions,
      viewConfig: recorded?.header.view ?? null,
      turnBudget: Math.max(input.turnBudget, agent()?.length ?? 0),
    });
    const header = headerOf(environment, {
      id: randomUUID(),
      imageName: project.imageById(imageId).name,
      query: input.query,
      policy: agent()?.policy.identity ?? { kind: 'human', name: 'person' },
      seed: null,
      prompt: conventions.prompt,
      viewPixels: conventions.viewPixels,
    });
    const trajectory = newTrajectory(header, environment.reset().observation);
    const session = this.newSession(project, { imageId, source, trajectory, environment, agent });
    this.use(session);
    return session.setMode(input.mode === 'auto' && !agent() ? 'step' : input.mode);
  }

  /** @throws MaskwrightError NOT_FOUND when neither memory nor project knows the episode */
  async session(episodeId: string): Promise<EpisodeSession> {
    const known = this.sessions.get(episodeId);
    if (known) return this.use(known);
    const underway = this.opening.get(episodeId);
    if (underway) return underway;
    const opening = this.reopen(this.workspace.project, episodeId).finally(() =>
      this.opening.delete(episodeId),
    );
    this.opening.set(episodeId, opening);
    return opening;
  }

  /** All masks that a gesture would give: at a turn of an episode, or as the first call of a new one. */
  async preview(
    imageId: string,
    episodeId: string | null,
    gesture: Gesture,
    nodeId: string | null | undefined,
  ): Promise<Segmentation | null> {
    if (episodeId !== null) return (await this.session(episodeId)).preview(gesture, nodeId);
    const { conventions } = this.models;
    const environment = await this.environmentOf(this.workspace.project, imageId, {
      recordings: [],
      conventions,
      viewConfig: null,
      turnBudget: 1,
    });
    const { state } = environment.reset();
    const call = callOf(gesture, state.view, conventions.coordinates);
    return environment.candidates(state, call, { lane: `preview ${imageId}` });
  }

  async observationImage(
    episodeId: string,
    nodeId: string | null,
    size: number,
  ): Promise<MethodOutput<'episode.observationImage'>> {
    const session = await this.session(episodeId);
    const { trajectory } = session.state();
    const observation = observationAt(trajectory, nodeId);
    const { image } = session.environment.options;
    const { png } = await this.renderer.render(image, observation, trajectory.header.overlay);
    const bytes = await sharp(png)
      .resize(size, size, { fit: 'inside', withoutEnlargement: true })
      .png()
      .toBuffer();
    return { mime: 'image/png', bytes: new Uint8Array(bytes) };
  }

  /** @param imageId the image that the person looks at; turns of an episode on another image are left alone */
  historyState(imageId: string | null): HistoryState {
    const stored = this.workspace.current?.historyState() ?? { undo: null, redo: null };
    return {
      undo: this.turnToUndo(imageId) ? 'turn' : stored.undo,
      redo: this.turnToRedo(imageId) ? 'turn' : stored.redo,
    };
  }

  /** Takes back what was done last: a turn of the episode on this image, or a mark of the journal. */
  async undo(imageId: string | null): Promise<Played> {
    const session = this.turnToUndo(imageId);
    if (session) {
      await this.replay(() => session.undo());
      this.undone.push('turn');
      return this.played(imageId, { imageIds: [session.imageId], trajectoryIds: [] });
    }
    const { project } = this.workspace;
    const isMark = project.historyState().undo !== null;
    const played = await this.playMark(() => project.undo());
    if (isMark) this.undone.push('mark');
    return this.played(imageId, played);
  }

  async redo(imageId: string | null): Promise<Played> {
    const session = this.turnToRedo(imageId);
    let touched: Pick<Played, 'imageIds' | 'trajectoryIds'>;
    if (session) {
      await this.replay(() => session.redo());
      touched = { imageIds: [session.imageId], trajectoryIds: [] };
    } else touched = await this.playMark(() => this.workspace.project.redo());
    this.undone.pop();
    return this.played(imageId, touched);
  }

  private async playMark(
    play: () => Pick<Played, 'imageIds' | 'trajectoryIds'>,
  ): Promise<Pick<Played, 'imageIds' | 'trajectoryIds'>> {
    let touched: Pick<Played, 'imageIds' | 'trajectoryIds'> = { imageIds: [], trajectoryIds: [] };
    await this.replay(async () => {
      touched = play();
      await this.adopt(touched.imageIds);
    });
    return touched;
  }

  private played(imageId: string | null, touched: Pick<Played, 'imageIds' | 'trajectoryIds'>): Played {
    const { imageIds, trajectoryIds } = touched;
    return { history: this.told(imageId), imageIds, trajectoryIds };
  }

  private async replay(work: () => Promise<unknown>): Promise<void> {
    this.replaying = true;
    try {
      await work();
    } finally {
      this.replaying = false;
    }
  }

  /** An agent was set up or taken away: open episodes can be gone on with, or not. */
  agentChanged(): void {
    for (const session of this.sessions.values()) session.tell();
  }

  /** Before the project is closed: the agent stops, and everything is stored. */
  async closeAll(): Promise<void> {
    await Promise.allSettled(this.opening.values());
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    this.active = null;
    this.undone = [];
    await Promise.all(sessions.map((session) => session.close()));
  }

  /** The session whose last turn is newer than the journal's last mark. */
  private turnToUndo(imageId: string | null): EpisodeSession | null {
    const session = this.activeOn(imageId);
    const lastMark = this.workspace.current?.lastMark() ?? 0;
    return session?.canUndo && session.undoMark >= lastMark ? session : null;
  }

  private turnToRedo(imageId: string | null): EpisodeSession | null {
    const session = this.activeOn(imageId);
    return session?.canRedo && this.undone.at(-1) !== 'mark' ? session : null;
  }

  private activeOn(imageId: string | null): EpisodeSession | null {
    return this.active && (imageId === null || this.active.imageId === imageId) ? this.active : null;
  }

  /** After decisions that were made in the review queue and not by a session. */
  async settledElsewhere(imageIds: readonly string[]): Promise<void> {
    await this.adopt(imageIds);
  }

  /** Sessions whose decision was undone or redone take the outcome that the store has now. */
  private async adopt(imageIds: readonly string[]): Promise<void> {
    for (const session of this.sessions.values()) {
      const { trajectory } = session.state();
      if (trajectory.nodes.length === 0 || !imageIds.includes(session.imageId)) continue;
      const stored = this.workspace.project.trajectory(session.id);
      if (stored.outcome.status !== trajectory.outcome.status) await session.adopt(stored);
    }
  }

  private told(imageId: string | null): HistoryState {
    this.emit('history.changed', {});
    return this.historyState(imageId);
  }

  private async reopen(project: ProjectStore, episodeId: string): Promise<EpisodeSession> {
    const trajectory = project.trajectory(episodeId);
    const { header, outcome } = trajectory;
    const imageId = project.imageOfTrajectory(episodeId);
    const source = sourceOf(project, trajectory);
    const recorded = source.kind === 'replay' ? project.trajectory(source.trajectoryId) : null;
    const agent = await this.agentOf(recorded);
    const environment = await this.environmentOf(project, imageId, {
      recordings: recorded ? [trajectory, recorded] : [trajectory],
      conventions: header,
      viewConfig: header.view,
      turnBudget: header.turnBudget,
    });
    const session = this.newSession(project, { imageId, source, trajectory, environment, agent });
    await session.restore(outcome.node ?? acceptedPath(trajectory).at(-1)?.id ?? null);
    return this.use(session);
  }

  private newSession(
    project: ProjectStore,
    episode: {
      imageId: string;
      source: AgentSource;
      trajectory: Trajectory;
      environment: Environment;
      agent: SessionOptions['agent'];
    },
  ): EpisodeSession {
    const { imageId, source, ...rest } = episode;
    const { id } = episode.trajectory.header;
    let isStored = episode.trajectory.nodes.length > 0;
    let place = placeOf(episode.trajectory);
    return new EpisodeSession({
      ...rest,
      imageId,
      mode: 'step',
      renderer: this.renderer,
      onChange: (state) => {
        this.emit('episode.changed', state);
        if (this.active?.id === id) this.emit('history.changed', {});
      },
      onText: (text) => this.emit('episode.text', { episodeId: id, text }),
      save: (current) => {
        if (current.nodes.length === 0) return;
        project.saveTrajectory(current, imageId);
        // What was undone before belongs to another course of things: redo must not bring it over the new turn.
        const isNew = placeOf(current) !== place && !this.replaying;
        place = placeOf(current);
        if (isNew) project.dropRedo('Turn');
        if (!isStored) project.setSetting(setupKey(id), { source });
        isStored = true;
      },
      lastMark: () => project.lastMark(),
    });
  }

  /** Makes a session the active one and lets go of the longest unused ones. */
  private use(session: EpisodeSession): EpisodeSession {
    this.sessions.delete(session.id);
    this.sessions.set(session.id, session);
    if (this.active !== session) {
      this.undone = [];
      this.active?.rest();
    }
    this.active = session;
    for (const [id, other] of this.sessions) {
      if (this.sessions.size <= openSessions) break;
      if (other === session || other.isBusy) continue;
      this.sessions.delete(id);
      void other.close();
    }
    return session;
  }

  /** Who is asked: the recording, else whichever agent is set up when it is asked. */
  private async agentOf(recorded: Trajectory | null): Promise<SessionOptions['agent']> {
    if (recorded) {
      const policy = replayPolicy(recorded);
      return () => ({ policy, length: policy.length });
    }
    // Waits for an agent that is still being set up, so that a new episode begins with it.
    await this.models.agent();
    return () => {
      const policy = this.models.currentAgent();
      return policy && { policy, length: null };
    };
  }

  /** @param options.recordings trajectories whose recorded masks are answered as they were */
  private async environmentOf(
    project: ProjectStore,
    imageId: string,
    options: {
      recordings: readonly Trajectory[];
      conventions: AgentConventions;
      viewConfig: ViewConfig | null;
      turnBudget: number;
    },
  ): Promise<Environment> {
    const image = await openImage(project.imagePath(imageId));
    for (const { header } of options.recordings) {
      if (header.image.width === image.width && header.image.height === image.height) continue;
      throw new MaskwrightError('CONFLICT', 'The image has changed since these turns were recorded.', {
        hint: 'Put the original file back, or start a new episode.',
      });
    }
    // Waits for a segmenter that is still loading, so that the header names the right one.
    await this.models.segmenter();
    const segmenter = options.recordings.reduce<Segmenter>(
      (inner, recording) => recordedSegmenter(recording, inner),
      this.models.currentSegmenter(),
    );
    return new Environment({
      image,
      segmenter,
      coordinates: options.conventions.coordinates,
      viewConfig: options.viewConfig ?? viewConfigOf(options.conventions),
      turnBudget: options.turnBudget,
    });
  }
}

/** Tells a new turn, or a step to another one, from a change of verdicts. */
const placeOf = ({ nodes, outcome }: Trajectory): string => `${nodes.length} ${outcome.node}`;

/** Who proposes in a stored episode. A replay whose recording is gone goes on by hand. */
function sourceOf(project: ProjectStore, trajectory: Trajectory): AgentSource {
  const { id, policy } = trajectory.header;
  const stored = project.setting(setupKey(id), setupSchema)?.source;
  if (stored?.kind === 'replay' && !project.hasTrajectory(stored.trajectoryId)) return { kind: 'none' };
  return stored ?? { kind: policy.kind === 'human' ? 'none' : 'model' };
}
