import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';

/** Who may talk to a host, and what a page of it may do. */

/**
 * Content security policy of the renderer, in every host. Inline style attributes are allowed (positions and colours of
 * overlays), inline style elements and scripts are not.
 */
export function contentSecurityPolicy(connect: readonly string[] = []): string {
  return [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    `connect-src ${["'self'", ...connect].join(' ')}`,
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Headers of every answer. */
export function securityHeaders(policy: string): Record<string, string> {
  return {
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
  };
}

export function generateToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Compares in a time that says nothing about how much was right. */
export function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.includes(host) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Names under which a server that listens on `host` can honestly be reached. */
export function namesOf(host: string): ReadonlySet<string> {
  if (host !== '0.0.0.0' && host !== '::')
    return new Set(isLoopback(host) ? [...LOOPBACK_NAMES, host] : [host.toLowerCase()]);
  const addresses = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).map(({ address }) => address),
  );
  const name = hostname().toLowerCase();
  return new Set([...LOOPBACK_NAMES, ...addresses, name, `${name}.local`]);
}

/** The host name of a Host header or of an Origin, without port and brackets; null when it is neither. */
function nameOf(url: string): string | null {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  } catch {
    return null;
  }
}

/**
 * True when the Host header is one of our names. A page of another name that resolves to this machine (DNS rebinding)
 * is refused. The port is not compared: a forwarded port is honest.
 */
export function isKnownHost(header: string | undefined, names: ReadonlySet<string>): boolean {
  if (header === undefined || /[/?#@\s]/.test(header)) return false;
  const name = nameOf(`http://${header}`);
  return name !== null && names.has(name);
}

/** True for requests of our own page, and of programs that are no browser (they send no Origin). */
export function isOwnOrigin(origin: string | undefined, host: string): boolean {
  if (origin === undefined) return true;
  return origin === `http://${host}` || origin === `https://${host}`;
}
