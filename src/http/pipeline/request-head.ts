// Reads the request line and the headers that the gate checks, in one pass over the raw list. Node's headers object
// hides repeated headers, which an attacker can use to make a proxy and the server disagree.

import { CodeBuddyError } from '../../base/errors.ts';
import type { GatedRequest } from './request-facts.ts';

export interface RequestHead {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly apiKey: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  readonly csrfToken: string | undefined;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** The value of `X-CodeBuddy-Hop`: 0 if absent, `maxHops` if malformed or repeated. */
  readonly hop: number;
  /** The first header that must not be repeated but is, in lower case. */
  readonly repeated: string | undefined;
}

/**
 * A request with this `X-CodeBuddy-Hop` or more may not change anything: webhooks have triggered each other in a loop.
 */
export const maxHops = 3;

/** Reads the headers that the gate checks. */
export function readHead(rawHeaders: readonly string[]): RequestHead {
  let host: string | undefined;
  let origin: string | undefined;
  let apiKey: string | undefined;
  let authorization: string | undefined;
  let cookie: string | undefined;
  let csrfToken: string | undefined;
  let requestId: string | undefined;
  let traceparent: string | undefined;
  let tracestate: string | undefined;
  let hop: number | undefined;
  let repeated: string | undefined;
  let contentType: string | undefined;
  let contentLength: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const raw = rawHeaders[i] as string;
    const value = rawHeaders[i + 1] as string;
    // Compare lengths first: most headers are none of these and need not be lower-cased.
    switch (raw.length) {
      case 4:
        if (raw.toLowerCase() !== 'host') break;
        if (host !== undefined) repeated ??= 'host';
        host ??= value;
        break;
      case 6: {
        const name = raw.toLowerCase();
        if (name === 'origin') {
          if (origin !== undefined) repeated ??= 'origin';
          origin ??= value;
        } else if (name === 'cookie') {
          cookie = cookie === undefined ? value : `${cookie}; ${value}`;
        }
        break;
      }
      case 9:
        if (raw.toLowerCase() !== 'x-api-key') break;
        if (apiKey !== undefined) repeated ??= 'x-api-key';
        apiKey ??= value;
        break;
      case 10:
        if (raw.toLowerCase() !== 'tracestate') break;
        tracestate = tracestate === undefined ? value : `${tracestate},${value}`;
        break;
      case 11:
        if (raw.toLowerCase() !== 'traceparent') break;
        // Repeated: none of them is valid.
        traceparent = traceparent === undefined ? value : '';
        break;
      case 12: {
        const name = raw.toLowerCase();
        if (name === 'x-request-id') requestId = requestId === undefined ? value : '';
        else if (name === 'x-csrf-token') csrfToken = csrfToken === undefined ? value : '';
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
  return {
    host,
    origin,
    apiKey,
    authorization,
    cookie,
    csrfToken,
    requestId,
    traceparent,
    tracestate,
    hop: hop ?? 0,
    repeated,
  };
}

const saneId = /^[\x20-\x7e]{1,128}$/;

/** The client's request id if it is safe in headers and log lines, else undefined. */
export function saneRequestId(id: string | undefined): string | undefined {
  return id !== undefined && saneId.test(id) ? id : undefined;
}

/** Longest request target, in bytes. */
const maxTarget = 8 * 1024;

/**
 * Sets `request.path` from the request target. Returns the host of an absolute-form target (RFC 9112 §3.2.2), which
 * replaces the Host header.
 * @throws CodeBuddyError `uri_too_long`, `invalid_url`
 */
export function readTarget(request: GatedRequest): string | undefined {
  let target = request.url as string;
  if (target.length > maxTarget) {
    throw new CodeBuddyError('uri_too_long', `The request target is longer than ${maxTarget} bytes.`);
  }
  let host: string | undefined;
  if (target.charCodeAt(0) !== 47) {
    const absolute = /^https?:\/\/([^/?#@\\]+)(\/[^#]*|\?[^#]*)?$/i.exec(target);
    if (target === '*' && request.method === 'OPTIONS') {
      request.path = '*';
      return undefined;
    }
    if (absolute === null) throw new CodeBuddyError('invalid_url', 'The request target must begin with "/".');
    host = absolute[1];
    target = absolute[2] ?? '/';
    if (target.startsWith('?')) target = `/${target}`;
    request.url = target;
  }
  const end = target.indexOf('?');
  request.path = end < 0 ? target : target.slice(0, end);
  if (target.includes('%') && !isDecodable(target)) {
    throw new CodeBuddyError('invalid_url', 'The request target is not correctly percent-encoded.');
  }
  if (target.includes('#')) {
    throw new CodeBuddyError('invalid_url', 'The request target must not contain a fragment.');
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
