import type { IncomingMessage } from 'node:http';

/** The body as text; null where it is longer than `most` bytes. Rejects when the client goes before its end. */
export async function readBody(request: IncomingMessage, most: number): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > most) return null;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > most) return null;
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString();
}
