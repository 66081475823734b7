import type { Coordinates, View } from '@shared/geometry/view';
import type { AgentConventions, PromptStyle } from '@shared/tools/conventions';
import type { RawCall, ToolName } from '@shared/tools/definitions';
import type { Usage } from '@shared/trajectory/schema';
import type { EnvironmentState } from '../environment/state';

export interface PngImage {
  png: Uint8Array;
  width: number;
  height: number;
}

export type MessagePart = { type: 'text'; text: string } | { type: 'image'; image: PngImage };

/**
 * One message of a policy's prompt. `assistant` text is in the Hermes form
 * `<think>\n…\n</think>\n\n<tool_call>\n{…}\n</tool_call>`; `tool` is an observation.
 */
export interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: MessagePart[];
}

/** What a policy sees before it proposes. Ground truth is never part of it. */
export interface PolicyInput {
  messages: Message[];
  /** Tools on offer, in the order of the prompt. */
  tools: readonly ToolName[];
  coordinates: Coordinates;
  /** Whether the tools stand in the prompt of a language model. What it may call are all of `tools` in any case. */
  prompt: PromptStyle;
  view: View;
  /** The environment's state, for policies that are no language model (simulated, replay). */
  state: EnvironmentState;
}

export interface Proposal {
  thought: string;
  /** Null when the answer held no call; `problem` then says why. Validated later, by the environment. */
  call: RawCall | null;
  problem: string | null;
  /** Simulated annotator: the call is wrong on purpose, or is not. */
  wrongOnPurpose?: boolean;
  /** The answer as it came. */
  raw: string;
  usage: Usage;
}

export interface ProposeOptions {
  signal?: AbortSignal;
  /** Of what the policy draws at random; its own when left out. */
  seed?: number;
  /** Text as it arrives, in order; concatenated it is `raw`. */
  onText?: (text: string) => void;
}

/** Chooses the next tool call. Throws MaskwrightError (POLICY_FAILED, ENDPOINT_FAILED, MODEL_*, CANCELLED). */
export interface Policy {
  readonly identity: { kind: string; name: string };
  readonly author: 'agent' | 'human' | 'simulator';
  /** Whether `messages` are needed; when false they come empty and nothing is rendered. */
  readonly readsPrompt: boolean;
  /** How it must be spoken to, as far as its own file says; left out: as it was set up. */
  readonly conventions?: Partial<AgentConventions>;
  propose(input: PolicyInput, options?: ProposeOptions): Promise<Proposal>;
  close(): Promise<void>;
}
