import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { EpisodeState, Gesture, Mode, PendingCall } from '@shared/contract/methods';
import { fullView } from '@shared/geometry/view';
import { encodeMask, type Rle } from '@shared/mask/rle';
import { toolCallSchema } from '@shared/tools/definitions';
import { callOf, gestureOf, isGestureInView } from '@shared/tools/gesture';
import { formatCall } from '@shared/tools/prompt-text';
import type { Author, Trajectory, TrajectoryNode, Verdict } from '@shared/trajectory/schema';
import {
  appendNode,
  appendVerdict,
  nodeById,
  observationAt,
  pathTo,
  verdictOf,
  withOutcome,
} from '@shared/trajectory/tree';
import type { Environment, StepResult } from '../environment/environment';
import { checkCall } from '../environment/invalid-calls';
import type { ObservationRenderer } from '../environment/observation-image';
import { activeObjectOf, type EnvironmentState, submittedMasks } from '../environment/state';
import type { Policy } from '../policies/policy';
import { ghostNode, propose, type TimedProposal, takeTurn } from './turn';

export interface SessionOptions {
  imageId: string;
  mode: Mode;
  trajectory: Trajectory;
  environment: Environment;
  /** Null: nobody can be asked, the person does it all. */
  policy: Policy | null;
  /** Turns that the policy can still propose at a number of turns spent; null for no limit of its own. */
  policyLength: number | null;
  renderer: ObservationRenderer;
  /** Called after every change, in order. */
  onChange(state: EpisodeState): void;
  onText(text: string): void;
  /** Makes the trajectory durable; called after every recorded turn, before `onChange`. */
  save(trajectory: Trajectory): void;
}

type Status = EpisodeState['status'];

/**
 * One episode with a person in it. The agent proposes, the person accepts, replaces, rejects or goes back; every
 * decision is recorded in the trajectory's tree and nothing recorded is taken away. One thing happens at a time;
 * whatever the person does interrupts the agent at once.
 */
export class EpisodeSession {
  private readonly options: SessionOptions;
  private trajectory: Trajectory;
  private mode: Mode;
  private head: string | null = null;
  private pending: TimedProposal | null = null;
  private status: Status = 'waiting';
  private error: EpisodeState['error'] = null;
  /** Environment states by node; null is the root's. Missing ones are made again by running the path. */
  private readonly states = new Map<string | null, EnvironmentState>();
  private work: { abort: AbortController; done: Promise<void> } | null = null;
  private readonly undoHeads: (string | null)[] = [];
  private readonly redoHeads: (string | null)[] = [];

  constructor(options: SessionOptions) {
    this.options = options;
    this.trajectory = options.trajectory;
    this.mode = options.mode;
    this.states.set(null, options.environment.reset().state);
  }

  get id(): string {
    return this.trajectory.header.id;
  }

  get imageId(): string {
    return this.options.imageId;
  }

  get isOpen(): boolean {
    return this.status !== 'accepted' && this.status !== 'rejected';
  }

  /** Moves to a node without recording a step back; used when a stored episode is opened again. */
  async restoreHead(head: string | null): Promise<void> {
    await this.stateAt(head);
    this.head = head;
    this.status = this.restingStatus();
  }

  state(): EpisodeState {
    return {
      episodeId: this.id,
      imageId: this.imageId,
      mode: this.mode,
      status: this.status,
      head: this.head,
      pending: this.pending ? this.pendingCall(this.pending) : null,
      trajectory: this.trajectory,
      canPropose: this.canPropose(),
      gestures: this.gestures(),
      error: this.error,
    };
  }

  async setMode(mode: Mode): Promise<EpisodeState> {
    if (mode !== 'auto') await this.interrupt();
    this.mode = mode;
    this.changed();
    if (mode === 'auto') void this.runAutomatically();
    return this.state();
  }

  /** Asks for the next call and shows it as a ghost. A call that is pending already stays. */
  async propose(): Promise<EpisodeState> {
    this.requireOpen();
    if (this.pending) return this.state();
    await this.interrupt();
    await this.working((signal) => this.think(signal));
    return this.state();
  }

  /** Runs the pending call as the agent proposed it. */
  async acceptCall(): Promise<EpisodeState> {
    this.requireOpen();
    await this.interrupt();
    await this.working((signal) => this.runPending(signal, true));
    return this.state();
  }

  async rejectCall(reason: string | null): Promise<EpisodeState> {
    this.requireOpen();
    await this.interrupt();
    if (!this.pending) throw nothingPending();
    this.keepGhost('rejected', null, reason);
    this.settle();
    return this.state();
  }

