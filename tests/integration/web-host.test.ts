import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWebHost, type WebHost, type WebHostOptions } from '@engine/server/web-host';
import { webSocketChannel } from '@shared/contract/channels';
import { createClient } from '@shared/contract/rpc-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { fakeEngine } from '../support/fake-engine';

let folder = '';
let rendererDir = '';
const hosts: WebHost[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maskwright-web-'));
  rendererDir = join(folder, 'renderer');
  await mkdir(join(rendererDir, 'assets'), { recursive: true });
  await writeFile(join(rendererDir, 'index.html'), '<!doctype html><title>Test</title>');
  await writeFile(join(rendererDir, 'assets', 'app.js'), 'export {}');
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await symlink(join(folder, 'secret.txt'), join(rendererDir, 'link.txt'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

async function start(options: Partial<WebHostOptions> = {}): Promise<WebHost> {
  const host = await startWebHost({
    engine: fakeEngine(),
    rendererDir,
    host: '127.0.0.1',
    port: 0,
    token: null,
    log: () => undefined,
    checkOutputs: true,
    ...options,
  });
  hosts.push(host);
  return host;
}

interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** node:http rather than fetch: paths and Host go out as they are written. */
function ask(
  host: WebHost,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: host.port, path, headers, method }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** `open`, or the status with which the handshake was refused. */
function handshake(host: WebHost, headers: Record<string, string> = {}, path = '/rpc'): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${host.port}${path}`, { headers });
    socket.on('open', () => {
      socket.close();
      resolve('open');
    });
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      resolve(String(response.statusCode));
    });
    socket.on('error', () => undefined);
  });
}

describe('files', () => {
  test('the page and its assets, with headers that confine them', async () => {
    const host = await start();
    const page = await ask(host, '/');
    expect(page.status).toBe(200);
    expect(page.body).toContain('<title>Test</title>');
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.headers['content-security-policy']).toContain("default-src 'self'");
    expect(page.headers['content-security-policy']).not.toContain("script-src 'self' 'unsafe");
    expect(page.headers['x-frame-options']).toBe('DENY');
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    expect(page.headers['cross-origin-resource-policy']).toBe('same-origin');
    const asset = await ask(host, '/assets/app.js');
    expect(asset.headers['content-type']).toContain('text/javascript');
    expect(asset.headers['cache-control']).toContain('immutable');
    expect((await ask(host, '/', {}, 'HEAD')).body).toBe('');
  });

  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/..%5csecret.txt',
    '/assets/%00',
    '/%',
    '/link.txt',
    '/nothing.js',
    '/assets',
    '//etc/passwd',
    '/%2fetc%2fpasswd',
  ])('%s is refused', async (path) => {
    const answer = await ask(await start(), path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.body).not.toContain('secret');
    expect(answer.body).not.toContain('root:');
  });

  test('health, and no methods but GET and HEAD', async () => {
    const host = await start();
    expect(JSON.parse((await ask(host, '/health')).body)).toEqual({ status: 'ok' });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await ask(host, '/', {}, method)).status).toBe(405);
  });

  test('says what to do when nothing is built or the port is taken', async () => {
    await expect(start({ rendererDir: join(folder, 'nowhere') })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: 'Run npm run build.',
    });
    const host = await start();
    await expect(start({ port: host.port })).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('images', () => {
  test('by opaque id, with an ETag', async () => {
    const host = await start();
    const image = await ask(host, '/image/img-1?variant=thumbnail');
    expect(image.status).toBe(200);
    expect(image.headers['content-type']).toBe('image/png');
    expect(image.body.startsWith('\x89PNG')).toBe(true);
    const tag = String(image.headers.etag);
    const again = await ask(host, '/image/img-1?variant=thumbnail', { 'If-None-Match': tag });
    expect(again.status).toBe(304);
    expect(again.body).toBe('');
    expect((await ask(host, '/image/img-1')).status).toBe(200);
  });

  test('what is not there or not understood', async () => {
    const host = await start();
    expect((await ask(host, '/image/other')).status).toBe(404);
    expect((await ask(host, '/image/')).status).toBe(400);
    expect((await ask(host, '/image/img-1?variant=huge')).status).toBe(400);
    expect((await ask(host, '/image/../secret.txt')).status).toBe(400);
    expect((await ask(host, `/image/${'x'.repeat(300)}`)).status).toBe(400);
    expect(
      (
        await ask(
          await start({
            engine: fakeEngine({ 'images.read': async () => Promise.reject(new Error('boom')) }),
          }),
          '/image/img-1',
        )
      ).status,
    ).toBe(500);
  });

  test('a type that could carry a script is not named', async () => {
    const engine = fakeEngine({
      'images.read': async () => ({ mime: 'image/svg+xml', bytes: new Uint8Array([60]) }),
    });
    const image = await ask(await start({ engine }), '/image/x');
    expect(image.headers['content-type']).toBe('application/octet-stream');
  });
});

describe('who may talk', () => {
  test('names that only resolve to this machine are refused (DNS rebinding)', async () => {
    const host = await start();
    for (const name of [
      'evil.example',
      'evil.example:80',
      'localhost.evil.example',
      'localhost@evil.example',
      'a b',
    ]) {
      expect((await ask(host, '/', { Host: name })).status, name).toBe(403);
      expect(await handshake(host, { Host: name }), name).toBe('403');
    }
    for (const name of ['localhost', 'LOCALHOST:9', '127.0.0.1:1234', '[::1]:5'])
      expect((await ask(host, '/', { Host: name })).status, name).toBe(200);
  });

  test('other origins are refused, own ones and programs are not', async () => {
    const host = await start();
    const name = `127.0.0.1:${host.port}`;
    for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${host.port + 1}`, 'file://'])
      expect(await handshake(host, { Origin: origin }), origin).toBe('403');
    expect((await ask(host, '/image/img-1', { Origin: 'https://evil.example' })).status).toBe(403);
    expect(await handshake(host, { Origin: `http://${name}` })).toBe('open');
    expect(await handshake(host)).toBe('open');
    expect(await handshake(host, {}, '/other')).toBe('404');
  });

  test('beyond loopback only with a token', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(start({ host: '0.0.0.0', token: '' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const host = await start({ host: '0.0.0.0', token: 'right-token' });
    expect(host.url).toContain('?token=right-token');
    expect((await ask(host, '/')).status).toBe(401);
    expect((await ask(host, '/image/img-1')).status).toBe(401);
    expect(await handshake(host)).toBe('401');
    expect((await ask(host, '/?token=wrong')).status).toBe(401);
    expect((await ask(host, '/health')).status).toBe(200);

    const admitted = await ask(host, '/?token=right-token');
    expect(admitted.status).toBe(200);
    const cookie = String(admitted.headers['set-cookie']);
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Strict');
    const sent = { Cookie: `other=1; ${cookie.split(';')[0]}` };
    expect((await ask(host, '/', sent)).status).toBe(200);
    expect((await ask(host, '/image/img-1', sent)).status).toBe(200);
    expect(await handshake(host, sent)).toBe('open');
    expect(await handshake(host, { Cookie: `maskwright-${host.port}=wrong` })).toBe('401');
    expect((await ask(host, '/', { ...sent, Host: 'evil.example' })).status).toBe(403);
  });
});

