import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type {
  EpisodeState,
  Explanation,
  Gesture,
  MethodOutput,
  Mode,
  PendingCall,
  Rerun,
} from '@shared/contract/methods';
import { fullView } from '@shared/geometry/view';
import { encodeMask, type Rle } from '@shared/mask/rle';
import { toolCallSchema } from '@shared/tools/definitions';
import { callOf, gestureOf, isGestureInView } from '@shared/tools/gesture';
import { formatCall } from '@shared/tools/prompt-text';
import type { Author, Trajectory, TrajectoryNode, Verdict } from '@shared/trajectory/schema';
import {
  appendNode,
  appendVerdict,
  asAsked,
  authorOfPath,
  isDiscarded,
  nodeById,
  observationAt,
  onward,
  pathTo,
  verdictOf,
  withOutcome,
} from '@shared/trajectory/tree';
import type { Environment, StepResult } from '../environment/environment';
import { checkCall } from '../environment/invalid-calls';
import type { ObservationRenderer } from '../environment/observation-image';
import { activeObjectOf, type EnvironmentState, submittedMasks } from '../environment/state';
import type { Policy } from '../policies/policy';
import type { Segmentation } from '../segmenters/segmenter';
import { promptGiven } from './explain';
import { interruptible } from './interruptible';
import { States } from './states';
import { ghostNode, propose, type TimedProposal, takeTurn } from './turn';

export interface SessionOptions {
  imageId: string;
  mode: Mode;
  trajectory: Trajectory;
  environment: Environment;
  /**
   * Who can be asked now; null: nobody, the person does it all. Asked each time, because an agent may be set up while
   * the episode is open.
   */
  agent(): {
    policy: Policy /** Turns that it has to propose; null: no limit of its own. */;
    length: number | null;
  } | null;
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

/** One gesture or turn, as undo takes it back and redo does it again. */
interface Step {
  before: string | null;
  after: string | null;
  /** The last mark of the project's journal when it was made. */
  mark: number;
  /** Turns that ran by it. */
  made: readonly string[];
  /** Verdicts that it gave about turns that ran before, with those that counted till then. */
  decided: readonly { was: Verdict | undefined; now: Verdict }[];
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
  /** Missing ones are made again by running the path. */
  private readonly states: States;
  /** What runs now. The agent's work is aborted by whatever the person does next; the person's own only by `stop`. */
  private work: { abort: AbortController; isAgents: boolean } | null = null;
  /** Everything that changes the session, one after the other. */
  private queue: Promise<void> = Promise.resolve();
  private readonly undoSteps: Step[] = [];
  private readonly redoSteps: Step[] = [];

