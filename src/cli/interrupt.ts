import { exitCodes } from './exit-codes';

/** Runs work that stops in good order on Ctrl+C (or SIGTERM): it is given a signal and throws CANCELLED. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** Aborts at the first Ctrl+C, so that finished items are kept; the second ends the process at once. */
export function stopOnSignal(said = 'Stopping. The same command goes on from here.'): {
  signal: AbortSignal;
  dispose(): void;
} {
  const abort = new AbortController();
  const onSignal = (): void => {
    if (abort.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write(`\n${said}\n`);
    abort.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: abort.signal,
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
