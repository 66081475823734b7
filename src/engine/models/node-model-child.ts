import { fork } from 'node:child_process';
import type { ModelChild, ToChild } from './child-protocol';

/** The child has no use for secrets. */
export function childEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/KEY|TOKEN|SECRET|PASSWORD/i.test(name)),
  );
}

/**
 * A model child for hosts that run on Node.
 *
 * @param file absolute path of the `model-child` bundle
 */
export function nodeModelChild(file: string): ModelChild {
  // llama.cpp prints prompts to its standard output and error: both are dropped.
  const child = fork(file, [], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [],
    env: childEnvironment(),
  });
  let exitReason: string | null = null;
  const listeners: Array<(reason: string) => void> = [];
  const exited = (reason: string): void => {
    if (exitReason !== null) return;
    exitReason = reason;
    for (const listener of listeners) listener(reason);
  };
  child.once('exit', (code, signal) => exited(signal ?? `exit code ${code}`));
  child.on('error', (error) => {
    if (child.pid === undefined) exited(error.message);
  });
  return {
    pid: child.pid,
    send: (message: ToChild) => {
      // A failed send means that the child is going; its exit says so.
      if (child.connected) child.send(message, () => undefined);
    },
    onMessage: (listener) => child.on('message', (message: unknown) => listener(message)),
    onExit: (listener) => {
      if (exitReason !== null) listener(exitReason);
      else listeners.push(listener);
    },
    kill: () => child.kill('SIGKILL'),
  };
}
