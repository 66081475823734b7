import { readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

/** The built renderer's files, for both hosts. */

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/** An answer of a host, before it is HTTP or Electron's. */
export interface HostResponse {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array | string;
}

export function textResponse(status: number, body: string): HostResponse {
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
    body,
  };
}

/** The decoded segments of a request's path; null when it is not one that an honest page asks for. */
export function pathSegments(pathname: string): readonly string[] | null {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return null;
  }
  if (!decoded.startsWith('/') || decoded.includes('\\') || decoded.includes('\0')) return null;
  const segments = decoded.slice(1).split('/');
  if (segments.some((segment) => segment === '..' || segment === '.')) return null;
  return segments;
}

/** A file below `root`, links followed only inside it. 400 for a path that tries to leave it, 404 for what is not there. */
export async function serveFile(root: string, pathname: string): Promise<HostResponse> {
  const segments = pathSegments(pathname);
  if (segments === null) return textResponse(400, 'Bad path.');
  const asked = segments.join('/');
  try {
    const base = await realpath(root);
    const file = await realpath(join(base, asked === '' ? 'index.html' : asked));
    if (!file.startsWith(base + sep)) return textResponse(404, 'Not found.');
    if (!(await stat(file)).isFile()) return textResponse(404, 'Not found.');
    return {
      status: 200,
      headers: {
        'Content-Type': TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream',
        // Names in assets/ carry a hash of their content.
        'Cache-Control': segments[0] === 'assets' ? 'public, max-age=31536000, immutable' : 'no-cache',
      },
      body: await readFile(file),
    };
  } catch {
    return textResponse(404, 'Not found.');
  }
}
