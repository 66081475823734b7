import { parseShard, type Shard } from '@engine/datasets/shard';
import { messageOf } from '@shared/contract/errors';
import { viewPixelsSchema } from '@shared/tools/conventions';
import { type ToolName, toolNames } from '@shared/tools/definitions';
import { InvalidArgumentError } from 'commander';
import { exitCodes } from './exit-codes';

/** What options of several commands are parsed by. */

export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

export function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

export function countFromZero(text: string): number {
  const value = integer(text);
  if (value < 0) throw new InvalidArgumentError('It must be a whole number from 0.');
  return value;
}

/** Such as "1,2,4,8". */
export function counts(text: string): number[] {
  return text.split(',').map(count);
}

/** Such as "zoom,zoom_out". */
export function tools(text: string): ToolName[] {
  return text.split(',').map((name) => {
    const tool = toolNames.find((each) => each === name);
    if (tool) return tool;
    throw new InvalidArgumentError(`Tools are ${toolNames.join(', ')}.`);
  });
}

export function pixels(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || value > 50)
    throw new InvalidArgumentError('It must be a number of pixels from 0 to 50.');
  return value;
}

export function viewPixels(text: string): number {
  const parsed = viewPixelsSchema.safeParse(Number(text));
  if (parsed.success && parsed.data !== null) return parsed.data;
  throw new InvalidArgumentError('It must be a whole number from 784 (28 × 28) to 4194304.');
}

export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return value;
}

export function portNumber(text: string): number {
  const value = integer(text);
  if (value < 0 || value > 65_535)
    throw new InvalidArgumentError('It must be 0 to 65535 (0: any free port).');
  return value;
}

export function tokenText(text: string): string {
  if (!/^[A-Za-z0-9_-]{16,}$/.test(text))
    throw new InvalidArgumentError('It must be at least 16 letters, digits, "-" or "_".');
  return text;
}

export function shard(text: string): Shard {
  try {
    return parseShard(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

/** Overlay images in a prompt: a number, or all. */
export function imageCount(text: string): number | 'all' {
  return text === 'all' ? 'all' : countFromZero(text);
}

/** For the end of a command’s help. */
export const exitCodeHelp = `
Exit codes:
  ${exitCodes.ok}    everything was done
  ${exitCodes.itemsFailed}    done, but some items failed or were skipped (they are listed and counted)
  ${exitCodes.usage}    the command line or an input file is wrong
  ${exitCodes.failed}    the work could not be done (a model, file or endpoint is missing or broken)
  ${exitCodes.interrupted}  interrupted; the same command goes on from there
`;
