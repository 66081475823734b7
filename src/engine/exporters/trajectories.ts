import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
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
  const trajectories: Trajectory[] = [];
  const ids = new Set<string>();
  for (const [index, line] of jsonl.split('\n').entries()) {
    if (line.trim() === '') continue;
    const trajectory = parsedLine(line, index + 1);
    if (ids.has(trajectory.header.id))
      throw lineError(index + 1, `the id ${trajectory.header.id} was used before`);
    ids.add(trajectory.header.id);
    trajectories.push(trajectory);
  }
  return trajectories;
}

function parsedLine(line: string, number: number): Trajectory {
  let trajectory: Trajectory;
  try {
    trajectory = parseTrajectory(JSON.parse(line));
  } catch (error) {
    throw lineError(number, messageOf(error));
  }
  const nodes = new Set<string>();
  for (const node of trajectory.nodes) {
    if (node.parent !== null && !nodes.has(node.parent)) {
      throw lineError(number, `turn ${node.id} comes before its parent`);
    }
    nodes.add(node.id);
  }
  return trajectory;
}

const lineError = (number: number, reason: string): MaskwrightError =>
  new MaskwrightError('FORMAT_UNREADABLE', `Line ${number} of the trajectories cannot be read: ${reason}`, {
    hint: 'The file may be cut off or of a newer version.',
  });

/**
 * All trajectories of a project as JSONL, read back before it is given out. Damaged ones are left out and named in
 * `skipped`. Throws FORMAT_UNREADABLE when the text does not read back the same.
 */
export function exportTrajectories(store: ProjectStore): {
  jsonl: string;
  trajectories: number;
  skipped: { item: string; reason: string }[];
} {
  const skipped: { item: string; reason: string }[] = [];
  const written = trajectoriesToJsonl(
    store.allTrajectories((id, error) => skipped.push({ item: id, reason: messageOf(error) })),
  );
  if (trajectoriesToJsonl(parseTrajectories(written.jsonl)).jsonl !== written.jsonl) {
    throw new MaskwrightError('FORMAT_UNREADABLE', 'The exported trajectories do not read back the same.');
  }
  return { ...written, skipped };
}
