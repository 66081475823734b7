import { applicationVersion } from '@engine/application';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { Command, CommanderError } from 'commander';
import { exitCodeHelp } from './arguments';
import { exitCodes } from './exit-codes';
import { addAnnotate } from './options/annotate';
import { addCompare } from './options/compare';
import { addDatasets } from './options/datasets';
import { addEnv } from './options/env';
import { addEval } from './options/eval';
import { addExport } from './options/export';
import { addExportTraining } from './options/export-training';
import { addImport } from './options/import';
import { addInspect } from './options/inspect';
import { addMcp } from './options/mcp';
import { addMerge } from './options/merge';
import { addServe } from './options/serve';
import { addSynthesize } from './options/synthesize';

/** In the order of the help. */
const commands = [
  addAnnotate,
  addDatasets,
  addEval,
  addCompare,
  addSynthesize,
  addMerge,
  addImport,
  addExport,
  addExportTraining,
  addServe,
  addEnv,
  addMcp,
  addInspect,
];

function program(): Command {
  const root = new Command('maskwright')
    .description('Text-guided segmentation by an agent that calls a segmenter over several turns.')
    .version(applicationVersion)
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('after', exitCodeHelp);
  for (const add of commands) add(root);
  return root;
}

/**
 * Who reads the answers may stop reading (`| head`): then the work has no purpose, and has not been done either. Nobody
 * has to read the log.
 */
function endWithReader(): void {
  const ofPipe = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error;
  };
  process.stderr.on('error', ofPipe);
  process.stdout.on('error', (error) => {
    ofPipe(error);
    process.exit(process.exitCode ?? exitCodes.interrupted);
  });
}

async function main(): Promise<void> {
  endWithReader();
  const root = program();
  // Commander ends the process with 1 for a usage error, which here means that items failed.
  for (const command of [root, ...root.commands]) command.exitOverride();
  try {
    await root.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
      return;
    }
    process.exitCode = report(error);
  }
}

/** What the operating system says of a path: no rights, no space, not a folder. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

function report(error: unknown): number {
  if (isFileError(error)) {
    process.stderr.write(
      `maskwright: ${error.path ?? 'A file'} cannot be used: ${error.message.split(',')[0]}\n`,
    );
    return exitCodes.failed;
  }
  if (!(error instanceof MaskwrightError)) {
    process.stderr.write(
      `maskwright: unexpected: ${error instanceof Error ? error.stack : messageOf(error)}\n`,
    );
    return exitCodes.failed;
  }
  process.stderr.write(`maskwright: ${error.message}\n${error.hint === '' ? '' : `  ${error.hint}\n`}`);
  if (error.code === 'CANCELLED') return exitCodes.interrupted;
  const isUsage = [
    'INVALID_REQUEST',
    'NOT_FOUND',
    'FORMAT_UNREADABLE',
    'PROJECT_UNREADABLE',
    'CONFLICT',
  ].includes(error.code);
  return isUsage ? exitCodes.usage : exitCodes.failed;
}

void main();
