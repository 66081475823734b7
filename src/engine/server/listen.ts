import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { isLoopback } from './security';

/** Throws FORBIDDEN for an address beyond loopback without a token. `what` is what the network would get at. */
export function checkTokenBeyondLoopback(host: string, token: string | null, what: string): void {
  if (isLoopback(host) || (token !== null && token !== '')) return;
  throw new MaskwrightError('FORBIDDEN', `Listening on ${host} would open ${what} to the network.`, {
    hint: 'Give a token, or listen on 127.0.0.1 and forward the port (ssh -L).',
  });
}

/**
 * Starts listening.
 *
 * @param port 0 picks a free one
 * @returns the port
 * @throws MaskwrightError CONFLICT when the port is taken or the address is not this machine's
 */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint =
        error.code === 'EADDRINUSE' ? 'Another program uses it: choose another port, or 0 for any.' : '';
      const message = `Cannot listen on ${host}:${port}: ${messageOf(error)}`;
      reject(new MaskwrightError('CONFLICT', message, { hint, cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Where a program on this machine finds a server that listens on `host`, without a slash at the end. */
export function addressOf(host: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`;
}