  constructor(options: SessionOptions) {
    this.options = options;
    this.trajectory = options.trajectory;
    this.mode = options.mode;
    this.states = new States(options.environment.reset().state);
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

  /**
   * A person's call at the head, or after another turn. It replaces a pending call, the call that ended the episode, or
   * the turn that came there.
   */
  async act(gesture: Gesture, after?: string | null): Promise<EpisodeState> {
    return this.next(async (signal) => {
      this.requireOpen();
      const before = this.trajectory;
      const at = after === undefined ? this.head : after;
      const last = at === null ? null : this.nodeThatRan(at);
      const ends = last && (last.ended === 'finished' || last.ended === 'no_target') ? last : null;
      const next = at === this.head ? undefined : onward(this.trajectory, at, this.head)[0];
      const replaces = ends ?? next;
      const { sibling, node } = await this.actAt(ends ? ends.parent : at, gesture, signal);
      if (this.pending && at === this.head) this.keepGhost('corrected', sibling.id, null);
      else if (replaces) this.addVerdict(replaces.id, 'corrected', sibling.id, null);
      this.dropPending();
      this.moveTo(node.id, before);
    });
  }

  /** A person's call in place of one that ran: the tree forks at its parent. */
  async correct(nodeId: string, gesture: Gesture): Promise<EpisodeState> {
    return this.next(async (signal) => {
      this.requireOpen();
      const before = this.trajectory;
      const replaced = this.node(nodeId);
      const { sibling, node } = await this.actAt(replaced.parent, gesture, signal);
      this.dropPending();
      this.addVerdict(replaced.id, 'corrected', sibling.id, null);
      this.moveTo(node.id, before);
    });
  }

  /** A person's call before or after a turn that ran; the later calls run again behind it. */
  async insert(
    nodeId: string,
    place: 'before' | 'after',
    gesture: Gesture,
  ): Promise<MethodOutput<'episode.insert'>> {
    const rerun: Rerun = { ran: [], left: [] };
    const state = await this.next(async (signal) => {
      this.requireOpen();
      const before = this.trajectory;
      const node = this.nodeThatRan(nodeId);
      if (place === 'after' && node.ended !== null && node.ended !== 'truncated') {
        throw new MaskwrightError(
          'INVALID_REQUEST',
          'Nothing can come after the call that ended the episode.',
          {
            hint: 'Put the call before it.',
          },
        );
      }
      const behind = onward(this.trajectory, nodeId, this.head);
      const later = place === 'before' ? [node, ...behind] : behind;
      const parent = place === 'before' ? node.parent : nodeId;
      const own = await this.actAt(parent, gesture, signal);
      this.dropPending();
      const [replaced] = later;
      if (replaced) this.addVerdict(replaced.id, 'corrected', own.sibling.id, null);
      try {
        await this.runAgain(later, parent, own.node.id, rerun, signal);
      } finally {
        this.moveTo(rerun.ran.at(-1) ?? own.node.id, before);
      }
    });
    return { state, rerun };
  }

  /** Takes a turn out: a fork at its parent on which the later calls run again. */
  async remove(nodeId: string): Promise<MethodOutput<'episode.remove'>> {
    const rerun: Rerun = { ran: [], left: [] };
    const state = await this.next(async (signal) => {
      this.requireOpen();
      const before = this.trajectory;
      const node = this.nodeThatRan(nodeId);
      const later = onward(this.trajectory, nodeId, this.head);
      this.dropPending();
      try {
        await this.runAgain(later, node.parent, node.parent, rerun, signal);
      } finally {
        const instead = this.trajectory.nodes
          .slice(before.nodes.length)
          .find((made) => made.parent === node.parent && made.observation !== null);
        this.addVerdict(node.id, instead ? 'corrected' : 'rejected', instead?.id ?? null, null);
        this.moveTo(rerun.ran.at(-1) ?? node.parent, before);
      }
    });
    return { state, rerun };
  }

  async goTo(nodeId: string | null): Promise<EpisodeState> {
    return this.next(async () => {
      this.requireOpen();
      if (nodeId !== null) this.nodeThatRan(nodeId);
      await this.stateAt(nodeId);
      this.dropPending();
      const before = this.trajectory;
      this.moveTo(nodeId, before);
    });
  }

  /**
   * Why a call was rejected or corrected, also after the episode was settled; null takes the reason back. It waits for
   * nothing and interrupts nobody.
   */
  giveReason(nodeId: string, reason: string | null): EpisodeState {
    const node = this.node(nodeId);
    const last = verdictOf(this.trajectory, node.id);
    if (last?.verdict !== 'rejected' && last?.verdict !== 'corrected') {
      throw new MaskwrightError('INVALID_REQUEST', 'Only a rejected or corrected call has a reason.');
    }
    if (last.reason !== reason) {
      this.addVerdict(node.id, last.verdict, last.replacement, reason);
      this.options.save(this.trajectory);
      this.changed();
    }
    return this.state();
  }

  /** Exactly what the model was given at a turn; null: for the call that is pending. */
  async explain(nodeId: string | null): Promise<Explanation> {
    const { environment, renderer } = this.options;
    const { pending } = this;
    if (nodeId === null && !pending) throw nothingPending();
    const node = nodeId === null ? null : this.node(nodeId);
    const shown = node ? asAsked(this.trajectory, node.id) : this.trajectory;
    const head = node ? node.parent : this.head;
    const given = await promptGiven(shown, head, environment.options.image, renderer);
    const { policy } = this.trajectory.header;
    const author = node ? node.author : (this.options.agent()?.policy.author ?? 'agent');
    const asked = author !== 'agent' ? 'nobody' : policy.kind === 'replay' ? 'recording' : 'model';
    const proposal = pending?.proposal;
    return {
      asked,
      policy,
      ...given,
      raw: node?.raw ?? proposal?.raw ?? '',
      problem: node ? node.invalid : (this.state().pending?.problem ?? null),
      usage: node?.usage ?? proposal?.usage ?? {},
    };
  }

  async stop(): Promise<EpisodeState> {
    this.work?.abort.abort();
    return this.next(async () => {});
  }

  get canUndo(): boolean {
    return this.isOpen && this.undoSteps.length > 0;
  }

  get canRedo(): boolean {
    return this.isOpen && this.redoSteps.length > 0;
  }

  /** The journal's last mark when the step that undo would take back was made. */
  get undoMark(): number {
    return this.undoSteps.at(-1)?.mark ?? 0;
  }

  /** Takes the last step back: its turns stay in the tree as rejected, and what it replaced counts again. */
  async undo(): Promise<EpisodeState> {
    return this.next(async () => {
      const step = this.undoSteps.at(-1);
      if (!step || !this.isOpen) return;
      await this.stateAt(step.before);
      this.dropPending();
      this.undoSteps.pop();
      this.redoSteps.push(step);
      for (const id of step.made) this.addVerdict(id, 'rejected', null, 'undone');
      for (const { was, now } of step.decided) {
        if (was && was.verdict !== 'accepted') this.again(was);
        else this.addVerdict(now.node, 'accepted', null, 'correction undone');
      }
      this.head = step.before;
    });
  }

  async redo(): Promise<EpisodeState> {
    return this.next(async () => {
      const step = this.redoSteps.at(-1);
      if (!step || !this.isOpen) return;
      await this.stateAt(step.after);
      this.dropPending();
      this.redoSteps.pop();
      this.undoSteps.push(step);
      for (const id of step.made) this.addVerdict(id, 'accepted', null, null);
      for (const { now } of step.decided) this.again(now);
      this.head = step.after;
    });
  }

  /**
   * Settles the episode as accepted: what the state at the head, or at another turn, would submit.
   *
   * @param commit stores annotations and trajectory together, durably, before it returns
   */
  async accept(
    category: string,
    commit: (answer: Answer) => void,
    nodeId: string | null = null,
  ): Promise<EpisodeState> {
    return this.next(async () => {
      this.requireOpen();
      const target = nodeId === null ? this.head : this.nodeThatRan(nodeId).id;
      const state = await this.stateAt(target);
      const masks = submittedMasks(state).map(encodeMask);
      if (masks.length === 0 && state.ended !== 'no_target') {
        throw new MaskwrightError('INVALID_REQUEST', 'There is no mask to accept yet.', {
          hint: 'Let the agent segment something, or draw a box around the object.',
        });
      }
      const path = pathTo(this.trajectory, target);
      let accepted = this.withGhost();
      for (const node of path) {
        if (verdictOf(accepted, node.id)?.verdict === 'accepted') continue;
        accepted = appendVerdict(accepted, verdict(node.id, 'accepted', null, null));
      }
      accepted = withOutcome(accepted, {
        status: 'accepted',
        node: target,
        masks,
        category,
        message: null,
      });
      const score = activeObjectOf(state).predictedIou;
      commit({ trajectory: accepted, masks, score, author: authorOfPath(path) });
      this.moveTo(target, this.trajectory);
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
    }, 'store');
  }

  /**
   * All masks that a gesture would give, without recording anything. Latest wins.
   *
   * @param at the turn after which it would be made, null: before the first; the head when it is left out
   */
  async preview(gesture: Gesture, at: string | null = this.head): Promise<Segmentation | null> {
    if (at !== null) this.nodeThatRan(at);
    const state = inViewOf(gesture, await this.stateAt(at), this.options.environment);
    const call = callOf(gesture, state.view, this.trajectory.header.coordinates);
    return this.options.environment.candidates(state, call, { lane: `preview ${this.imageId}` });
  }

  /** Lets go of what can be made again from the record; called when another episode comes to the front. */
  rest(): void {
    if (!this.isBusy) this.states.pack();
  }

  /** Tells the state again: what can be asked has changed. */
  tell(): void {
    this.changed();
  }

  async close(): Promise<void> {
    this.work?.abort.abort();
    await this.queue;
    await this.options.agent()?.policy.close();
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
    const { environment, renderer } = this.options;
    const policy = this.options.agent()?.policy;
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
    const askedAt = new Date().toISOString();
    const asking = propose(policy, this.trajectory, this.head, environment, state, renderer, {
      signal,
      onText: (text) => {
        if (!signal.aborted) this.options.onText(text);
      },
    });
    this.pending = { ...(await interruptible(asking, signal)), askedAt };
    this.nameAgent(policy);
    this.status = 'proposed';
    this.changed();
  }

  /** An episode that a person began before there was an agent is from now on that agent's. */
  private nameAgent(policy: Policy): void {
    const { header } = this.trajectory;
    if (header.policy.kind !== 'human') return;
    const { kind, name } = policy.identity;
    this.trajectory = { ...this.trajectory, header: { ...header, policy: { kind, name } } };
  }

  private async runPending(signal: AbortSignal, byPerson: boolean): Promise<void> {
    const { pending } = this;
    if (!pending) throw nothingPending();
    const state = await this.stateAt(this.head);
    this.status = 'acting';
    this.changed();
    const author = this.options.agent()?.policy.author ?? 'agent';
    const { environment } = this.options;
    const before = this.trajectory;
    const turn = await interruptible(
      takeTurn(before, this.head, author, pending, environment, state, { signal }),
      signal,
    );
    // A reason may have been noted meanwhile.
    this.trajectory = appendNode(this.trajectory, turn.node);
    this.states.set(turn.node.id, this.head, turn.result.state);
    this.pending = null;
    this.addVerdict(turn.node.id, byPerson ? 'accepted' : 'proposed', null, null);
    this.moveTo(turn.node.id, before);
    this.status = this.restingStatus();
    this.record();
  }

  /** @returns the person's turn, and its first one at `parent`: a zoom out where the gesture lies outside the view */
  private async actAt(
    parent: string | null,
    gesture: Gesture,
    signal: AbortSignal,
    repeats?: string,
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
      const { node } = await this.personTurn(parent, state, gesture, signal, repeats);
      return { sibling: node, node };
    }
    const zoomedOut = await this.personTurn(parent, state, { name: 'zoom_out' }, signal);
    const { node } = await this.personTurn(
      zoomedOut.node.id,
      zoomedOut.result.state,
      gesture,
      signal,
      repeats,
    );
    return { sibling: zoomedOut.node, node };
  }

