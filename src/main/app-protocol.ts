import { isImagePath, type ReadImage, serveImage } from '@engine/server/images';
import { contentSecurityPolicy, securityHeaders } from '@engine/server/security';
import { type HostResponse, serveFile, textResponse } from '@engine/server/static-files';
import { protocol } from 'electron';
import type { Log } from './log';

export const APP_SCHEME = 'app';
export const APP_ORIGIN = 'app://maskwright';

/** Before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true } },
  ]);
}

/** Serves the window: the renderer's files and `image/<id>`, which the engine reads. */
export function handleAppProtocol(rendererDir: string, readImage: ReadImage, log: Log): void {
  const headers = securityHeaders(contentSecurityPolicy());

  const respond = async (request: GlobalRequest): Promise<HostResponse> => {
    const { host, pathname, search } = new URL(request.url);
    if (host !== new URL(APP_ORIGIN).host) return textResponse(404, 'Not found.');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return textResponse(405, 'Method not allowed.');
    if (isImagePath(pathname)) return serveImage(readImage, pathname, search, undefined, log);
    return serveFile(rendererDir, pathname);
  };

  protocol.handle(APP_SCHEME, async (request) => {
    const answer = await respond(request).catch((error: unknown) => {
      log(`app:// failed: ${error instanceof Error ? error.stack : String(error)}`);
      return textResponse(500, 'Something went wrong.');
    });
    const body = typeof answer.body === 'string' ? answer.body : new Uint8Array(answer.body);
    return new Response(body, { status: answer.status, headers: { ...headers, ...answer.headers } });
  });
}
