import { formatCall } from '@shared/tools/prompt-text';
import type { Conversation } from '@shared/training/conversation';
import type { DroppedReason, RowSource } from '@shared/training/manifest';
import type { Preference } from '@shared/training/preferences';
import type { JudgedTrajectory, JudgedTurn } from '@shared/trajectory/learnable';
import type { Trajectory, TrajectoryNode } from '@shared/trajectory/schema';
import { verdictOf } from '@shared/trajectory/tree';
import { answerOf, conversationsOf, type Draft, draftOf } from './conversations';

/** What a trajectory gives before its images are written. */
export interface DraftItem {
  draft: Draft;
  source: Omit<RowSource, 'row'>;
  /** preferences: the node of the rejected answer. */
  rejected?: TrajectoryNode;
}

type Given = { items: DraftItem[] } | { dropped: DroppedReason };

export function sftItems(
  trajectory: Trajectory,
  judged: JudgedTrajectory,
  observationImages: number | undefined,
): Given {
  if (judged.unusable !== null) return { dropped: judged.unusable };
  const items = conversationsOf(trajectory, judged.turns, observationImages).map((draft) => ({
    draft,
    source: sourceOf(trajectory, judged, draft),
  }));
  return { items };
}

/**
 * Forks in which something that is imitated took the place of an agent's call. What was only undone, or ran again
 * later, was not wrong.
 */
export function preferenceItems(
  trajectory: Trajectory,
  judged: JudgedTrajectory,
  observationImages: number | undefined,
): Given {
  if (judged.unusable !== null && judged.unusable !== 'nothing_to_learn') return { dropped: judged.unusable };
  const repeated = new Set(trajectory.nodes.map(({ repeats }) => repeats));
  const items = trajectory.nodes.flatMap((node): DraftItem[] => {
    const verdict = verdictOf(trajectory, node.id);
    if (node.author === 'human' || !node.call || repeated.has(node.id)) return [];
    if (verdict?.verdict !== 'corrected' && verdict?.verdict !== 'rejected') return [];
    if (verdict.reason === 'undone') return [];
    const chosen = judged.turns.find(
      (turn) => turn.node.parent === node.parent && turn.node.id !== node.id && turn.reason === null,
    );
    if (!chosen?.node.call || formatCall(chosen.node.call) === formatCall(node.call)) return [];
    const asked = { ...draftOf(trajectory, node, observationImages) };
    // A preference for answers without a thought is not what the pair says.
    const silent = chosen.node.thought === '' || node.thought === '';
    const spoken = (turn: TrajectoryNode): TrajectoryNode => (silent ? { ...turn, thought: '' } : turn);
    const messages = [...asked.conversation.messages.slice(0, -1), answerOf(spoken(chosen.node), true)];
    const draft = {
      ...asked,
      conversation: { ...asked.conversation, messages },
      nodes: [...asked.nodes.slice(0, -1), chosen.node.id],
    };
    return [
      {
        draft,
        source: { ...sourceOf(trajectory, judged, draft), rejected: node.id },
        rejected: spoken(node),
      },
    ];
  });
  return items.length === 0 ? { dropped: 'no_fork' } : { items };
}

function sourceOf(
  trajectory: Trajectory,
  judged: JudgedTrajectory,
  { nodes, conversation }: Draft,
): Omit<RowSource, 'row'> {
  const turns = new Map(judged.turns.map((turn) => [turn.node.id, turn]));
  const answers = conversation.messages.flatMap((message) => (message.role === 'assistant' ? [message] : []));
  return {
    trajectory: trajectory.header.id,
    turns: nodes.map((node, index) => ({
      node,
      loss: answers[index]?.loss ?? false,
      ...judgementOf(turns.get(node)),
    })),
  };
}

/** Turns off the accepted path are not judged: they are context, which a person left behind. */
function judgementOf(turn: JudgedTurn | undefined): Pick<JudgedTurn, 'iouBefore' | 'iou' | 'reason'> {
  if (!turn) return { iouBefore: null, iou: null, reason: 'rejected' };
  return { iouBefore: turn.iouBefore, iou: turn.iou, reason: turn.reason };
}

/** The part of a row's source that a shorter row has, with the flags that it has. */
export function sourceOfRow(
  source: Omit<RowSource, 'row'>,
  conversation: Conversation,
): Omit<RowSource, 'row'> {
  const answers = conversation.messages.flatMap((message) => (message.role === 'assistant' ? [message] : []));
  const turns = answers.flatMap(({ loss }, index) => {
    const turn = source.turns[index];
    return turn ? [{ ...turn, loss }] : [];
  });
  return { ...source, turns };
}

export function preferenceOf(conversation: Conversation, rejected: TrajectoryNode): Preference {
  return { chosen: conversation, rejected: answerOf(rejected, true) };
}
