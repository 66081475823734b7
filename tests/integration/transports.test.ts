import { MessageChannel } from 'node:worker_threads';
import type { Channel } from '@shared/contract/channel';
import { messagePortChannel, webSocketChannel } from '@shared/contract/channels';
import { createConnection } from '@shared/contract/connection';
import { webSocketConnector } from '@shared/contract/connectors';
import { MaskwrightError } from '@shared/contract/errors';
import { createClient } from '@shared/contract/rpc-client';
import { serveChannel } from '@shared/contract/rpc-server';
import { decodeFrame, encodeFrame, isWithinSize } from '@shared/contract/wire';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { fakeEngine, PNG } from '../support/fake-engine';

/** Both transports give the same: what holds for one is asked of the other. */

interface Pair {
  client: Channel;
  server: Channel;
  end(): Promise<void>;
}

async function messagePorts(): Promise<Pair> {
  const { port1, port2 } = new MessageChannel();
  return {
    client: messagePortChannel(port1),
    server: messagePortChannel(port2),
    async end() {
      port1.close();
      port2.close();
    },
  };
}

async function webSockets(): Promise<Pair> {
  const listener = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => listener.once('listening', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = new Promise<Channel>((resolve) =>
    listener.once('connection', (socket) => resolve(webSocketChannel(socket))),
  );
  const client = webSocketChannel(new WebSocket(`ws://127.0.0.1:${address.port}`));
  const server = await accepted;
  return {
    client,
    server,
    async end() {
      client.close();
      server.close();
      for (const socket of listener.clients) socket.terminate();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error instanceof MaskwrightError ? error.code : `not ours: ${String(error)}`;
  }
}

describe.each([
  ['MessagePort', messagePorts],
  ['WebSocket', webSockets],
])('%s', (_name, makePair) => {
  const start = async (overrides: Parameters<typeof fakeEngine>[0] = {}) => {
    const pair = await makePair();
    ends.push(pair.end);
    const lines: string[] = [];
    const engine = fakeEngine(overrides);
    const stop = serveChannel(pair.server, engine, { log: (line) => lines.push(line), checkOutputs: true });
    const client = createClient(pair.client);
    await client.ready;
    return { ...pair, channel: pair.client, engine, client, lines, stop };
  };

  test('answers calls, several at once, each with its own answer', async () => {
    const { client } = await start({
      'categories.create': async ({ name }) => {
        await new Promise((resolve) => setTimeout(resolve, name === 'slow' ? 40 : 1));
        const rest = { color: '#fff', hotkey: null, attributes: [], annotations: 0 };
        return { id: name.length, name, supercategory: '', ...rest };
      },
    });
    const names = ['slow', 'a', 'bb', 'ccc'];
    const answers = await Promise.all(names.map((name) => client.call('categories.create', { name })));
    expect(answers.map((answer) => answer.name)).toEqual(names);
  });

  test('bytes survive', async () => {
    const { client } = await start();
    const { bytes, mime } = await client.call('images.read', { imageId: 'img-1', variant: 'full' });
    expect(mime).toBe('image/png');
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect([...bytes]).toEqual([...PNG]);
  });

  test('a large answer arrives whole', async () => {
    const bytes = new Uint8Array(8_300_000).map((_value, index) => index % 251);
    const { client } = await start({ 'images.read': async () => ({ mime: 'image/raw', bytes }) });
    const answer = await client.call('images.read', { imageId: 'x', variant: 'full' });
    expect(answer.bytes.length).toBe(bytes.length);
    expect(Buffer.compare(answer.bytes, bytes)).toBe(0);
  });

  test('absent optional fields stay absent', async () => {
    let seen: unknown;
    const { client } = await start({
      'annotations.update': async (input) => {
        seen = input;
        throw new MaskwrightError('NOT_FOUND', 'gone');
      },
    });
    expect(await codeOf(client.call('annotations.update', { annotationId: 1, categoryId: undefined }))).toBe(
      'NOT_FOUND',
    );
    expect(seen).toEqual({ annotationId: 1 });
  });

  test('errors come back as they were', async () => {
    const { client } = await start({
      'history.undo': async () => {
        throw new MaskwrightError('CONFLICT', 'Busy.', { hint: 'Wait.', retryable: true });
      },
    });
    await expect(client.call('history.undo', {})).rejects.toMatchObject({
      name: 'MaskwrightError',
      code: 'CONFLICT',
      message: 'Busy.',
      hint: 'Wait.',
      retryable: true,
    });
  });

  test('an unforeseen exception is INTERNAL with an id that is in the log, and says nothing else', async () => {
    const { client, lines } = await start({
      'history.undo': async () => {
        throw new TypeError('secret detail');
      },
    });
    const error = await client.call('history.undo', {}).catch((thrown: unknown) => thrown);
    if (!(error instanceof MaskwrightError)) throw new Error('not ours');
    expect(error.code).toBe('INTERNAL');
    expect(error.message).not.toContain('secret');
    const incident = /\(([a-z0-9]+)\)/.exec(error.message)?.[1];
    expect(lines.find((line) => line.includes(`INTERNAL ${incident}`))).toContain('secret detail');
  });

  test('an answer that breaks the contract is found by the server', async () => {
    const { client, lines } = await start({
      'history.state': async () => ({ undo: 'x', redo: null }),
      'images.read': async () => JSON.parse('{"mime":"image/png","bytes":"not bytes"}'),
    });
    expect(await codeOf(client.call('images.read', { imageId: 'x', variant: 'full' }))).toBe('INTERNAL');
    expect(lines.join()).toContain('bytes');
  });

  test('bad input is refused on both sides, with the place of the problem', async () => {
    const { client, channel } = await start();
    await expect(client.call('categories.create', { name: '' })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('categories.create: name:'),
    });
    const answers: unknown[] = [];
    channel.onMessage((message) => answers.push(message));
    channel.send({ kind: 'call', id: 900, method: 'categories.create', input: { name: 7 } });
    channel.send({ kind: 'call', id: 901, method: 'toString', input: {} });
    channel.send({ kind: 'call', id: 902, method: '__proto__', input: {} });
    channel.send({ kind: 'call', id: 903, method: 'history.undo', input: {} });
    await expect.poll(() => answers.length).toBe(4);
    for (const answer of answers)
      expect(answer).toMatchObject({ kind: 'failure', error: { code: 'INVALID_REQUEST' } });
    expect(answers).toContainEqual(
      expect.objectContaining({
        id: 900,
        error: expect.objectContaining({ message: expect.stringContaining('name:') }),
      }),
    );
  });

  test('malformed messages do not kill the server', async () => {
    const { client, channel, lines } = await start();
    const bad = [
      null,
      1,
      'x',
      [],
      {},
      { kind: 'call' },
      { kind: 'call', id: -1, method: 'app.info' },
      { kind: 'hello' },
    ];
    for (const message of bad) channel.send(message);
    expect(await client.call('history.state', {})).toEqual({ undo: 'box', redo: null });
    expect(lines.filter((line) => line.includes('malformed')).length).toBe(bad.length);
  });

  test('a message beyond the size limit ends the connection and nothing else', async () => {
    const { client, channel, lines } = await start();
    const gone = new Promise<void>((resolve) => client.onDisconnect(resolve));
    channel.send({
      kind: 'call',
      id: 1,
      method: 'history.state',
      input: { x: 'y'.repeat(65 * 1024 * 1024) },
    });
    await gone;
    expect(lines.join()).toContain('size limit');
  });

  test('events reach their listeners only, in order, and stop when removed', async () => {
    const { client, engine } = await start();
    const texts: string[] = [];
    const remove = client.on('episode.text', ({ text }) => texts.push(text));
    for (const text of ['a', 'b', 'c']) engine.emit('episode.text', { episodeId: 'e', text });
    engine.emit('history.changed', {});
    await expect.poll(() => texts.join('')).toBe('abc');
    remove();
    engine.emit('episode.text', { episodeId: 'e', text: 'd' });
    await client.call('history.state', {});
    expect(texts.join('')).toBe('abc');
  });

  test('when the other side goes, pending calls reject and the server forgets the client', async () => {
    const { client, server, engine } = await start({ 'history.undo': () => new Promise(() => undefined) });
    expect(engine.subscribers).toBe(1);
    const pending = codeOf(client.call('history.undo', {}));
    const gone = new Promise<void>((resolve) => client.onDisconnect(resolve));
    await client.call('history.state', {});
    server.close();
    expect(await pending).toBe('DISCONNECTED');
    await gone;
    expect(await codeOf(client.call('history.state', {}))).toBe('DISCONNECTED');
    expect(engine.subscribers).toBe(0);
  });

  test('an answer that is ready after the connection went is dropped in silence', async () => {
    let finish: () => void = () => undefined;
    const { client, channel, engine } = await start({
      'history.undo': () =>
        new Promise((resolve) => {
          finish = () => resolve({ history: { undo: null, redo: null }, imageIds: [], trajectoryIds: [] });
        }),
    });
    const pending = codeOf(client.call('history.undo', {}));
    await client.call('history.state', {});
    channel.close();
    expect(await pending).toBe('DISCONNECTED');
    await expect.poll(() => engine.subscribers).toBe(0);
    finish();
  });
});

describe('connection', () => {
  test('outlives its channels: listeners stay, waiting calls go to the next engine', async () => {
    const engine = fakeEngine();
    let listener = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await new Promise((resolve) => listener.once('listening', resolve));
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const { port } = address;
    const accept = (): void => {
      listener.on('connection', (socket) =>
        serveChannel(webSocketChannel(socket), engine, { log: () => undefined }),
      );
    };
    accept();
    const connection = createConnection(webSocketConnector(() => new WebSocket(`ws://127.0.0.1:${port}`)));
    ends.push(async () => {
      connection.close();
      for (const socket of listener.clients) socket.terminate();
      await new Promise((resolve) => listener.close(resolve));
    });
    const statuses: string[] = [];
    connection.onStatus((status) => statuses.push(status));
    const texts: string[] = [];
    connection.on('episode.text', ({ text }) => texts.push(text));
    expect(connection.status).toBe('connecting');
    expect(await connection.call('history.state', {})).toEqual({ undo: 'box', redo: null });
    engine.emit('episode.text', { episodeId: 'e', text: 'before ' });
    await expect.poll(() => texts.length).toBe(1);

    for (const socket of listener.clients) socket.terminate();
    await new Promise((resolve) => listener.close(resolve));
    await expect.poll(() => connection.status).toBe('lost');
    const waiting = connection.call('project.current', {});
    listener = new WebSocketServer({ host: '127.0.0.1', port });
    accept();
    expect(await waiting).toBeNull();
    await expect.poll(() => engine.subscribers).toBe(1);
    engine.emit('episode.text', { episodeId: 'e', text: 'after' });
    await expect.poll(() => texts.join('')).toBe('before after');
    expect(statuses).toEqual(['connected', 'lost', 'connected']);
  });

  test('says when the engine is not coming back', async () => {
    let tell: { lost(final: boolean): void } | undefined;
    const connection = createConnection((events) => {
      tell = events;
      return () => undefined;
    });
    const seen: boolean[] = [];
    connection.onStatus(() => seen.push(connection.final));
    const waiting = codeOf(connection.call('history.state', {}));
    tell?.lost(false);
    tell?.lost(true);
    expect(await waiting).toBe('DISCONNECTED');
    expect(connection.status).toBe('lost');
    expect(connection.final).toBe(true);
    expect(seen).toEqual([true]);
    expect(await codeOf(connection.call('history.state', {}))).toBe('DISCONNECTED');
  });
});

describe('frames', () => {
  test('round trip of what the contract carries', () => {
    const value = {
      a: [1, -2, 0.5, null, true, 'ü'],
      b: new Uint8Array([1, 2, 255]),
      c: { d: 4_294_967_296 },
    };
    expect(decodeFrame(encodeFrame(value))).toEqual(value);
  });

  test('truncated and trailing bytes are refused', () => {
    const frame = encodeFrame({ a: 'text' });
    expect(() => decodeFrame(frame.slice(0, -1))).toThrow();
    expect(() => decodeFrame(new Uint8Array([...frame, 1]))).toThrow();
  });

  test('size is counted with an early end', () => {
    expect(isWithinSize({ a: 'x'.repeat(10) }, 100)).toBe(true);
    expect(isWithinSize({ a: 'x'.repeat(101) }, 100)).toBe(false);
    expect(isWithinSize(new Uint8Array(101), 100)).toBe(false);
    expect(
      isWithinSize(
        Array.from({ length: 50 }, () => 0),
        100,
      ),
    ).toBe(false);
  });
});
