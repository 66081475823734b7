import { createHash } from 'node:crypto';
import { MaskwrightError } from '@shared/contract/errors';
import type { MethodInput, MethodOutput } from '@shared/contract/methods';
import { type HostResponse, pathSegments, textResponse } from './static-files';

/**
 * `image/<opaque id>?variant=full|thumbnail|overview`, or `variant=tile&level=…&column=…&row=…`, the same address in
 * every host.
 */

type Method = 'images.read' | 'pictures.overview' | 'pictures.tile';

/** Calls the engine. */
export type ReadImage = <M extends Method>(method: M, input: MethodInput<M>) => Promise<MethodOutput<M>>;

/** Only these are named to a browser: nothing that could carry a script. */
const RASTER = /^image\/(png|jpeg|webp|gif|avif|bmp|tiff)$/;

function statusOf(error: unknown): number {
  if (!(error instanceof MaskwrightError)) return 500;
  switch (error.code) {
    case 'INVALID_REQUEST':
      return 400;
    case 'NOT_FOUND':
    case 'NO_PROJECT':
      return 404;
    case 'IMAGE_UNREADABLE':
      return 422;
    case 'DISCONNECTED':
    case 'CANCELLED':
      return 503;
    default:
      return 500;
  }
}

export function isImagePath(pathname: string): boolean {
  return pathname.startsWith('/image/');
}

/** What an address asks for; null when it asks for nothing that there is. */
function readOf(
  read: ReadImage,
  imageId: string,
  query: URLSearchParams,
): (() => Promise<MethodOutput<Method>>) | null {
  const variant = query.get('variant') ?? 'full';
  if (variant === 'full' || variant === 'thumbnail') return () => read('images.read', { imageId, variant });
  if (variant === 'overview') return () => read('pictures.overview', { imageId });
  if (variant !== 'tile') return null;
  const [level, column, row] = ['level', 'column', 'row'].map((name) =>
    Number(query.get(name) ?? Number.NaN),
  );
  if (level === undefined || column === undefined || row === undefined) return null;
  return () => read('pictures.tile', { imageId, level, column, row });
}

/** `search` is the query string; `known` the ETag that the asker has already. */
export async function serveImage(
  read: ReadImage,
  pathname: string,
  search: string,
  known: string | undefined,
  log: (line: string) => void,
): Promise<HostResponse> {
  const segments = pathSegments(pathname);
  const imageId = segments?.length === 2 ? segments[1] : undefined;
  const asked = imageId ? readOf(read, imageId, new URLSearchParams(search)) : null;
  if (!asked) return textResponse(400, 'Bad image address.');
  try {
    const { mime, bytes } = await asked();
    const tag = `"${createHash('sha1').update(bytes).digest('base64url')}"`;
    // Revalidated every time: the same id may mean another picture once another project is open.
    const headers = { ETag: tag, 'Cache-Control': 'private, no-cache' };
    if (known === tag) return { status: 304, headers, body: '' };
    const type = RASTER.test(mime) ? mime : 'application/octet-stream';
    return { status: 200, headers: { ...headers, 'Content-Type': type }, body: bytes };
  } catch (error) {
    const status = statusOf(error);
    if (status === 500)
      log(`image ${imageId} could not be read: ${error instanceof Error ? error.stack : String(error)}`);
    return textResponse(
      status,
      error instanceof MaskwrightError ? error.message : 'The image could not be read.',
    );
  }
}
