import { agentCommands } from './agent';
import type { Command } from './command';
import { decideCommands } from './decide';
import { drawCommands } from './draw';
import { editingCommands } from './editing';
import { goCommands } from './go';
import { liveCommands } from './live';
import { objectCommands } from './objects';
import { reviewCommands } from './review';
import { viewCommands } from './view';

/** Everything that can be done by a key or from the palette. */
export const commands: readonly Command[] = [
  ...decideCommands,
  ...reviewCommands,
  ...agentCommands,
  ...drawCommands,
  ...editingCommands,
  ...liveCommands,
  ...objectCommands,
  ...viewCommands,
  ...goCommands,
];