  private async personTurn(
    parent: string | null,
    state: EnvironmentState,
    gesture: Gesture,
    signal: AbortSignal,
    repeats?: string,
  ): Promise<{ node: TrajectoryNode; result: StepResult }> {
    const { coordinates } = this.trajectory.header;
    const continued: EnvironmentState = { ...state, ended: null };
    const call = callOf(gesture, continued.view, coordinates);
    const proposal = { thought: '', call, problem: null, raw: '', usage: {} };
    const turn = await interruptible(
      takeTurn(
        this.trajectory,
        parent,
        'human',
        { proposal, policyMs: 0, repeats },
        this.options.environment,
        continued,
        { signal, unbounded: true, candidate: 'candidate' in gesture ? gesture.candidate : undefined },
      ),
      signal,
    );
    this.trajectory = appendNode(this.trajectory, turn.node);
    this.states.set(turn.node.id, parent, turn.result.state);
    this.addVerdict(turn.node.id, 'accepted', null, null);
    return turn;
  }

  /**
   * Runs calls again behind another turn, as the person's, each at its place in the image. Stops at the first that no
   * longer makes sense; `rerun` says at any time how far it came.
   *
   * @param calls turns that followed on one another and on `origin`
   * @param from the turn behind which they run now; it lies behind `origin` or is it
   */
  private async runAgain(
    calls: readonly TrajectoryNode[],
    origin: string | null,
    from: string | null,
    rerun: Rerun,
    signal: AbortSignal,
  ): Promise<void> {
    /** Where the turns that a revert may name are now. */
    const turns = new Map<number, number>();
    for (let turn = 0; turn <= observationAt(this.trajectory, origin).turn; turn++) turns.set(turn, turn);
    let head = from;
    let halted = false;
    const leave = (node: TrajectoryNode, why: Rerun['left'][number]['why']): void => {
      rerun.left.push({ node: node.id, why });
    };
    for (const node of calls) {
      if (halted) leave(node, 'after');
      else if (node.invalid !== null) leave(node, 'refused');
      else if (node.call?.name === 'finish' || node.call?.name === 'report_no_target') leave(node, 'ended');
      else {
        const gesture = await this.gestureAgain(node, head, turns);
        if (typeof gesture === 'string') {
          leave(node, gesture);
          halted = true;
          continue;
        }
        try {
          const again = await this.actAt(head, gesture, signal, node.id);
          head = again.node.id;
        } catch (error) {
          // Nothing of it was recorded: it is said, and what ran stays.
          if (!isSlip(error) && !(isCancelled(error) && signal.aborted)) throw error;
          leave(node, isSlip(error) ? 'invalid' : 'stopped');
          halted = true;
          continue;
        }
        rerun.ran.push(head);
        turns.set(observationAt(this.trajectory, node.id).turn, observationAt(this.trajectory, head).turn);
      }
    }
  }

