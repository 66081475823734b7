import { isSameSecret } from './security';

/**
 * The path of a request without its token, or null when it has not the right one. The token comes as `Authorization:
 * Bearer TOKEN`, or at the start of the path as `/token/TOKEN`: clients that know only a base URL can send no header.
 */
export function admittedPath(
  path: string,
  authorization: string | undefined,
  token: string | null,
): string | null {
  if (token === null) return path;
  const bearer = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
  if (bearer !== undefined) return isSameSecret(bearer, token) ? path : null;
  const [, given, rest] = /^\/token\/([^/]+)(\/.*)$/.exec(path) ?? [];
  return given !== undefined && rest !== undefined && isSameSecret(given, token) ? rest : null;
}
