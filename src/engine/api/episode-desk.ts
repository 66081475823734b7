import { randomUUID } from 'node:crypto';
import { MaskwrightError } from '@shared/contract/errors';
import type {
  agentSourceSchema,
  EpisodeState,
  HistoryState,
  MethodOutput,
  Mode,
} from '@shared/contract/methods';
import { type Coordinates, defaultViewConfig, type ViewConfig } from '@shared/geometry/view';
import type { Trajectory } from '@shared/trajectory/schema';
import { acceptedPath, newTrajectory, observationAt } from '@shared/trajectory/tree';
import sharp from 'sharp';
import type { z } from 'zod';
import { headerOf } from '../agent/episode';
import { EpisodeSession } from '../agent/session';
import { Environment } from '../environment/environment';
import { ObservationRenderer } from '../environment/observation-image';
import { openImage } from '../images/image-file';
import type { Policy } from '../policies/policy';
import { replayPolicy } from '../policies/replay';
import { recordedSegmenter } from '../segmenters/recorded';
import type { Segmenter } from '../segmenters/segmenter';
import type { Models } from '../setup/models';
import type { Emit } from './events';
import type { Workspace } from './workspace';

type AgentSource = z.output<typeof agentSourceSchema>;

/** Sessions kept in memory; older ones are opened again from the store when they are asked for. */
const openSessions = 12;