describe('calls', () => {
  test('over the WebSocket; garbage ends one connection and nothing else', async () => {
    const host = await start();
    const client = createClient(webSocketChannel(new WebSocket(`ws://127.0.0.1:${host.port}/rpc`)));
    await client.ready;
    expect(
      (await client.call('images.read', { imageId: 'img-1', variant: 'full' })).bytes.length,
    ).toBeGreaterThan(10);

    for (const frame of ['text', Buffer.from([0xc1]), Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])]) {
      const rude = new WebSocket(`ws://127.0.0.1:${host.port}/rpc`);
      const code = new Promise((resolve) => rude.on('close', resolve));
      rude.on('open', () => rude.send(frame));
      expect(await code).toBe(1003);
    }
    const raw = connect(host.port, '127.0.0.1');
    raw.on('error', () => undefined).resume();
    raw.write('GARBAGE\r\n\r\n');
    await new Promise((resolve) => raw.on('close', resolve));
    expect(await client.call('history.state', {})).toEqual({ undo: 'box', redo: null });
    client.close();
  });

  test('closing ends the connections', async () => {
    const host = await start();
    const client = createClient(webSocketChannel(new WebSocket(`ws://127.0.0.1:${host.port}/rpc`)));
    await client.ready;
    const gone = new Promise<void>((resolve) => client.onDisconnect(resolve));
    await host.close();
    await gone;
    hosts.length = 0;
  });
});
