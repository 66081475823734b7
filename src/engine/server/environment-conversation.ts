import { toWireError } from '@shared/contract/rpc-server';
import {
  frameSchemas,
  InvalidMessage,
  parseAs,
  parseReset,
  type WireErrorCode,
} from './environment-messages';
import { answerRpc, capacityRpc, unreadableRpc } from './environment-rpc';
import { CapacityReached, type EnvironmentSessions, type OpenedSession } from './environment-sessions';

/** What a connection says to one frame. */
export interface FrameAnswer {
  /** Null: nothing. */
  text: string | null;
  /** The connection is closed afterwards. */
  end: boolean;
}

/** One end of a connection: answers its frames, one after the other. */
export interface Conversation {
  /** Never throws. */
  answer(frame: string, signal: AbortSignal): Promise<FrameAnswer>;
  /** What is said when the session has expired. */
  readonly farewell: string;
  /** The other end has gone. */
  close(): void;
}

interface ConversationOptions {
  sessions: EnvironmentSessions;
  log: (line: string) => void;
  /** Told when the connection takes its session. */
  onOpen: () => void;
  /** Told when the session was closed because nobody used it. */
  onExpire: () => void;
}

/** Takes a session at the first request that makes sense, so that who only connects or sends rubbish holds none. */
abstract class WithSession {
  protected opened: OpenedSession | null = null;

  constructor(protected readonly options: ConversationOptions) {}

  /** @throws CapacityReached */
  protected own(): OpenedSession {
    if (this.opened) return this.opened;
    const { sessions, onOpen, onExpire } = this.options;
    this.opened = sessions.open({ onExpire });
    onOpen();
    return this.opened;
  }

  close(): void {
    if (this.opened) this.options.sessions.close(this.opened.id);
  }
}

/** `/ws`: reset, step, state, close, mcp. */
export class OpenEnvConversation extends WithSession implements Conversation {
  readonly farewell = errorFrame('SESSION_ERROR', 'The session expired because it was not used.');

  async answer(frame: string, signal: AbortSignal): Promise<FrameAnswer> {
    const { sessions, log } = this.options;
    try {
      if (!this.opened) sessions.checkRoom();
      return await this.reply(frame, signal);
    } catch (error) {
      if (error instanceof InvalidMessage) {
        const { message, complaints: errors } = error;
        return goesOn(errorFrame('VALIDATION_ERROR', message, { errors }));
      }
      if (error instanceof CapacityReached) {
        const counts = { active_sessions: error.active, max_sessions: error.most };
        return { text: errorFrame('CAPACITY_REACHED', `${error.message} ${error.hint}`, counts), end: true };
      }
      const { message, hint } = toWireError(error, 'a session', log);
      return goesOn(errorFrame('EXECUTION_ERROR', `${message} ${hint}`.trim()));
    }
  }

  private async reply(frame: string, signal: AbortSignal): Promise<FrameAnswer> {
    let value: unknown;
    try {
      value = JSON.parse(frame);
    } catch {
      return goesOn(errorFrame('INVALID_JSON', 'Invalid JSON: the message cannot be read.'));
    }
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject) {
      throw new InvalidMessage([{ type: 'invalid_type', loc: [], msg: 'A message is a JSON object.' }]);
    }
    const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : '';
    switch (type) {
      case 'reset': {
        const at = ['data'];
        // Read first: a reset that makes no sense takes no session.
        const data = parseReset(parseAs(frameSchemas.reset, value).data, at);
        return goesOn(dataFrame('observation', await this.own().session.reset(data, signal, at)));
      }
      case 'step': {
        const { data } = parseAs(frameSchemas.step, value);
        return goesOn(dataFrame('observation', await this.own().session.step(data, signal)));
      }
      case 'state':
        parseAs(frameSchemas.state, value);
        return goesOn(dataFrame('state', this.own().session.state()));
      case 'close':
        parseAs(frameSchemas.close, value);
        return { text: null, end: true };
      case 'mcp': {
        const { data } = parseAs(frameSchemas.mcp, value);
        const { sessions, log } = this.options;
        return goesOn(dataFrame('mcp', await answerRpc(data, sessions, this.own(), signal, log)));
      }
      default: {
        const shown = typeof type === 'string' ? type.slice(0, 80) : typeof type;
        return goesOn(errorFrame('UNKNOWN_TYPE', `Unknown message type: ${shown}`));
      }
    }
  }
}

/** `/mcp`: bare JSON-RPC. */
export class RpcConversation extends WithSession implements Conversation {
  readonly farewell = JSON.stringify({
    jsonrpc: '2.0',
    id: null,
    error: { code: -32000, message: 'The session expired because it was not used.', data: null },
  });

  async answer(frame: string, signal: AbortSignal): Promise<FrameAnswer> {
    let value: unknown;
    try {
      value = JSON.parse(frame);
    } catch {
      return goesOn(JSON.stringify(unreadableRpc()));
    }
    const { sessions, log } = this.options;
    try {
      return goesOn(JSON.stringify(await answerRpc(value, sessions, this.own(), signal, log)));
    } catch (error) {
      // Opening the session is all that can fail here.
      if (error instanceof CapacityReached) return { text: JSON.stringify(capacityRpc(error)), end: true };
      throw error;
    }
  }
}

function goesOn(text: string): FrameAnswer {
  return { text, end: false };
}

function dataFrame(type: 'observation' | 'state' | 'mcp', data: unknown): string {
  return JSON.stringify({ type, data });
}

function errorFrame(code: WireErrorCode, message: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({ type: 'error', data: { message, code, ...more } });
}
