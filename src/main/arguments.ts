import { resolve } from 'node:path';

/** What the command line asks of the app. */
export interface LaunchArguments {
  /** Project file or folder of images to open. */
  project?: string;
  /** Replaces the user's data folder (tests, portable use). */
  dataDir?: string;
}

const names = { '--project': 'project', '--data-dir': 'dataDir' } as const;

function isName(text: string): text is keyof typeof names {
  return Object.hasOwn(names, text);
}

/** Reads `--name value` and `--name=value`; everything else is Electron's and Chromium's. */
export function parseLaunchArguments(argv: readonly string[], cwd: string): LaunchArguments {
  const found: LaunchArguments = {};
  argv.forEach((argument, index) => {
    const at = argument.indexOf('=');
    const name = at === -1 ? argument : argument.slice(0, at);
    if (!isName(name)) return;
    const value = at === -1 ? argv[index + 1] : argument.slice(at + 1);
    if (value !== undefined && value !== '') found[names[name]] = resolve(cwd, value);
  });
  return found;
}