  /** A person's call at the head; it replaces a pending call, or the call that ended the episode. */
  async act(gesture: Gesture): Promise<EpisodeState> {
    this.requireOpen();
    await this.interrupt();
    await this.working(async (signal) => {
      const last = this.head === null ? null : nodeById(this.trajectory, this.head);
      const replaces = last && (last.ended === 'finished' || last.ended === 'no_target') ? last : null;
      const node = await this.actAt(replaces ? replaces.parent : this.head, gesture, signal);
      if (this.pending) this.keepGhost('corrected', node.id, null);
      else if (replaces) this.addVerdict(replaces.id, 'corrected', node.id, null);
      this.moveTo(node.id);
    });
    return this.state();
  }

  /** A person's call in place of one that ran: the tree forks at its parent. */
  async correct(nodeId: string, gesture: Gesture): Promise<EpisodeState> {
    this.requireOpen();
    await this.interrupt();
    const replaced = this.node(nodeId);
    await this.working(async (signal) => {
      this.dropPending();
      const node = await this.actAt(replaced.parent, gesture, signal);
      this.addVerdict(replaced.id, 'corrected', node.id, null);
      this.moveTo(node.id);
    });
    return this.state();
  }

  async goTo(nodeId: string | null): Promise<EpisodeState> {
    this.requireOpen();
    await this.interrupt();
    if (nodeId !== null && this.node(nodeId).observation === null) {
      throw new MaskwrightError('INVALID_REQUEST', 'That call was never run, so there is nothing to go to.', {
        hint: 'Choose a turn that ran, or make its call yourself.',
      });
    }
    await this.working(async () => {
      await this.stateAt(nodeId);
      this.dropPending();
      this.moveTo(nodeId);
    });
    return this.state();
  }

  async stop(): Promise<EpisodeState> {
    await this.interrupt();
    if (this.mode === 'auto') this.mode = 'step';
    this.changed();
    return this.state();
  }

  get canUndo(): boolean {
    return this.isOpen && this.undoHeads.length > 0;
  }

  get canRedo(): boolean {
    return this.isOpen && this.redoHeads.length > 0;
  }

  /** Steps back to the head before the last change; the turns stay in the tree. */
  async undo(): Promise<void> {
    await this.step(this.undoHeads, this.redoHeads);
  }

  async redo(): Promise<void> {
    await this.step(this.redoHeads, this.undoHeads);
  }

  /** What the head's state would submit. */
  async answer(): Promise<{ masks: Rle[]; score: number | null; author: Author; isNoTarget: boolean }> {
    const state = await this.stateAt(this.head);
    const path = pathTo(this.trajectory, this.head);
    return {
      masks: submittedMasks(state).map(encodeMask),
      score: activeObjectOf(state).predictedIou,
      author: path.some((node) => node.author === 'human') ? 'human' : (path[0]?.author ?? 'human'),
      isNoTarget: state.ended === 'no_target',
    };
  }

  /**
   * Settles the episode as accepted.
   *
   * @param commit stores annotations and trajectory together, durably, before it returns
   */
  async accept(category: string, commit: (trajectory: Trajectory) => void): Promise<EpisodeState> {
    this.requireOpen();
    await this.interrupt();
    this.dropPending();
    const { masks, isNoTarget } = await this.answer();
    if (masks.length === 0 && !isNoTarget) {
      throw new MaskwrightError('INVALID_REQUEST', 'There is no mask to accept yet.', {
        hint: 'Let the agent segment something, or draw a box around the object.',
      });
    }
    let accepted = this.trajectory;
    for (const node of pathTo(this.trajectory, this.head)) {
      if (verdictOf(accepted, node.id)?.verdict === 'accepted') continue;
      accepted = appendVerdict(accepted, verdict(node.id, 'accepted', null, null));
    }
    accepted = withOutcome(accepted, { status: 'accepted', node: this.head, masks, category, message: null });
    commit(accepted);
    this.trajectory = accepted;
    this.status = 'accepted';
    this.changed();
    return this.state();
  }

  async reject(reason: string | null): Promise<EpisodeState> {
    this.requireOpen();
    await this.interrupt();
    this.dropPending();
    if (this.head !== null) this.addVerdict(this.head, 'rejected', null, reason);
    this.trajectory = withOutcome(this.trajectory, {
      status: 'rejected',
      node: null,
      masks: [],
      category: null,
      message: reason,
    });
    this.status = 'rejected';
    this.record();
    return this.state();
  }

  /** Takes the trajectory as the store has it after an undo or redo of its acceptance. */
  adopt(trajectory: Trajectory): void {
    this.trajectory = trajectory;
    const { status } = trajectory.outcome;
    this.status = status === 'accepted' || status === 'rejected' ? status : this.restingStatus();
    this.changed();
  }

