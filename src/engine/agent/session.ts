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
  authorOfPath,
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
  /** Number of the last mark of the project's journal: orders turns and marks for undo. */
  lastMark(): number;
}

type Status = EpisodeState['status'];

/** A place to step back to, and the last mark of the project's journal when it was left. */
interface Step {
  head: string | null;
  mark: number;
}

/** What an acceptance stores. */
export interface Answer {
  trajectory: Trajectory;
  /** One mask an object; none when there is no target. */
  masks: Rle[];
  /** Predicted IoU of the active object. */
  score: number | null;
  author: Author;
}

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
  /** What runs now. The agent's work is aborted by whatever the person does next; the person's own only by `stop`. */
  private work: { abort: AbortController; isAgents: boolean } | null = null;
  /** Everything that changes the session, one after the other. */
  private queue: Promise<void> = Promise.resolve();
  private readonly undoHeads: Step[] = [];
  private readonly redoHeads: Step[] = [];

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

  /** Takes up a stored episode at the node where it was; called once, before anything else. */
  async restore(head: string | null): Promise<void> {
    await this.stateAt(head);
    this.head = head;
    const { status } = this.trajectory.outcome;
    this.status = status === 'accepted' || status === 'rejected' ? status : this.restingStatus();
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

  get isBusy(): boolean {
    return this.work !== null;
  }

  get environment(): Environment {
    return this.options.environment;
  }

  async setMode(mode: Mode): Promise<EpisodeState> {
    if (mode === 'auto') {
      this.requireOpen();
      if (!this.work) this.mode = mode;
      // Its failure is shown in the state.
      void this.next((signal) => this.runAutomatically(signal), 'agent').catch(() => {});
      this.changed();
      return this.state();
    }
    return this.next(async () => {
      this.mode = mode;
      this.changed();
    });
  }

  /** Asks for the next call and shows it as a ghost. A call that is pending already stays. */
  async propose(): Promise<EpisodeState> {
    return this.next(async (signal) => {
      this.requireOpen();
      if (!this.pending) await this.think(signal);
    }, 'agent');
  }

  /** Runs the pending call as the agent proposed it. */
  async acceptCall(): Promise<EpisodeState> {
    return this.next(async (signal) => {
      this.requireOpen();
      await this.runPending(signal, true);
    });
  }

  async rejectCall(reason: string | null): Promise<EpisodeState> {
    return this.next(async () => {
      this.requireOpen();
      if (!this.pending) throw nothingPending();
      this.keepGhost('rejected', null, reason);
    });
  }

  /** A person's call at the head; it replaces a pending call, or the call that ended the episode. */
  async act(gesture: Gesture): Promise<EpisodeState> {
    return this.next(async (signal) => {
      this.requireOpen();
      const last = this.head === null ? null : nodeById(this.trajectory, this.head);
      const replaces = last && (last.ended === 'finished' || last.ended === 'no_target') ? last : null;
      const { sibling, node } = await this.actAt(replaces ? replaces.parent : this.head, gesture, signal);
      if (this.pending) this.keepGhost('corrected', sibling.id, null);
      else if (replaces) this.addVerdict(replaces.id, 'corrected', sibling.id, null);
      this.moveTo(node.id);
    });
  }

  /** A person's call in place of one that ran: the tree forks at its parent. */
  async correct(nodeId: string, gesture: Gesture): Promise<EpisodeState> {
    return this.next(async (signal) => {
      this.requireOpen();
      const replaced = this.node(nodeId);
      const { sibling, node } = await this.actAt(replaced.parent, gesture, signal);
      this.dropPending();
      this.addVerdict(replaced.id, 'corrected', sibling.id, null);
      this.moveTo(node.id);
    });
  }

  async goTo(nodeId: string | null): Promise<EpisodeState> {
    return this.next(async () => {
      this.requireOpen();
      if (nodeId !== null && this.node(nodeId).observation === null) {
        throw new MaskwrightError(
          'INVALID_REQUEST',
          'That call was never run, so there is nothing to go to.',
          {
            hint: 'Choose a turn that ran, or make its call yourself.',
          },
        );
      }
      await this.stateAt(nodeId);
      this.dropPending();
      this.moveTo(nodeId);
    });
  }

  async stop(): Promise<EpisodeState> {
    this.work?.abort.abort();
    return this.next(async () => {});
  }

  get canUndo(): boolean {
    return this.isOpen && this.undoHeads.length > 0;
  }

  get canRedo(): boolean {
    return this.isOpen && this.redoHeads.length > 0;
  }

  /** The journal's last mark when the turn that undo would take back was made. */
  get undoMark(): number {
    return this.undoHeads.at(-1)?.mark ?? 0;
  }

  /** Steps back to the head before the last change; the turns stay in the tree, the undone one as rejected. */
  async undo(): Promise<EpisodeState> {
    return this.next(async () => {
      const left = this.head;
      if (!(await this.step(this.undoHeads, this.redoHeads))) return;
      if (left !== null && !pathTo(this.trajectory, this.head).some((node) => node.id === left)) {
        this.addVerdict(left, 'rejected', null, 'undone');
      }
      if (this.head !== null && verdictOf(this.trajectory, this.head)?.verdict === 'corrected') {
        this.addVerdict(this.head, 'accepted', null, 'correction undone');
      }
    });
  }

  async redo(): Promise<EpisodeState> {
    return this.next(async () => {
      const left = this.head;
      if (!(await this.step(this.redoHeads, this.undoHeads))) return;
      if (this.head === null) return;
      const head = nodeById(this.trajectory, this.head);
      if (verdictOf(this.trajectory, head.id)?.reason !== 'undone') return;
      this.addVerdict(head.id, 'accepted', null, null);
      if (left !== null && nodeById(this.trajectory, left).parent === head.parent) {
        this.addVerdict(left, 'corrected', head.id, null);
      }
    });
  }

  /**
   * Settles the episode as accepted: what the head's state would submit.
   *
   * @param commit stores annotations and trajectory together, durably, before it returns
   */
  async accept(category: string, commit: (answer: Answer) => void): Promise<EpisodeState> {
    return this.next(async () => {
      this.requireOpen();
      const state = await this.stateAt(this.head);
      const masks = submittedMasks(state).map(encodeMask);
      if (masks.length === 0 && state.ended !== 'no_target') {
        throw new MaskwrightError('INVALID_REQUEST', 'There is no mask to accept yet.', {
          hint: 'Let the agent segment something, or draw a box around the object.',
        });
      }
      const path = pathTo(this.trajectory, this.head);
      let accepted = this.withGhost();
      for (const node of path) {
        if (verdictOf(accepted, node.id)?.verdict === 'accepted') continue;
        accepted = appendVerdict(accepted, verdict(node.id, 'accepted', null, null));
      }
      accepted = withOutcome(accepted, {
        status: 'accepted',
        node: this.head,
        masks,
        category,
        message: null,
      });
      const score = activeObjectOf(state).predictedIou;
      commit({ trajectory: accepted, masks, score, author: authorOfPath(path) });
      this.trajectory = accepted;
      this.pending = null;
      this.status = 'accepted';
    });
  }

  /** @param commit stores the rejection durably before it returns */
  async reject(reason: string | null, commit: (trajectory: Trajectory) => void): Promise<EpisodeState> {
    return this.next(async () => {
      this.requireOpen();
      let rejected = this.withGhost();
      if (this.head !== null)
        rejected = appendVerdict(rejected, verdict(this.head, 'rejected', null, reason));
      const { category } = rejected.outcome;
      rejected = withOutcome(rejected, {
        status: 'rejected',
        node: this.head,
        masks: [],
        category,
        message: reason,
      });
      commit(rejected);
      this.trajectory = rejected;
      this.pending = null;
      this.status = 'rejected';
    });
  }

  /** Takes the outcome that the store has after an undo or redo of the decision about this episode. */
  async adopt(stored: Trajectory): Promise<EpisodeState> {
    return this.next(async () => {
      const { status, node } = stored.outcome;
      await this.stateAt(node);
      this.trajectory = stored;
      this.head = node;
      this.status = status === 'accepted' || status === 'rejected' ? status : this.restingStatus();
    });
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
    this.work?.abort.abort();
    await this.queue;
    await this.options.policy?.close();
  }

  private async runAutomatically(signal: AbortSignal): Promise<void> {
    this.mode = 'auto';
    while (!signal.aborted && (this.pending !== null || this.canPropose())) {
      if (!this.pending) await this.think(signal);
      if (this.pending && !signal.aborted) await this.runPending(signal, false);
    }
    this.mode = 'step';
  }

  private async think(signal: AbortSignal): Promise<void> {
    const { policy, environment, renderer } = this.options;
    if (!policy) {
      throw new MaskwrightError('MODEL_MISSING', 'No agent is set up, so there is nobody to ask.', {
        hint: 'Choose a model under Models, replay recorded turns, or segment by hand.',
      });
    }
    const state = await this.stateAt(this.head);
    if (state.ended !== null) {
      throw new MaskwrightError('EPISODE_OVER', 'The agent has ended the episode.', {
        hint: 'Accept the result, go back to an earlier turn, or go on by hand.',
      });
    }
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
    const { pending } = this;
    if (!pending) throw nothingPending();
    const state = await this.stateAt(this.head);
    this.status = 'acting';
    this.changed();
    const author = this.options.policy?.author ?? 'agent';
    const { environment } = this.options;
    const turn = await takeTurn(this.trajectory, this.head, author, pending, environment, state, {
      signal,
    });
    this.trajectory = turn.trajectory;
    this.states.set(turn.node.id, turn.result.state);
    this.pending = null;
    this.addVerdict(turn.node.id, byPerson ? 'accepted' : 'proposed', null, null);
    this.moveTo(turn.node.id);
    this.status = this.restingStatus();
    this.record();
  }

  /** @returns the person's turn, and its first one at `parent`: a zoom out where the gesture lies outside the view */
  private async actAt(
    parent: string | null,
    gesture: Gesture,
    signal: AbortSignal,
  ): Promise<{ sibling: TrajectoryNode; node: TrajectoryNode }> {
    const state = await this.stateAt(parent);
    // Checked before anything is recorded: a person's slip is answered in the window and is no part of the record.
    const shown = inViewOf(gesture, state, this.options.environment);
    const { coordinates } = this.trajectory.header;
    const checked = checkCall(shown, callOf(gesture, shown.view, coordinates), coordinates, null);
    if ('invalid' in checked) throw new MaskwrightError('INVALID_REQUEST', checked.invalid);
    this.status = 'acting';
    this.changed();
    if (isGestureInView(gesture, state.view)) {
      const { node } = await this.personTurn(parent, state, gesture, signal);
      return { sibling: node, node };
    }
    const zoomedOut = await this.personTurn(parent, state, { name: 'zoom_out' }, signal);
    const { node } = await this.personTurn(zoomedOut.node.id, zoomedOut.result.state, gesture, signal);
    return { sibling: zoomedOut.node, node };
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

  private async step(from: Step[], to: Step[]): Promise<boolean> {
    const target = from.at(-1);
    if (!target || !this.isOpen) return false;
    await this.stateAt(target.head);
    this.dropPending();
    from.pop();
    to.push({ head: this.head, mark: target.mark });
    this.head = target.head;
    return true;
  }

  private moveTo(head: string | null): void {
    if (head === this.head) return;
    this.undoHeads.push({ head: this.head, mark: this.options.lastMark() });
    this.redoHeads.length = 0;
    this.head = head;
  }

  /** Keeps a pending call that will not run as a sibling of what comes in its place. */
  private keepGhost(kind: Verdict['verdict'], replacement: string | null, reason: string | null): void {
    this.trajectory = this.withGhost(kind, replacement, reason);
    this.pending = null;
  }

  /** The trajectory with the pending call as a node that never ran. */
  private withGhost(
    kind: Verdict['verdict'] = 'proposed',
    replacement: string | null = null,
    reason: string | null = null,
  ): Trajectory {
    if (!this.pending) return this.trajectory;
    const author = this.options.policy?.author ?? 'agent';
    const ghost = ghostNode(this.trajectory, this.head, author, this.pending);
    return appendVerdict(appendNode(this.trajectory, ghost), verdict(ghost.id, kind, replacement, reason));
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

  /**
   * Runs a task after everything that was asked before; a person's interrupts the agent. The session is stored and
   * told after it. A failure is thrown, and shown in the state unless it is a slip; an interruption is neither.
   */
  private next(
    task: (signal: AbortSignal) => Promise<void>,
    by: 'person' | 'agent' = 'person',
  ): Promise<EpisodeState> {
    if (by === 'person' && this.work?.isAgents) this.work.abort.abort();
    const run = this.queue.then(() => this.run(task, by === 'agent'));
    this.queue = run.then(
      () => {},
      () => {},
    );
    return run;
  }

  private async run(task: (signal: AbortSignal) => Promise<void>, isAgents: boolean): Promise<EpisodeState> {
    const abort = new AbortController();
    this.work = { abort, isAgents };
    this.error = null;
    try {
      await task(abort.signal);
    } catch (error) {
      if (!(isCancelled(error) && abort.signal.aborted)) {
        if (!isSlip(error)) {
          const hint = error instanceof MaskwrightError ? error.hint : '';
          this.error = { message: messageOf(error), hint };
        }
        throw error;
      }
    } finally {
      this.work = null;
      // Nothing runs by itself any more: it was stopped, has failed, or has come to its end.
      if (this.mode === 'auto' && (abort.signal.aborted || this.error)) this.mode = 'step';
      // A ghost that could not be replaced still waits for its decision.
      if (this.isOpen) this.status = this.error && !this.pending ? 'failed' : this.restingStatus();
      this.record();
    }
    return this.state();
  }

  private restingStatus(): Status {
    if (this.pending) return 'proposed';
    return this.states.get(this.head)?.ended ? 'ended' : 'waiting';
  }

  /** Stores the trajectory with the place where it is, and tells. */
  private record(): void {
    if (this.isOpen) {
      this.trajectory = withOutcome(this.trajectory, {
        status: 'open',
        node: this.head,
        masks: [],
        category: null,
        message: null,
      });
      this.options.save(this.trajectory);
    }
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

/** What the person did does not fit the state; the episode is as it was. */
function isSlip(error: unknown): boolean {
  const slips = ['INVALID_REQUEST', 'CONFLICT', 'NOT_FOUND', 'EPISODE_OVER'];
  return error instanceof MaskwrightError && slips.includes(error.code);
}

function nothingPending(): MaskwrightError {
  return new MaskwrightError('CONFLICT', 'No call is waiting for a decision.', {
    hint: 'Ask the agent for its next call first.',
  });
}
