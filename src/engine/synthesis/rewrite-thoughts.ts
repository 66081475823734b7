import { type LeakKind, leaksOf } from '@shared/synthesis/leaks';
import { observationBefore, type VisibleTurn } from '@shared/synthesis/visible';
import { formatCall } from '@shared/tools/prompt-text';
import type { OverlayStyle } from '@shared/trajectory/schema';
import type { ObservationRenderer } from '../environment/observation-image';
import { type EnvironmentState, emptyObject } from '../environment/state';
import type { Message, MessagePart, Policy } from '../policies/policy';
import type { ImageSource } from '../segmenters/segmenter';

const system = `You write down what went through the head of someone who segments what a query names in an image, turn by turn, with a few tools. You see what that person saw, and the call that came next. Answer with the thought that leads to this call: one to three short sentences in the first person, about what is to be seen in the latest image and why this call helps. Name things by their looks and their place in words; no coordinates, and no number that the observations do not show. Answer with the thought alone.`;

/**
 * What a teacher is shown to write a thought: the query, the observations with the first and the latest image, and the
 * calls up to the one that the thought is for. Earlier thoughts, the ground truth and what came later are not in it.
 */
export async function rewritingPrompt(
  visible: VisibleTurn,
  image: ImageSource,
  renderer: ObservationRenderer,
  style: OverlayStyle,
): Promise<Message[]> {
  const { query, start, earlier, call } = visible;
  const picture = async (observation: typeof start): Promise<MessagePart> => ({
    type: 'image',
    image: await renderer.render(image, observation, style),
  });
  const turns = earlier.map(
    (turn) => `Call: ${turn.call ? formatCall(turn.call) : 'none'}\nObservation:\n${turn.observation.text}`,
  );
  const before = `Query: ${query}\nObservation:\n${start.text}\n${turns.join('\n')}`;
  const ask = `The call: ${formatCall(call)}\nWrite the thought.`;
  const content: MessagePart[] = [await picture(start), { type: 'text', text: before.trim() }];
  if (earlier.length > 0) content.push(await picture(observationBefore(visible)));
  content.push({ type: 'text', text: earlier.length > 0 ? ask : `\n${ask}` });
  return [
    { role: 'system', content: [{ type: 'text', text: system }] },
    { role: 'user', content },
  ];
}

export interface Rewritten {
  /** Null: what the teacher wrote cannot be used. */
  thought: string | null;
  refused: LeakKind | null;
}

/** Asks a teacher for a thought. @throws MaskwrightError of the endpoint */
export async function rewriteThought(
  teacher: Policy,
  visible: VisibleTurn,
  messages: Message[],
  options: { signal?: AbortSignal; seed: number },
): Promise<Rewritten> {
  const { view, turn, turnsLeft } = observationBefore(visible);
  const { coordinates } = visible;
  // A policy that reads its prompt looks at nothing else.
  const state: EnvironmentState = {
    view,
    objects: [emptyObject(1)],
    activeObject: 1,
    turn,
    turnBudget: turn + turnsLeft,
    ended: null,
    past: [],
  };
  const answer = await teacher.propose(
    { messages, tools: [], coordinates, prompt: 'full', view, state },
    options,
  );
  const thought = cleanAnswer(answer.raw);
  const [leak] = leaksOf(thought, visible);
  return leak ? { thought: null, refused: leak.kind } : { thought, refused: null };
}

/** Without the teacher's own reasoning, a call that it wrote nevertheless, and quotes around all of it. */
function cleanAnswer(raw: string): string {
  const text = raw
    .replace(/<think>[\s\S]*?<\/think>/g, '')
    .replace(/<tool_call>[\s\S]*$/, '')
    .replace(/<\/?think>/g, '')
    .trim();
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1).trim() : text;
}