/** The episodes that people have open, and the one undo over their turns and the project's journal. */
export class EpisodeDesk {
  private readonly models: Models;
  private readonly workspace: Workspace;
  private readonly emit: Emit;
  private readonly renderer = new ObservationRenderer();
  private readonly sessions = new Map<string, EpisodeSession>();
  private active: EpisodeSession | null = null;

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
    const recorded = input.source.kind === 'replay' ? project.trajectory(input.source.trajectoryId) : null;
    const { policy, policyLength } = await this.policyOf(input.source, recorded);
    const environment = await this.environmentOf(input.imageId, {
      recorded,
      coordinates: recorded?.header.coordinates ?? this.models.coordinates,
      viewConfig: recorded?.header.view ?? null,
      turnBudget: Math.max(input.turnBudget, policyLength ?? 0),
    });
    const header = headerOf(environment, {
      id: randomUUID(),
      imageName: project.imageById(input.imageId).name,
      query: input.query,
      policy: policy?.identity ?? { kind: 'human', name: 'person' },
      seed: null,
    });
    const trajectory = newTrajectory(header, environment.reset().observation);
    const session = this.open(input.imageId, input.mode, trajectory, environment, policy, policyLength);
    if (input.mode === 'auto' && policy) return session.setMode('auto');
    return session.state();
  }

  /** @throws MaskwrightError NOT_FOUND when neither memory nor project knows the episode */
  async session(episodeId: string): Promise<EpisodeSession> {
    const known = this.sessions.get(episodeId);
    if (known) {
      this.active = known;
      return known;
    }
    return this.reopen(episodeId);
  }

  async observationImage(
    episodeId: string,
    nodeId: string | null,
    size: number,
  ): Promise<MethodOutput<'episode.observationImage'>> {
    const session = await this.session(episodeId);
    const { trajectory } = session.state();
    const image = await openImage(this.workspace.project.imagePath(session.imageId));
    const observation = observationAt(trajectory, nodeId);
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
    const session = this.activeOn(imageId);
    return {
      undo: session?.canUndo ? 'turn' : stored.undo,
      redo: session?.canRedo ? 'turn' : stored.redo,
    };
  }

  async undo(imageId: string | null): Promise<HistoryState> {
    const session = this.activeOn(imageId);
    if (session?.canUndo) await session.undo();
    else this.adopt(this.workspace.project.undo().imageIds);
    return this.told(imageId);
  }

  async redo(imageId: string | null): Promise<HistoryState> {
    const session = this.activeOn(imageId);
    if (session?.canRedo) await session.redo();
    else this.adopt(this.workspace.project.redo().imageIds);
    return this.told(imageId);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.sessions.values()].map((session) => session.close()));
    this.sessions.clear();
    this.active = null;
  }

  /** Sessions whose acceptance was undone or redone take the outcome that the store has now. */
  private adopt(imageIds: readonly string[]): void {
    for (const session of this.sessions.values()) {
      const isStored = session.state().trajectory.nodes.length > 0;
      if (!isStored || !imageIds.includes(session.imageId)) continue;
      const stored = this.workspace.project.trajectory(session.id);
      if (stored.outcome.status !== session.state().trajectory.outcome.status) session.adopt(stored);
    }
  }

  private told(imageId: string | null): HistoryState {
    this.emit('history.changed', {});
    return this.historyState(imageId);
  }

  private activeOn(imageId: string | null): EpisodeSession | null {
    return this.active && (imageId === null || this.active.imageId === imageId) ? this.active : null;
  }

  private async reopen(episodeId: string): Promise<EpisodeSession> {
    const { project } = this.workspace;
    const trajectory = project.trajectory(episodeId);
    const imageId = project.imageOfTrajectory(episodeId);
    const { policy, policyLength } = await this.policyOf({ kind: 'model' }, null);
    const { header } = trajectory;
    const environment = await this.environmentOf(imageId, {
      recorded: trajectory,
      coordinates: header.coordinates,
      viewConfig: header.view,
      turnBudget: header.turnBudget,
    });
    const session = this.open(imageId, 'step', trajectory, environment, policy, policyLength);
    await session.restoreHead(acceptedPath(trajectory).at(-1)?.id ?? null);
    if (trajectory.outcome.status !== 'open') session.adopt(trajectory);
    return session;
  }

  private open(
    imageId: string,
    mode: Mode,
    trajectory: Trajectory,
    environment: Environment,
    policy: Policy | null,
    policyLength: number | null,
  ): EpisodeSession {
    const { id } = trajectory.header;
    const { project } = this.workspace;
    const session = new EpisodeSession({
      imageId,
      mode,
      trajectory,
      environment,
      policy,
      policyLength,
      renderer: this.renderer,
      onChange: (state) => {
        this.emit('episode.changed', state);
        if (this.active?.id === id) this.emit('history.changed', {});
      },
      onText: (text) => this.emit('episode.text', { episodeId: id, text }),
      save: (current) => {
        if (current.nodes.length > 0) project.saveTrajectory(current, imageId);
      },
    });
    this.sessions.set(id, session);
    this.active = session;
    this.forgetOldest();
    return session;
  }

  private forgetOldest(): void {
    for (const [id, session] of this.sessions) {
      if (this.sessions.size <= openSessions) return;
      if (session === this.active) continue;
      this.sessions.delete(id);
      void session.close();
    }
  }

  private async policyOf(
    source: AgentSource,
    recorded: Trajectory | null,
  ): Promise<{ policy: Policy | null; policyLength: number | null }> {
    if (source.kind === 'none') return { policy: null, policyLength: null };
    if (recorded) {
      const policy = replayPolicy(recorded);
      return { policy, policyLength: policy.length };
    }
    return { policy: await this.models.agent(), policyLength: null };
  }

  private async environmentOf(
    imageId: string,
    options: {
      recorded: Trajectory | null;
      coordinates: Coordinates;
      viewConfig: ViewConfig | null;
      turnBudget: number;
    },
  ): Promise<Environment> {
    const image = await openImage(this.workspace.project.imagePath(imageId));
    const { recorded } = options;
    if (
      recorded &&
      (recorded.header.image.width !== image.width || recorded.header.image.height !== image.height)
    ) {
      throw new MaskwrightError('CONFLICT', 'The image has changed since these turns were recorded.', {
        hint: 'Put the original file back, or start a new episode.',
      });
    }
    return new Environment({
      image,
      segmenter: await this.segmenterFor(recorded),
      coordinates: options.coordinates,
      viewConfig: options.viewConfig ?? defaultViewConfig(options.coordinates),
      turnBudget: options.turnBudget,
    });
  }

  /** Recorded turns give their recorded masks; everything else asks the segmenter that is set up. */
  private async segmenterFor(recorded: Trajectory | null): Promise<Segmenter> {
    const segmenter = await this.models.segmenter();
    if (recorded) return recordedSegmenter(recorded, segmenter);
    return segmenter ?? this.models.absentSegmenter();
  }
}
