import { MaskwrightError } from '../contract/errors';
import { type Trajectory, trajectorySchema, trajectorySchemaVersion } from './schema';

/**
 * Reads a stored trajectory of any released version.
 *
 * @param value parsed JSON
 * @throws MaskwrightError FORMAT_UNREADABLE naming the first field that is wrong, or the version that is too new
 */
export function parseTrajectory(value: unknown): Trajectory {
  const version = versionOf(value);
  if (version !== null && version > trajectorySchemaVersion) {
    throw new MaskwrightError(
      'FORMAT_UNREADABLE',
      `This trajectory has schema version ${version}; this application reads up to ${trajectorySchemaVersion}.`,
      { hint: 'Update Maskwright to open it.' },
    );
  }
  const parsed = trajectorySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MaskwrightError(
    'FORMAT_UNREADABLE',
    `Not a trajectory: ${issue ? `${issue.path.join('.') || 'value'}: ${issue.message}` : 'unknown form'}`,
    { hint: 'A trajectory is one line of a trajectories.jsonl file.' },
  );
}

function versionOf(value: unknown): number | null {
  if (typeof value !== 'object' || value === null || !('header' in value)) return null;
  const { header } = value;
  if (typeof header !== 'object' || header === null || !('schemaVersion' in header)) return null;
  return typeof header.schemaVersion === 'number' ? header.schemaVersion : null;
}
