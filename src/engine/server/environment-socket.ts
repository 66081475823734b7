import { messageOf } from '@shared/contract/errors';
import type { RawData, WebSocket } from 'ws';
import type { Conversation } from './environment-conversation';

/** Frames that may wait behind the one that is answered; beyond, nothing more is read. An honest client has none. */
const mostFramesWaiting = 4;

/** How long an end that is told to go may take to close, before it is cut off. Milliseconds. */
const closingMs = 2000;

/**
 * Answers a connection's frames in order, each one after the answer before it has left this process: who sends and does
 * not read costs no more than one answer, and who goes has what ran for it stopped.
 */
export function serveSocket(
  socket: WebSocket,
  conversation: Conversation,
  log: (line: string) => void,
): void {
  const frames: string[] = [];
  const gone = new AbortController();
  let answering = false;

  const work = async (): Promise<void> => {
    if (answering) return;
    answering = true;
    for (let frame = frames.shift(); frame !== undefined && !gone.signal.aborted; frame = frames.shift()) {
      if (socket.isPaused && frames.length < mostFramesWaiting) socket.resume();
      const { text, end } = await conversation.answer(frame, gone.signal);
      if (text !== null) await sent(socket, text);
      if (end) {
        frames.length = 0;
        endSocket(socket, 1000);
        break;
      }
    }
    answering = false;
  };

  socket.on('message', (data) => {
    frames.push(textOf(data));
    if (frames.length >= mostFramesWaiting) socket.pause();
    work().catch((error: unknown) => {
      log(`a connection failed: ${messageOf(error)}`);
      socket.terminate();
    });
  });
  socket.on('close', () => {
    frames.length = 0;
    gone.abort();
    conversation.close();
  });
  // What is no WebSocket traffic, or too large; `close` follows.
  socket.on('error', () => undefined);
}

/** Closes, and cuts the connection if the other end does not go along. */
export function endSocket(socket: WebSocket, code: number): void {
  socket.resume();
  socket.close(code);
  const timer = setTimeout(() => socket.terminate(), closingMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Resolves when the text has been handed to the operating system; for ever later where the other end does not read. */
function sent(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    socket.send(text, () => resolve());
  });
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString();
}
