import type { ToolName } from '@shared/tools/definitions';
import type { Policy, PolicyInput } from './policy';
import { withProposals } from './with-proposals';

/** What a policy has to do without, to measure what it is worth. */
export interface Ablation {
  /** Tools that it is not offered. */
  without: readonly ToolName[];
  /** It sees the image at the start and no picture of what its calls did; the texts stay. */
  blind: boolean;
}

/** In words, to stand behind a policy's name; empty where nothing is missing. */
export function ablationText({ without, blind }: Ablation): string {
  const missing = [...without, ...(blind ? ['observation images'] : [])];
  return missing.length === 0 ? '' : ` without ${missing.join(', ')}`;
}

/** The same policy, which is asked and shown less. One that reads no prompt (simulated, replay) is not changed by it. */
export function ablated(policy: Policy, ablation: Ablation): Policy {
  if (ablationText(ablation) === '') return policy;
  return withProposals(policy, (input, options) => policy.propose(reduced(input, ablation), options));
}

function reduced(input: PolicyInput, { without, blind }: Ablation): PolicyInput {
  const messages = blind
    ? input.messages.map((message) =>
        message.role === 'tool'
          ? { ...message, content: message.content.filter(({ type }) => type === 'text') }
          : message,
      )
    : input.messages;
  return { ...input, messages, tools: input.tools.filter((tool) => !without.includes(tool)) };
}
