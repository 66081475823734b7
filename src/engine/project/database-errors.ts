import { MaskwrightError, messageOf } from '@shared/contract/errors';

function sqliteCode(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return '';
}

/** An SQLite error as one of ours: what happened and what to do. */
export function databaseError(error: unknown, file: string): MaskwrightError {
  if (error instanceof MaskwrightError) return error;
  const code = sqliteCode(error);
  const message = messageOf(error);
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new MaskwrightError('CONFLICT', `The project is open in another process: ${file}`, {
      hint: 'Close it in the other Maskwright window or command, then open it again.',
      retryable: true,
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    return new MaskwrightError(
      'PROJECT_UNREADABLE',
      `The project file is damaged or is not a project: ${file}`,
      {
        hint: 'Open another file, or restore this one from a backup (a copy named .bak may lie beside it).',
        cause: error,
      },
    );
  }
  if (code.startsWith('SQLITE_FULL')) {
    return new MaskwrightError('INTERNAL', 'The disk is full; the last change was not saved.', {
      hint: 'Free some space and repeat the last step. Everything before it is safe.',
      retryable: true,
      cause: error,
    });
  }
  if (
    code.startsWith('SQLITE_READONLY') ||
    code.startsWith('SQLITE_CANTOPEN') ||
    code.startsWith('SQLITE_PERM') ||
    message.includes('Unable to open connection')
  ) {
    return new MaskwrightError('FORBIDDEN', `The project file cannot be opened for writing: ${file}`, {
      hint: 'Check the permissions of the file and of its folder, or copy the folder to where you may write.',
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_IOERR')) {
    return new MaskwrightError('INTERNAL', `Reading or writing the project failed: ${file}`, {
      hint: 'Check that the disk is still there, then repeat the last step.',
      retryable: true,
      cause: error,
    });
  }
  return new MaskwrightError('INTERNAL', `Database error: ${message}`, { cause: error });
}