  /** The active mask that a gesture would give, without recording anything. Latest wins. */
  async preview(gesture: Gesture): Promise<Rle | null> {
    const state = inViewOf(gesture, await this.stateAt(this.head), this.options.environment);
    const call = callOf(gesture, state.view, this.trajectory.header.coordinates);
    const { state: after, invalid } = await this.options.environment.step(state, call, {
      lane: `preview ${this.id}`,
      unbounded: true,
    });
    const { mask } = activeObjectOf(after);
    return invalid !== null || !mask ? null : encodeMask(mask);
  }

  async close(): Promise<void> {
    await this.interrupt();
    await this.options.policy?.close();
  }

  private async runAutomatically(): Promise<void> {
    await this.interrupt();
    await this.working(async (signal) => {
      while (this.mode === 'auto' && !signal.aborted && (this.pending !== null || this.canPropose())) {
        if (!this.pending) await this.think(signal);
        if (this.pending && !signal.aborted) await this.runPending(signal, false);
      }
    }).catch(() => {});
  }

  private async think(signal: AbortSignal): Promise<void> {
    const { policy, environment, renderer } = this.options;
    if (!policy) {
      throw new MaskwrightError('MODEL_MISSING', 'No agent is set up, so there is nobody to ask.', {
        hint: 'Choose a model under Models, replay recorded turns, or segment by hand.',
      });
    }
    const state = await this.stateAt(this.head);
    this.status = 'thinking';
    this.changed();
    this.pending = await propose(policy, this.trajectory, this.head, environment, state, renderer, {
      signal,
      onText: this.options.onText,
    });
    this.status = 'proposed';
    this.changed();
  }

  private async runPending(signal: AbortSignal, byPerson: boolean): Promise<void> {
    if (!this.pending) throw nothingPending();
    const state = await this.stateAt(this.head);
    this.status = 'acting';
    this.changed();
    const author = this.options.policy?.author ?? 'agent';
    const { environment } = this.options;
    const turn = await takeTurn(this.trajectory, this.head, author, this.pending, environment, state, {
      signal,
    });
    this.trajectory = turn.trajectory;
    this.states.set(turn.node.id, turn.result.state);
    this.pending = null;
    this.addVerdict(turn.node.id, byPerson ? 'accepted' : 'proposed', null, null);
    this.moveTo(turn.node.id);
  }

  private async actAt(parent: string | null, gesture: Gesture, signal: AbortSignal): Promise<TrajectoryNode> {
    let at = parent;
    let state = await this.stateAt(at);
    this.status = 'acting';
    this.changed();
    if (!isGestureInView(gesture, state.view)) {
      const zoomedOut = await this.personTurn(at, state, { name: 'zoom_out' }, signal);
      at = zoomedOut.node.id;
      state = zoomedOut.result.state;
    }
    return (await this.personTurn(at, state, gesture, signal)).node;
  }

  private async personTurn(
    parent: string | null,
    state: EnvironmentState,
    gesture: Gesture,
    signal: AbortSignal,
  ): Promise<{ node: TrajectoryNode; result: StepResult }> {
    const { coordinates } = this.trajectory.header;
    const continued: EnvironmentState = { ...state, ended: null };
    const call = callOf(gesture, continued.view, coordinates);
    const checked = checkCall(continued, call, coordinates, null);
    // A person's slip is answered in the window; only an agent's is part of the record.
    if ('invalid' in checked) throw new MaskwrightError('INVALID_REQUEST', checked.invalid);
    const proposal = { thought: '', call, problem: null, raw: '', usage: {} };
    const turn = await takeTurn(
      this.trajectory,
      parent,
      'human',
      { proposal, policyMs: 0 },
      this.options.environment,
      continued,
      { signal, unbounded: true },
    );
    this.trajectory = turn.trajectory;
    this.states.set(turn.node.id, turn.result.state);
    this.addVerdict(turn.node.id, 'accepted', null, null);
    return turn;
  }

  /** The environment's state at a node, made again from the recorded calls where this process has not run them. */
  private async stateAt(id: string | null): Promise<EnvironmentState> {
    const known = this.states.get(id);
    if (known) return known;
    if (id === null) throw new Error('The root state is always known');
    const node = nodeById(this.trajectory, id);
    const parent = await this.stateAt(node.parent);
    const isPerson = node.author === 'human';
    const { state } = await this.options.environment.step(
      isPerson ? { ...parent, ended: null } : parent,
      node.call,
      { unbounded: isPerson, problem: node.invalid },
    );
    this.states.set(id, state);
    return state;
  }

  private async step(from: (string | null)[], to: (string | null)[]): Promise<void> {
    await this.interrupt();
    const target = from.at(-1);
    if (target === undefined) return;
    await this.working(async () => {
      await this.stateAt(target);
      this.dropPending();
      from.pop();
      to.push(this.head);
      this.head = target;
    });
  }

  private moveTo(head: string | null): void {
    if (head !== this.head) {
      this.undoHeads.push(this.head);
      this.redoHeads.length = 0;
      this.head = head;
    }
    this.record();
  }

