// Step 1: the request line and the headers that the gate decides by, read in one pass over the raw list: Node's own object of
// headers hides repetitions, which is where proxies and servers can be made to disagree.

import { CodeBuddyError } from '../../base/errors.ts';
import type { GatedRequest } from './request-facts.ts';

export interface RequestHead {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly apiKey: string | undefined;
  readonly authorization: string | undefined;
  readonly requestId: string | undefined;
  /** Of `X-CodeBuddy-Hop`; 0 without it, `maxHops` if it is malformed or repeated. */
  readonly hop: number;
  /** The first header that came twice though it must not, in lower case. */
  readonly repeated: string | undefined;
}

/** From this `X-CodeBuddy-Hop` on nothing may be changed: webhooks of ours have gone round in a circle. */
export const maxHops = 3;

/** Reads the headers of steps 1 to 4. */
export function readHead(rawHeaders: readonly string[]): RequestHead {
  let host: string | undefined;
  let origin: string | undefined;
  let apiKey: string | undefined;
  let authorization: string | undefined;
  let requestId: string | undefined;
  let hop: number | undefined;
  let repeated: string | undefined;
  let contentType: string | undefined;
  let contentLength: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const raw = rawHeaders[i] as string;
    const value = rawHeaders[i + 1] as string;
    // By length first: most headers are none of these, and need no lower case.
    switch (raw.length) {
      case 4:
        if (raw.toLowerCase() !== 'host') break;
        if (host !== undefined) repeated ??= 'host';
        host ??= value;
        break;
      case 6:
        if (raw.toLowerCase() !== 'origin') break;
        if (origin !== undefined) repeated ??= 'origin';
        origin ??= value;
        break;
      case 9:
        if (raw.toLowerCase() !== 'x-api-key') break;
        if (apiKey !== undefined) repeated ??= 'x-api-key';
        apiKey ??= value;
        break;
      case 12: {
        const name = raw.toLowerCase();
        if (name === 'x-request-id') requestId = requestId === undefined ? value : '';
        else if (name === 'content-type') {
          if (contentType !== undefined) repeated ??= 'content-type';
          contentType ??= value;
        }
        break;
      }
      case 13:
        if (raw.toLowerCase() !== 'authorization') break;
        if (authorization !== undefined) repeated ??= 'authorization';
        authorization ??= value;
        break;
      case 14:
        if (raw.toLowerCase() !== 'content-length') break;
        if (contentLength !== undefined) repeated ??= 'content-length';
        contentLength ??= value;
        break;
      case 15:
        if (raw.toLowerCase() !== 'x-codebuddy-hop') break;
        hop = hop === undefined && /^\d+$/.test(value) ? Number(value) : maxHops;
        break;
    }
  }
  return { host, origin, apiKey, authorization, requestId, hop: hop ?? 0, repeated };
}

const saneId = /^[\x20-\x7e]{1,128}$/;

/** The client's request id, if it can stand in a header and a log line as it is. */
export function saneRequestId(id: string | undefined): string | undefined {
  return id !== undefined && saneId.test(id) ? id : undefined;
}

/** Bytes of the request target. */
const maxTarget = 8 * 1024;

/**
 * Sets `request.path` from the request target, and gives the host of an absolute-form target (RFC 9112 §3.2.2), which
 * stands in place of the Host header.
 * @throws CodeBuddyError `uri_too_long`, `invalid_url`
 */
export function readTarget(request: GatedRequest): string | undefined {
  let target = request.url as string;
  if (target.length > maxTarget) {
    throw new CodeBuddyError('uri_too_long', `The request target is over ${maxTarget} bytes`);
  }
  let host: string | undefined;
  if (target.charCodeAt(0) !== 47) {
    const absolute = /^https?:\/\/([^/?#@\\]+)(\/[^#]*|\?[^#]*)?$/i.exec(target);
    if (target === '*' && request.method === 'OPTIONS') {
      request.path = '*';
      return undefined;
    }
    if (absolute === null) throw new CodeBuddyError('invalid_url', 'The request target must begin with /');
    host = absolute[1];
    target = absolute[2] ?? '/';
    if (target.startsWith('?')) target = `/${target}`;
    request.url = target;
  }
  const end = target.indexOf('?');
  request.path = end < 0 ? target : target.slice(0, end);
  if (target.includes('%') && !isDecodable(target)) {
    throw new CodeBuddyError('invalid_url', 'The request target is not properly percent-encoded');
  }
  if (target.includes('#')) {
    throw new CodeBuddyError('invalid_url', 'The request target must not have a fragment');
  }
  return host;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
