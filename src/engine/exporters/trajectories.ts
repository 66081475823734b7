import { access } from 'node:fs/promises';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
import { readLines } from '../lines';
import type { ProjectStore } from '../project/store';

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
 * All trajectories of a project as JSONL, read back before it is given out. Damaged ones are left out and named in
 * `warnings`. Throws FORMAT_UNREADABLE when the text does not read back the same.
 */
export function exportTrajectories(store: ProjectStore): {
  jsonl: string;
  trajectories: number;
  warnings: string[];
} {
  const warnings: string[] = [];
  const written = trajectoriesToJsonl(
    store.allTrajectories((id, error) => warnings.push(`trajectory ${id} was left out: ${messageOf(error)}`)),
  );
  if (trajectoriesToJsonl(parseTrajectories(written.jsonl)).jsonl !== written.jsonl) {
    throw new MaskwrightError('FORMAT_UNREADABLE', 'The exported trajectories do not read back the same.');
  }
  return { ...written, warnings };
}
