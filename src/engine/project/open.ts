import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { applicationId, Database } from './database';
import { migrate } from './migrations';
import { projectExtension, projectFileName } from './paths';
import { ProjectStore } from './store';

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/** The project file that a folder or file stands for. */
export function projectFileOf(location: string): string {
  const full = resolve(location);
  return isFolder(full) ? join(full, projectFileName) : full;
}

function nameOf(file: string): string {
  const name =
    basename(file) === projectFileName ? basename(dirname(file)) : basename(file, projectExtension);
  return name === '' ? 'Project' : name;
}

/** True for a file whose making was cut short, or an empty one. */
const isUnmade = (db: Database): boolean =>
  db.readPragma('application_id') !== applicationId && db.readPragma('user_version') === 0;

/** Makes the tables in one commit: a project is there whole or not at all. */
function initialise(db: Database, name: string, isSample: boolean): void {
  db.transaction(() => {
    db.writePragma('application_id', applicationId);
    migrate(db);
    db.run('INSERT INTO roots (id, path) VALUES (1, ?)', ['.']);
    const settings = { name, isSample, createdAt: new Date().toISOString() };
    for (const [key, value] of Object.entries(settings)) {
      db.run('INSERT INTO settings (key, value) VALUES (?, ?)', [key, JSON.stringify(value)]);
    }
  });
}

/**
 * Opens a project file (or the one in a folder) for this process alone. Throws NOT_FOUND, CONFLICT when it is open
 * in another process, PROJECT_UNREADABLE when it is damaged, not a project, or of a newer version.
 */
export function openProject(location: string): ProjectStore {
  const file = projectFileOf(location);
  const db = new Database(file, { create: false });
  try {
    if (isUnmade(db)) initialise(db, nameOf(file), false);
    else migrate(db);
    return new ProjectStore(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Makes an empty project: in a folder as `project.maskwright`, or as the named file. Throws CONFLICT when the file
 * is there already, NOT_FOUND when the folder is not, FORBIDDEN when it is not writable.
 */
export function createProject(
  location: string,
  options: { name?: string; isSample?: boolean } = {},
): ProjectStore {
  const file = projectFileOf(location);
  if (!isFolder(dirname(file))) {
    throw new MaskwrightError('NOT_FOUND', `There is no folder for the project: ${dirname(file)}`, {
      hint: 'Choose a folder that exists.',
    });
  }
  if (existsSync(file) && statSync(file).size > 0) {
    throw new MaskwrightError('CONFLICT', `There is a file of that name already: ${file}`, {
      hint: 'Open it, or choose another name.',
    });
  }
  const db = new Database(file, { create: true });
  try {
    initialise(db, options.name ?? nameOf(file), options.isSample ?? false);
    return new ProjectStore(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens the project of a location, or makes it in a folder that has none. */
export function openOrCreateProject(location: string): { store: ProjectStore; created: boolean } {
  const full = resolve(location);
  if (!existsSync(full)) {
    throw new MaskwrightError('NOT_FOUND', `There is no such file or folder: ${full}`, {
      hint: 'It may have been moved or renamed. Choose it again.',
    });
  }
  const file = projectFileOf(full);
  if (existsSync(file)) return { store: openProject(file), created: false };
  return { store: createProject(file), created: true };
}
