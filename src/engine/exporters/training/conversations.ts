import { type RawCall, rawCallSchema, toolNames } from '@shared/tools/definitions';
import { type FunctionTool, toolJsonSchemas } from '@shared/tools/json-schema';
import { cleanThought } from '@shared/tools/prompt-text';
import {
  type Answer,
  type Conversation,
  type ConversationMessage,
  imageMark,
} from '@shared/training/conversation';
import type { JudgedTurn } from '@shared/trajectory/learnable';
import type { Trajectory, TrajectoryNode } from '@shared/trajectory/schema';
import { asAsked, nodeById, pathTo } from '@shared/trajectory/tree';
import { type PromptMessage, promptAt } from '../../agent/prompt';
import { escapeControl, escapeUserText } from '../../policies/chatml';

/** A conversation whose images are still named by the node whose observation they show (null: the first image). */
export interface Draft {
  conversation: Omit<Conversation, 'images'>;
  images: (string | null)[];
  /** The turns that the answers are, in order. */
  nodes: string[];
}

/**
 * The rows of a trajectory: for each turn to learn the very prompt that runs before it, with the turn behind. Turns
 * share a row where the earlier one's prompt and answer are the beginning of the later one's prompt, which is so until
 * the prompt drops an image.
 *
 * @param observationImages latest overlay images in a prompt; undefined: as the prompts that run have them
 */
export function conversationsOf(
  trajectory: Trajectory,
  turns: readonly JudgedTurn[],
  observationImages: number | undefined,
): Draft[] {
  const drafts: Draft[] = [];
  for (const { node, reason } of turns) {
    if (reason !== null) continue;
    const next = draftOf(trajectory, node, observationImages);
    const last = drafts.at(-1);
    if (last && continues(last, next)) drafts[drafts.length - 1] = withLosses(next, last);
    else drafts.push(next);
  }
  return drafts;
}

/** The prompt before a turn with that turn as its only answer under loss. */
export function draftOf(
  trajectory: Trajectory,
  node: TrajectoryNode,
  observationImages: number | undefined,
): Draft {
  const prompt = promptBefore(trajectory, node, observationImages);
  const path = pathTo(trajectory, node.parent).filter(({ observation }) => observation !== null);
  let answered = 0;
  const messages = prompt.slice(1).map((message): ConversationMessage => {
    if (message.role !== 'assistant')
      return { role: message.role === 'tool' ? 'tool' : 'user', text: textOf(message) };
    const turn = path[answered++];
    if (!turn) throw new Error('A prompt has more answers than turns');
    return answerOf(turn, false);
  });
  return {
    conversation: {
      system: prompt[0] ? escapeControl(plainText(prompt[0])) : '',
      tools: promptTools(trajectory.header),
      messages: [...messages, answerOf(node, true)],
    },
    images: prompt.flatMap(({ content }) =>
      content.flatMap((part) => (part.type === 'image' ? [part.node] : [])),
    ),
    nodes: [...path.map(({ id }) => id), node.id],
  };
}

/** The tools that the prompts of a trajectory name. */
function promptTools({ prompt, coordinates }: Trajectory['header']): FunctionTool[] {
  return prompt === 'brief' ? [] : toolJsonSchemas(toolNames, coordinates);
}

/** System text, tools and first message of an episode. */
export function firstPrompt(trajectory: Trajectory): { system: string; tools: FunctionTool[]; text: string } {
  const [system, user] = promptAt(trajectory, null, 0);
  if (!system || !user) throw new Error('A prompt has no beginning');
  return {
    system: escapeControl(plainText(system)),
    tools: promptTools(trajectory.header),
    text: textOf(user),
  };
}

/** What the policy saw. A person's turn has the prompt in which nobody objected to anything yet. */
function promptBefore(
  trajectory: Trajectory,
  node: TrajectoryNode,
  observationImages: number | undefined,
): PromptMessage[] {
  const seen = node.author === 'agent' ? asAsked(trajectory, node.id) : { ...trajectory, verdicts: [] };
  return promptAt(seen, node.parent, observationImages);
}

/** A turn as an answer. Its text in a running prompt is the same. */
export function answerOf(node: TrajectoryNode, loss: boolean): Answer {
  if (!node.call)
    return { role: 'assistant', thought: escapeControl(node.raw || node.thought), call: null, loss };
  return {
    role: 'assistant',
    thought: escapeControl(cleanThought(node.thought)),
    call: escapedCall(node.call),
    loss,
  };
}

function escapedCall(call: RawCall): RawCall {
  return rawCallSchema.parse(JSON.parse(escapeControl(JSON.stringify(call))));
}

function plainText({ content }: PromptMessage): string {
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function textOf(message: PromptMessage): string {
  const hasImage = message.content.some(({ type }) => type === 'image');
  return `${hasImage ? `${imageMark}\n` : ''}${escapeUserText(plainText(message))}`;
}

/** Whether a row can take in the next turn: all that it holds is how the next one's prompt begins. */
function continues(row: Draft, next: Draft): boolean {
  return (
    row.nodes.length < next.nodes.length &&
    row.nodes.every((id, index) => id === next.nodes[index]) &&
    row.images.every((node, index) => node === next.images[index]) &&
    row.conversation.messages.every((message, index) => {
      const other = next.conversation.messages[index];
      return message.role === 'assistant' || (other?.role === message.role && other.text === message.text);
    })
  );
}

function withLosses(next: Draft, row: Draft): Draft {
  const messages = next.conversation.messages.map((message, index) => {
    const before = row.conversation.messages[index];
    return message.role === 'assistant' && before?.role === 'assistant'
      ? { ...message, loss: message.loss || before.loss }
      : message;
  });
  return { ...next, conversation: { ...next.conversation, messages } };
}

/** The observation that an image of a draft shows. */
export function shownObservation(trajectory: Trajectory, node: string | null): Trajectory['root'] {
  const observation = node === null ? trajectory.root : nodeById(trajectory, node).observation;
  if (!observation) throw new Error(`A prompt shows node ${node}, which has no observation`);
  return observation;
}
