import { access } from 'node:fs/promises';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
import { readLines } from '../lines';
import type { ProjectStore } from '../project/store';
import type { Losses } from './losses';

/** One trajectory a line, with a line feed after each. */
export function trajectoriesToJsonl(trajectories: Iterable<Trajectory>): {
  jsonl: string;
  trajectories: number;
} {
  const lines: string[] = [];
  for (const trajectory of trajectories) lines.push(`${JSON.stringify(trajectory)}\n`);
  return { jsonl: lines.join(''), trajectories: lines.length };
}

/** Reads JSONL back. Empty lines are left out. Throws FORMAT_UNREADABLE that names the line. */
export function parseTrajectories(jsonl: string): Trajectory[] {
  const parse = lineParser('the trajectories');
  return jsonl.split('\n').flatMap((line) => parse(line) ?? []);
}

/** Reads a file of them, as annotate and export write it, line by line. Throws NOT_FOUND or FORMAT_UNREADABLE. */
export async function* readTrajectories(file: string): AsyncGenerator<Trajectory, void> {
  await access(file).catch((error: unknown) => {
    throw new MaskwrightError('NOT_FOUND', `The recording ${file} cannot be read: ${messageOf(error)}`);
  });
  const parse = lineParser(file);
  for await (const { text } of readLines(file)) {
    const trajectory = parse(text);
    if (trajectory) yield trajectory;
  }
}

/** Parses one line after the other; null for an empty one. */
function lineParser(name: string): (line: string) => Trajectory | null {
  const ids = new Set<string>();
  let number = 0;
  return (line) => {
    number += 1;
    if (line.trim() === '') return null;
    try {
      const trajectory = parsedLine(line);
      const { id } = trajectory.header;
      if (ids.has(id)) throw new Error(`the id ${id} was used before`);
      ids.add(id);
      return trajectory;
    } catch (error) {
      throw new MaskwrightError(
        'FORMAT_UNREADABLE',
        `Line ${number} of ${name} cannot be read: ${messageOf(error)}`,
        {
          hint: 'Use a trajectories.jsonl as annotate and export write it. It may be cut off or of a newer version.',
        },
      );
    }
  };
}

function parsedLine(line: string): Trajectory {
  const trajectory = parseTrajectory(JSON.parse(line));
  const nodes = new Set<string>();
  for (const node of trajectory.nodes) {
    if (node.parent !== null && !nodes.has(node.parent)) {
      throw new Error(`turn ${node.id} comes before its parent`);
    }
    nodes.add(node.id);
  }
  return trajectory;
}

/**
 * All trajectories of a project, one line a part, each read back before it is given out. Damaged ones are left out and
 * told to `losses`. Throws FORMAT_UNREADABLE when a line does not read back the same.
 */
export function* trajectoryParts(
  store: ProjectStore,
  losses: Losses,
  onLine: () => void = () => {},
): Generator<string, void> {
  const unreadable = (id: string, error: unknown): void =>
    losses.add('unreadable', `${id} (${messageOf(error)})`);
  for (const trajectory of store.allTrajectories(unreadable)) {
    const line = JSON.stringify(trajectory);
    if (JSON.stringify(parsedLine(line)) !== line) {
      throw new MaskwrightError(
        'FORMAT_UNREADABLE',
        `The trajectory ${trajectory.header.id} does not read back the same.`,
      );
    }
    yield `${line}\n`;
    onLine();
  }
}
