import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { parseTrajectory as parseAnyVersion } from '@shared/trajectory/migrations';
import { type Author, type Outcome, type Trajectory, verdictSchema } from '@shared/trajectory/schema';
import { z } from 'zod';

/**
 * A trajectory is stored as three texts: its outcome and the verdicts of a decision made in the review queue, which
 * undo may change, and all the rest.
 */

export const openOutcome: Outcome = { status: 'open', node: null, masks: [], category: null, message: null };

/** Who made a trajectory, and how many turns really ran. */
export function summarise(trajectory: Trajectory): { turns: number; author: Author } {
  const run = trajectory.nodes.filter((node) => node.observation !== null);
  const by = (author: Author): boolean => trajectory.nodes.some((node) => node.author === author);
  const author =
    by('human') || trajectory.nodes.length === 0 ? 'human' : by('simulator') ? 'simulator' : 'agent';
  return { turns: run.length, author };
}

/** The texts to store, after checking that they read back. Throws INVALID_REQUEST when they would not. */
export function checkedTrajectory(input: Trajectory): { trajectory: Trajectory; body: string } {
  try {
    const value: unknown = JSON.parse(JSON.stringify(input));
    const trajectory = parseAnyVersion(value);
    const { header, root, nodes, verdicts } = trajectory;
    return { trajectory, body: JSON.stringify({ header, root, nodes, verdicts }) };
  } catch (error) {
    throw new MaskwrightError('INVALID_REQUEST', messageOf(error), { cause: error });
  }
}

const decisionSchema = z.array(verdictSchema);

/**
 * Takes a stored decision out of a trajectory that was read with it. Verdicts that came after it, such as a reason,
 * go with it: they are about the decision.
 */
export function withoutDecision(
  trajectory: Trajectory,
  decision: string | null,
): { rest: Trajectory; decision: string | null } {
  const [first] = decision === null ? [] : decisionSchema.parse(JSON.parse(decision));
  const start =
    first === undefined
      ? -1
      : trajectory.verdicts.findIndex(
          (given) => given.node === first.node && given.verdict === first.verdict && given.at === first.at,
        );
  if (start < 0) return { rest: trajectory, decision };
  return {
    rest: { ...trajectory, verdicts: trajectory.verdicts.slice(0, start) },
    decision: JSON.stringify(trajectory.verdicts.slice(start)),
  };
}

/** Reads the stored texts. Throws PROJECT_UNREADABLE. */
export function parseTrajectory(
  id: string,
  body: string,
  outcome: string,
  decision: string | null,
): Trajectory {
  try {
    const rest: unknown = JSON.parse(body);
    const settled: unknown = JSON.parse(outcome);
    const trajectory = parseAnyVersion(
      typeof rest === 'object' && rest !== null ? { ...rest, outcome: settled } : null,
    );
    if (decision === null) return trajectory;
    const verdicts = [...trajectory.verdicts, ...decisionSchema.parse(JSON.parse(decision))];
    return { ...trajectory, verdicts };
  } catch (error) {
    throw new MaskwrightError('PROJECT_UNREADABLE', `Trajectory ${id} cannot be read: ${messageOf(error)}`, {
      hint: 'Export the others, or restore the project from a backup.',
      cause: error,
    });
  }
}