  /** The place of a call in the image, to run it at another node; or why it makes no sense there. */
  private async gestureAgain(
    node: TrajectoryNode,
    head: string | null,
    turns: ReadonlyMap<number, number>,
  ): Promise<Gesture | 'object' | 'gone' | 'invalid'> {
    const call = toolCallSchema.safeParse(node.call);
    if (!call.success) return 'invalid';
    const then = observationAt(this.trajectory, node.parent);
    const now = await this.stateAt(head);
    const isAboutView = call.data.name === 'zoom' || call.data.name === 'zoom_out';
    if (!isAboutView && then.activeObject !== now.activeObject) return 'object';
    const gesture = gestureOf(call.data, then.view, this.trajectory.header.coordinates);
    if (gesture.name === 'segment_box' || gesture.name === 'add_point') {
      return { ...gesture, candidate: chosenCandidate(node) };
    }
    if (gesture.name !== 'revert') return gesture;
    const turn = turns.get(gesture.turn);
    return turn === undefined ? 'gone' : { ...gesture, turn };
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
      { unbounded: isPerson, problem: node.invalid, candidate: chosenCandidate(node) },
    );
    this.states.set(id, node.parent, state);
    return state;
  }

  /** Moves the head by a step that can be undone. `since`: the trajectory before what the step did. */
  private moveTo(head: string | null, since: Trajectory): void {
    if (head === this.head && this.trajectory === since) return;
    // Who works on a branch that was rejected wants it after all.
    for (const node of pathTo(this.trajectory, head)) {
      if (isDiscarded(this.trajectory, node.id)) this.addVerdict(node.id, 'accepted', null, null);
    }
    const isOld = new Set(since.nodes.map((node) => node.id));
    const made = this.trajectory.nodes.slice(since.nodes.length);
    const decided = this.trajectory.verdicts
      .slice(since.verdicts.length)
      .filter((now) => isOld.has(now.node))
      .map((now) => ({ was: verdictOf(since, now.node), now }))
      // A note of a reason decides nothing.
      .filter(({ was, now }) => was?.verdict !== now.verdict || was.replacement !== now.replacement);
    this.undoSteps.push({
      before: this.head,
      after: head,
      mark: this.options.lastMark(),
      made: made.filter((node) => node.observation !== null).map((node) => node.id),
      decided,
    });
    this.redoSteps.length = 0;
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
    const author = this.options.agent()?.policy.author ?? 'agent';
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

  private again(past: Verdict): void {
    this.trajectory = appendVerdict(this.trajectory, { ...past, at: new Date().toISOString() });
  }

  /**
   * Runs a task after everything that was asked before; a person's interrupts the agent. The session is stored and
   * told after it, unless the change came from the store. A failure is thrown, and shown in the state unless it is a slip; an interruption is neither.
   */
  private next(
    task: (signal: AbortSignal) => Promise<void>,
    by: 'person' | 'agent' | 'store' = 'person',
  ): Promise<EpisodeState> {
    if (by !== 'agent' && this.work?.isAgents) this.work.abort.abort();
    const run = this.queue.then(() => this.run(task, by));
    this.queue = run.then(
      () => {},
      () => {},
    );
    return run;
  }

  private async run(
    task: (signal: AbortSignal) => Promise<void>,
    by: 'person' | 'agent' | 'store',
  ): Promise<EpisodeState> {
    const abort = new AbortController();
    this.work = { abort, isAgents: by === 'agent' };
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
      // What the store has just said is not told back to it: a result would become an open episode.
      if (by === 'store') this.changed();
      else this.record();
    }
    return this.state();
  }

  private restingStatus(): Status {
    if (this.pending) return 'proposed';
    return this.states.peek(this.head)?.ended ? 'ended' : 'waiting';
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
    const agent = this.options.agent();
    const state = this.states.peek(this.head);
    if (!agent || !state || state.ended !== null || !this.isOpen) return false;
    return state.turn < (agent.length ?? state.turnBudget);
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

  private nodeThatRan(id: string): TrajectoryNode {
    const node = this.node(id);
    if (node.observation !== null) return node;
    throw new MaskwrightError('INVALID_REQUEST', 'That call was never run, so there is nothing to go to.', {
      hint: 'Choose a turn that ran, or make its call yourself.',
    });
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

/** The candidate that a person chose in a turn; undefined when nobody chose. */
function chosenCandidate({ call, observation }: TrajectoryNode): number | undefined {
  if (call?.name !== 'segment_box' && call?.name !== 'add_point') return undefined;
  return observation?.objects.find(({ id }) => id === observation.activeObject)?.candidate;
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
