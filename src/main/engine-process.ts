import { writeSync } from 'node:fs';
import { applicationVersion } from '@engine/application';
import { createEngine, type Engine } from '@engine/engine';
import { openAtStart } from '@engine/server/open-at-start';
import { messageOf } from '@shared/contract/errors';
import { serveChannel } from '@shared/contract/rpc-server';
import type { MessageEvent, MessagePortMain, ParentPort } from 'electron';
import { RemoteModelChild } from './engine-model-child';
import { type FromEngine, type ToEngine, toEngineSchema } from './engine-protocol';
import { mainPortChannel } from './port-channel';

/** The engine in Electron's utilityProcess: no window, no Electron API, only ports. */

const parent: ParentPort = process.parentPort;
/** Main keeps what is printed here in the log file. */
const log = (line: string): void => console.error(line);
const tell = (message: FromEngine): void => parent.postMessage(message);

const modelChildren = new Map<number, RemoteModelChild>();
let nextModelChild = 1;

function spawnModelChild(): RemoteModelChild {
  const id = nextModelChild++;
  const child = new RemoteModelChild();
  modelChildren.set(id, child);
  child.onExit(() => modelChildren.delete(id));
  tell({ type: 'spawn-model-child', id });
  return child;
}

/** Ports that came before the engine was ready. */
const waiting: MessagePortMain[] = [];
let connect = (port: MessagePortMain): void => {
  waiting.push(port);
};
let engine: Engine | null = null;

async function start(options: Extract<ToEngine, { type: 'start' }>): Promise<void> {
  const { project, checkOutputs, ...folders } = options;
  const made = await createEngine({ ...folders, project, spawnModelChild, log, version: applicationVersion });
  engine = made;
  made.subscribe((event) => {
    if (event !== 'project.changed') return;
    made.handlers['project.current']({}).then(
      (summary) => tell({ type: 'project', location: summary?.location ?? null }),
      (error: unknown) => log(`the open project is not known: ${messageOf(error)}`),
    );
  });
  await openAtStart(made, log);
  connect = (port) => {
    serveChannel(mainPortChannel(port), made, { log, checkOutputs });
  };
  for (const port of waiting.splice(0)) connect(port);
}

async function close(): Promise<void> {
  await engine?.close();
  process.exit(0);
}

/** Main starts it again. Written at once: a stream would lose it with the process. */
function fail(what: string, error: unknown): void {
  writeSync(2, `${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

process.on('uncaughtException', (error) => fail('the engine failed', error));
process.on('unhandledRejection', (error) => fail('the engine failed in a promise', error));

function receive({ data, ports }: MessageEvent): void {
  const parsed = toEngineSchema.safeParse(data);
  if (!parsed.success) return;
  const [port] = ports;
  switch (parsed.data.type) {
    case 'start':
      start(parsed.data).catch((error: unknown) => fail('the engine could not start', error));
      break;
    case 'connect':
      if (port !== undefined) connect(port);
      break;
    case 'model-child':
      if (port !== undefined) modelChildren.get(parsed.data.id)?.attach(mainPortChannel(port));
      break;
    case 'close':
      close().catch((error: unknown) => fail('the engine could not close', error));
      break;
  }
}

// As in mainPortChannel: out of Electron's event.
parent.on('message', (event) => setImmediate(() => receive(event)));
