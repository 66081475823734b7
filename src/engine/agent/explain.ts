import type { Explanation } from '@shared/contract/methods';
import { toolNames } from '@shared/tools/definitions';
import { toolPromptText } from '@shared/tools/prompt-text';
import type { Trajectory } from '@shared/trajectory/schema';
import type { ObservationRenderer } from '../environment/observation-image';
import type { ImageSource } from '../segmenters/segmenter';
import { promptAt, renderPrompt } from './prompt';

/** What a model is given at a node, made by the functions that make the policy's own prompt. */
export async function promptGiven(
  trajectory: Trajectory,
  head: string | null,
  image: ImageSource,
  renderer: ObservationRenderer,
): Promise<Pick<Explanation, 'messages' | 'tools'>> {
  const prompt = promptAt(trajectory, head);
  const rendered = await renderPrompt(prompt, trajectory, image, renderer);
  return {
    messages: rendered.map(({ role, content }, message) => ({
      role,
      content: content.map((part, index) => {
        if (part.type === 'text') return part;
        const named = prompt[message]?.content[index];
        const { png, width, height } = part.image;
        const node = named?.type === 'image' ? named.node : null;
        return { type: 'image' as const, node, width, height, png: new Uint8Array(png) };
      }),
    })),
    tools:
      trajectory.header.prompt === 'brief' ? '' : toolPromptText(toolNames, trajectory.header.coordinates),
  };
}
