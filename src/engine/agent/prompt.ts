import { formatCall, formatTurn } from '@shared/tools/prompt-text';
import { systemText } from '@shared/tools/system-text';
import type { Observation, Trajectory, TrajectoryHeader } from '@shared/trajectory/schema';
import { childrenOf, pathTo, verdictOf } from '@shared/trajectory/tree';
import type { ObservationRenderer } from '../environment/observation-image';
import type { Message, MessagePart } from '../policies/policy';
import type { ImageSource } from '../segmenters/segmenter';

/**
 * How many of the latest overlay images stay in a prompt beside the first image; older ones become a line of text. A
 * brief prompt keeps all: it is for small views, and an agent trained in this environment saw them so.
 */
export function usualObservationImages({ prompt }: TrajectoryHeader): number {
  return prompt === 'brief' ? Number.MAX_SAFE_INTEGER : 1;
}

/** A part of a prompt in which an image is named by the node whose observation it shows (null: the root). */
export type PromptPart = { type: 'text'; text: string } | { type: 'image'; node: string | null };
export interface PromptMessage {
  role: Message['role'];
  content: PromptPart[];
}

/**
 * The prompt at a node: system text, the query with the first image, every turn up to the node as text, and the
 * latest `observationImages` overlay images. The trajectory itself always keeps everything.
 */
export function promptAt(
  trajectory: Trajectory,
  head: string | null,
  observationImages = usualObservationImages(trajectory.header),
): PromptMessage[] {
  const path = pathTo(trajectory, head).filter((node) => node.observation !== null);
  const messages: PromptMessage[] = [
    { role: 'system', content: [{ type: 'text', text: systemText(trajectory.header) }] },
    {
      role: 'user',
      content: [
        { type: 'image', node: null },
        { type: 'text', text: `Query: ${trajectory.header.query}\n${trajectory.root.text}` },
      ],
    },
  ];
  for (const [index, node] of path.entries()) {
    const isShown = index >= path.length - observationImages;
    const said = node.call ? formatTurn(node.thought, node.call) : node.raw || node.thought;
    messages.push({ role: 'assistant', content: [{ type: 'text', text: said }] });
    messages.push({
      role: 'tool',
      content: [
        ...(isShown ? [{ type: 'image' as const, node: node.id }] : []),
        {
          type: 'text',
          text: `${isShown ? '' : '[earlier image left out]\n'}${node.observation?.text ?? ''}`,
        },
      ],
    });
  }
  const refused = refusedCalls(trajectory, head);
  if (refused !== '') messages.at(-1)?.content.push({ type: 'text', text: refused });
  return messages;
}

/** What a person rejected at this very place, so that the agent does not propose it again. */
function refusedCalls(trajectory: Trajectory, head: string | null): string {
  return childrenOf(trajectory, head)
    .flatMap((node) => {
      const verdict = verdictOf(trajectory, node.id);
      if (node.observation !== null || !node.call || verdict?.verdict !== 'rejected') return [];
      const reason = verdict.reason ? ` (${verdict.reason})` : '';
      return [`\nRejected by the person${reason}: ${formatCall(node.call)}. Propose another call.`];
    })
    .join('');
}

/** Renders the images that a prompt names. */
export async function renderPrompt(
  prompt: readonly PromptMessage[],
  trajectory: Trajectory,
  image: ImageSource,
  renderer: ObservationRenderer,
): Promise<Message[]> {
  const observations = new Map<string, Observation>();
  for (const node of trajectory.nodes) if (node.observation) observations.set(node.id, node.observation);
  const renderPart = async (part: PromptPart): Promise<MessagePart> => {
    if (part.type === 'text') return part;
    const observation = part.node === null ? trajectory.root : observations.get(part.node);
    if (!observation) throw new Error(`Prompt names node ${part.node}, which has no observation`);
    return { type: 'image', image: await renderer.render(image, observation, trajectory.header.overlay) };
  };
  return Promise.all(
    prompt.map(async ({ role, content }) => ({ role, content: await Promise.all(content.map(renderPart)) })),
  );
}
