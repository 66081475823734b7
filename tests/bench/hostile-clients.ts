import { connect } from 'node:net';
import { WebSocket } from 'ws';

/** Clients that behave badly towards the environment server, each in its own way, again and again until told to stop. */

const box = { name: 'segment_box', arguments: { x1: 100, y1: 100, x2: 800, y2: 800 } };

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** An open connection, or null where it was refused. */
function opened(url: string): Promise<WebSocket | null> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { maxPayload: 1 << 28 });
    socket.on('error', () => resolve(null));
    socket.on('open', () => resolve(socket));
  });
}

/** Goes without a word, in the middle of a call or of a frame. */
async function vanishing(url: string): Promise<void> {
  const socket = await opened(url);
  socket?.send(JSON.stringify({ type: 'reset', data: { seed: Math.floor(Math.random() * 1e6) } }));
  await pause(Math.random() * 400);
  socket?.send(JSON.stringify({ type: 'step', data: box }));
  await pause(Math.random() * 30);
  socket?.terminate();
}

/** Frames that mean nothing, and texts that are slow to read. */
async function rubbish(url: string): Promise<void> {
  const socket = await opened(url);
  if (!socket) return;
  const frames = [
    '}{',
    '[]',
    '{"type":"reset","data":{"seed":"x"}}',
    '{"type":"dance"}',
    '\u0000',
    '{'.repeat(50_000),
  ];
  frames.push(JSON.stringify({ type: 'step', data: { text: `{"${'{"a\'b:'.repeat(15_000)}` } }));
  socket.send(JSON.stringify({ type: 'reset', data: {} }));
  for (const frame of frames) socket.send(frame);
  socket.send(Buffer.from([0xff, 0xfe, 0xfd]));
  await pause(500 + Math.random() * 500);
  socket.close();
  await pause(50);
  socket.terminate();
}

/** Asks for hundreds of pictures and reads none. */
async function stalling(url: string): Promise<void> {
  const socket = await opened(url);
  if (!socket) return;
  socket.pause();
  socket.send(JSON.stringify({ type: 'reset', data: { seed: 1 } }));
  for (let i = 0; i < 300; i++) socket.send(JSON.stringify({ type: 'step', data: box }));
  await pause(20_000);
  socket.terminate();
}

/** Frames beyond the limit, and one that says it is. */
async function huge(url: string): Promise<void> {
  const socket = await opened(url);
  socket?.send(Buffer.alloc(17 * 1024 * 1024));
  await pause(2000);
  socket?.terminate();
  const { hostname, port } = new URL(url);
  const raw = connect(Number(port), hostname);
  raw.on('error', () => undefined).resume();
  raw.write(`POST /reset HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 999999999\r\n\r\n{`);
  await pause(3000);
  raw.destroy();
}

/** Connects and says nothing, or half of a request. */
async function mute(url: string): Promise<void> {
  const socket = await opened(url);
  const { hostname, port } = new URL(url);
  const raw = connect(Number(port), hostname);
  raw.on('error', () => undefined).resume();
  raw.write('GET /ws HTTP/1.1\r\nHost: localh');
  await pause(5000);
  raw.destroy();
  socket?.terminate();
}

export const hostileWays = { vanishing, rubbish, stalling, huge, mute } as const;

/** Keeps on until `until` (ms of `Date.now()`); returns how often each way was gone. */
export async function misbehave(url: string, until: number, each: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const one = async (name: string, way: (url: string) => Promise<void>): Promise<void> => {
    while (Date.now() < until) {
      await way(url);
      counts[name] = (counts[name] ?? 0) + 1;
      await pause(200);
    }
  };
  await Promise.all(
    Object.entries(hostileWays).flatMap(([name, way]) => Array.from({ length: each }, () => one(name, way))),
  );
  return counts;
}
