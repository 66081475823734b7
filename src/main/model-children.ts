import { childEnvironment } from '@engine/models/node-model-child';
import { type MessagePortMain, utilityProcess } from 'electron';
import { type FromModelChildPort, toModelChildPortSchema } from './engine-protocol';
import type { Log } from './log';
import { mainPortChannel } from './port-channel';

/**
 * Starts a model child in a utilityProcess (which works with the RunAsNode fuse off, unlike a fork by the engine) and
 * passes messages between it and the engine's port. It ends with the port.
 */
export function startModelChild(file: string, port: MessagePortMain, log: Log): void {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(childEnvironment()))
    if (value !== undefined) environment[name] = value;
  // llama.cpp prints prompts to its standard output and error: both are dropped.
  const child = utilityProcess.fork(file, [], {
    serviceName: 'Maskwright model',
    stdio: 'ignore',
    env: environment,
  });
  const channel = mainPortChannel(port);
  const send = (message: FromModelChildPort): void => channel.send(message);
  let running = true;
  child.once('spawn', () => send({ type: 'started', pid: child.pid }));
  child.on('message', (message: unknown) => send({ type: 'message', message }));
  child.once('exit', (code) => {
    running = false;
    log(`model child ended with code ${code}`);
    send({ type: 'exit', reason: `exit code ${code}` });
    channel.close();
  });
  const kill = (): void => {
    if (!running) return;
    // utilityProcess.kill() asks (SIGTERM); llama.cpp in a long computation does not hear it.
    if (child.pid !== undefined && process.platform !== 'win32') process.kill(child.pid, 'SIGKILL');
    else child.kill();
  };
  channel.onMessage((raw) => {
    const message = toModelChildPortSchema.safeParse(raw);
    if (!message.success || !running) return;
    if (message.data.type === 'kill') kill();
    else child.postMessage(message.data.message);
  });
  channel.onClose(kill);
}