  /** Keeps a pending call that will not run as a sibling of what comes in its place. */
  private keepGhost(kind: Verdict['verdict'], replacement: string | null, reason: string | null): void {
    if (!this.pending) return;
    const author = this.options.policy?.author ?? 'agent';
    const ghost = ghostNode(this.trajectory, this.head, author, this.pending);
    this.trajectory = appendNode(this.trajectory, ghost);
    this.pending = null;
    this.addVerdict(ghost.id, kind, replacement, reason);
  }

  private dropPending(): void {
    this.keepGhost('proposed', null, null);
  }

  private addVerdict(
    node: string,
    kind: Verdict['verdict'],
    replacement: string | null,
    reason: string | null,
  ): void {
    this.trajectory = appendVerdict(this.trajectory, verdict(node, kind, replacement, reason));
  }

  /** Runs one piece of work; its failure is shown in the state and thrown, a cancellation is neither. */
  private async working(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const abort = new AbortController();
    this.error = null;
    const run = task(abort.signal);
    const done = run.then(
      () => {},
      () => {},
    );
    const current = { abort, done };
    this.work = current;
    try {
      await run;
      this.settle();
    } catch (error) {
      if (isCancelled(error)) {
        this.settle();
        return;
      }
      if (this.mode === 'auto') this.mode = 'step';
      const hint = error instanceof MaskwrightError ? error.hint : '';
      const isSlip = error instanceof MaskwrightError && error.code === 'INVALID_REQUEST';
      if (isSlip) this.settle();
      else {
        this.error = { message: messageOf(error), hint };
        this.status = 'failed';
        this.changed();
      }
      throw error;
    } finally {
      if (this.work === current) this.work = null;
    }
  }

  private async interrupt(): Promise<void> {
    const { work } = this;
    if (!work) return;
    work.abort.abort();
    await work.done;
  }

  private settle(): void {
    this.status = this.pending ? 'proposed' : this.restingStatus();
    this.record();
  }

  private restingStatus(): Status {
    return this.states.get(this.head)?.ended ? 'ended' : 'waiting';
  }

  private record(): void {
    this.options.save(this.trajectory);
    this.changed();
  }

  private changed(): void {
    this.options.onChange(this.state());
  }

  private canPropose(): boolean {
    const { policy, policyLength } = this.options;
    const state = this.states.get(this.head);
    if (!policy || !state || state.ended !== null || !this.isOpen) return false;
    return state.turn < (policyLength ?? state.turnBudget);
  }

  private pendingCall({ proposal }: TimedProposal): PendingCall {
    const state = this.states.get(this.head);
    const { coordinates } = this.trajectory.header;
    if (!state) throw new Error('A call can only be pending at a state that is known');
    const checked = checkCall(state, proposal.call, coordinates, proposal.problem);
    const isValid = 'call' in checked;
    return {
      thought: proposal.thought,
      name: isValid ? checked.call.name : null,
      gesture: isValid ? gestureOf(checked.call, state.view, coordinates) : null,
      written: proposal.call ? formatCall(proposal.call) : proposal.raw,
      problem: isValid ? null : checked.invalid,
    };
  }

  private gestures(): Record<string, Gesture> {
    const gestures: Record<string, Gesture> = {};
    for (const node of this.trajectory.nodes) {
      const call = toolCallSchema.safeParse(node.call);
      if (!call.success) continue;
      const { view } = observationAt(this.trajectory, node.parent);
      gestures[node.id] = gestureOf(call.data, view, this.trajectory.header.coordinates);
    }
    return gestures;
  }

  private node(id: string): TrajectoryNode {
    const found = this.trajectory.nodes.find((node) => node.id === id);
    if (!found) throw new MaskwrightError('NOT_FOUND', `This episode has no turn ${id}.`);
    return found;
  }

  private requireOpen(): void {
    if (this.isOpen) return;
    throw new MaskwrightError('EPISODE_OVER', `This episode was ${this.status} already.`, {
      hint: 'Undo the decision, or start a new episode on the image.',
    });
  }
}

function verdict(
  node: string,
  kind: Verdict['verdict'],
  replacement: string | null,
  reason: string | null,
): Verdict {
  return {
    node,
    verdict: kind,
    by: kind === 'proposed' ? 'agent' : 'human',
    replacement,
    reason,
    at: new Date().toISOString(),
  };
}

function inViewOf(gesture: Gesture, state: EnvironmentState, environment: Environment): EnvironmentState {
  const { image, viewConfig } = environment.options;
  return {
    ...state,
    ended: null,
    view: isGestureInView(gesture, state.view) ? state.view : fullView(image, viewConfig),
  };
}

function nothingPending(): MaskwrightError {
  return new MaskwrightError('CONFLICT', 'No call is waiting for a decision.', {
    hint: 'Ask the agent for its next call first.',
  });
}
