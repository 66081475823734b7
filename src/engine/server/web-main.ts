import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { serve } from './serve';

/** `node out/main/web-host.js`: the web host as `npm start` runs it where there is no desktop. */

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      project: { type: 'string' },
      'data-dir': { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '0' },
      token: { type: 'string' },
      'check-outputs': { type: 'boolean', default: false },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new MaskwrightError('INVALID_REQUEST', `"${values.port}" is not a port.`);
  }
  const host = await serve({
    project: values.project,
    dataDir: values['data-dir'],
    host: values.host,
    port,
    token: values.token ?? null,
    outDir: __dirname,
    resourcesDir: join(__dirname, '..', '..', 'resources'),
    log: (line) => console.error(line),
    checkOutputs: values['check-outputs'],
  });
  // The parent (scripts/start.cjs, the tests) waits for this line.
  console.log(`Maskwright is at ${host.url}`);
  let closing = false;
  const stop = (): void => {
    if (closing) process.exit(130);
    closing = true;
    host.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

main().catch((error: unknown) => {
  const hint = error instanceof MaskwrightError && error.hint !== '' ? ` ${error.hint}` : '';
  console.error(`maskwright: ${messageOf(error)}${hint}`);
  process.exitCode = 1;
});
