import { join } from 'node:path';
import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import { fromEngineSchema, type ToEngine } from './engine-protocol';
import { type Log, logLines } from './log';
import { startModelChild } from './model-children';
import { RestartPolicy } from './restart-policy';

export interface SupervisorOptions {
  outDir: string;
  resourcesDir: string;
  folders: { dataDir: string; cacheDir: string };
  project?: string;
  log: Log;
  checkOutputs: boolean;
  /** A new engine runs: everybody needs a new port from `connect`. */
  onStarted(): void;
  /** The engine ended. `final`: it crashed too often and is left alone until `retry`. */
  onLost(final: boolean): void;
}

/** How long an engine that was asked to close may take to write what it has. */
const CLOSE_MS = 5_000;

/** Keeps one engine process running: starts it again when it crashes, with the project that was open. */
export class EngineSupervisor {
  readonly #options: SupervisorOptions;
  readonly #policy = new RestartPolicy();
  #process: UtilityProcess | null = null;
  #project: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#project = options.project;
  }

  start(): void {
    const { outDir, resourcesDir, folders, log, checkOutputs } = this.#options;
    const child = utilityProcess.fork(join(outDir, 'engine.js'), [], {
      serviceName: 'Maskwright engine',
      stdio: 'pipe',
    });
    this.#process = child;
    logLines(child.stdout, 'engine', log);
    logLines(child.stderr, 'engine', log);
    child.on('message', (message: unknown) => this.#receive(child, message));
    child.once('exit', (code) => this.#exited(child, code));
    this.#send(child, {
      type: 'start',
      ...folders,
      resourcesDir,
      outDir,
      project: this.#project,
      checkOutputs,
    });
    this.#options.onStarted();
  }

  /** A port that speaks the contract with the engine that runs now; null while none does. */
  connect(): MessagePortMain | null {
    if (this.#process === null) return null;
    const { port1, port2 } = new MessageChannelMain();
    this.#send(this.#process, { type: 'connect' }, [port2]);
    return port1;
  }

  /** After it was left alone. */
  retry(): void {
    this.#policy.reset();
    if (this.#process === null && !this.#stopping) this.start();
  }

  /** Lets the engine write what it has, then ends it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#process;
    if (child === null) return;
    await new Promise<void>((resolve) => {
      const impatient = setTimeout(() => {
        this.#options.log('the engine did not close in time and was ended');
        child.kill();
        resolve();
      }, CLOSE_MS);
      child.once('exit', () => {
        clearTimeout(impatient);
        resolve();
      });
      this.#send(child, { type: 'close' });
    });
  }

  #send(child: UtilityProcess, message: ToEngine, ports: MessagePortMain[] = []): void {
    child.postMessage(message, ports);
  }

  #receive(child: UtilityProcess, raw: unknown): void {
    const message = fromEngineSchema.safeParse(raw);
    if (!message.success) return;
    if (message.data.type === 'project') {
      this.#project = message.data.location ?? undefined;
      return;
    }
    const { port1, port2 } = new MessageChannelMain();
    this.#send(child, { type: 'model-child', id: message.data.id }, [port2]);
    startModelChild(join(this.#options.outDir, 'model-child.js'), port1, this.#options.log);
  }

  #exited(child: UtilityProcess, code: number): void {
    if (this.#process !== child) return;
    this.#process = null;
    if (this.#stopping) return;
    const delay = this.#policy.crashed(Date.now());
    this.#options.log(
      `the engine ended with code ${code}; ${delay === null ? 'left alone' : `again in ${delay} ms`}`,
    );
    this.#options.onLost(delay === null);
    if (delay !== null) this.#timer = setTimeout(() => this.start(), delay);
  }
}
