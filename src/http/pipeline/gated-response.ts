// The class of all responses of our server. Whoever answers (the gate, Fastify, a stream) writes through `writeHead`, so no
// answer leaves without the request id, the security headers and the CORS headers.

import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import { ServerResponse } from 'node:http';
import type { GatedRequest } from './request-facts.ts';

type Headers = OutgoingHttpHeaders | readonly OutgoingHttpHeader[];

/** What an API answer may do in a browser: nothing. A page (docs) brings its own policy. */
const guarded: ReadonlyArray<readonly [lowerName: string, name: string, value: string]> = [
  ['cache-control', 'Cache-Control', 'no-store'],
  ['content-security-policy', 'Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['x-frame-options', 'X-Frame-Options', 'DENY'],
  ['referrer-policy', 'Referrer-Policy', 'no-referrer'],
  ['x-content-type-options', 'X-Content-Type-Options', 'nosniff'],
];
const allGuarded = guarded.flatMap(([, name, value]) => [name, value]);
const plainHead: OutgoingHttpHeader[] = [
  'X-Request-Id',
  '',
  'Content-Type',
  '',
  'Content-Length',
  0,
  ...allGuarded,
];
const guardedNames = new Set(guarded.map(([lowerName]) => lowerName));

/** Whether a server is about to stop; one object a start, shared by all its answers. */
export interface ServerLife {
  isStopping: boolean;
}
const endless: ServerLife = { isStopping: false };

export class GatedResponse extends ServerResponse<GatedRequest> {
  requestId = '';
  /** Name, value, name, value …; set by the CORS step. */
  corsHeaders: readonly string[] | null = null;
  /** Looked at when the head is written: once the server stops, each connection ends with the answer it is at. */
  life: ServerLife = endless;

  override writeHead(status: number, reason?: string | Headers, headers?: Headers): this {
    const given = typeof reason === 'string' ? headers : reason;
    const flat: OutgoingHttpHeader[] = ['X-Request-Id', this.requestId];
    let own: Set<string> | undefined;
    if (Array.isArray(given)) {
      for (let i = 0; i + 1 < given.length; i += 2) {
        own = keep(flat, own, String(given[i]), given[i + 1]);
      }
    } else if (given !== undefined) {
      const object = given as OutgoingHttpHeaders;
      for (const name in object) own = keep(flat, own, name, object[name]);
    }
    // Node copies headers of setHeader() over only where writeHead() is given an object.
    for (const name of this.getHeaderNames()) {
      own = keep(flat, own, name, this.getHeader(name));
      this.removeHeader(name);
    }
    if (own === undefined) flat.push(...allGuarded);
    else for (const [lowerName, name, value] of guarded) if (!own.has(lowerName)) flat.push(name, value);
    if (this.corsHeaders !== null) flat.push(...this.corsHeaders);
    if (this.life.isStopping) this.shouldKeepAlive = false;
    return typeof reason === 'string' ? super.writeHead(status, reason, flat) : super.writeHead(status, flat);
  }

  /** The whole answer in one write: the gate's way, without Fastify. */
  answer(
    status: number,
    contentType: string,
    body: string,
    headers?: Readonly<Record<string, string>>,
  ): void {
    // Node has read the list when writeHead() returns, so one list serves all answers.
    plainHead[1] = this.requestId;
    plainHead[3] = contentType;
    plainHead[5] = Buffer.byteLength(body);
    let head = plainHead;
    if (this.corsHeaders !== null || headers !== undefined) {
      head = [...plainHead, ...(this.corsHeaders ?? [])];
      for (const [name, value] of Object.entries(headers ?? {})) head.push(name, value);
    }
    if (this.life.isStopping) this.shouldKeepAlive = false;
    super.writeHead(status, head);
    this.end(body);
  }
}

/** Puts one header on the list; notes in `own` which of the guarded names the caller has set himself. */
function keep(
  flat: OutgoingHttpHeader[],
  own: Set<string> | undefined,
  name: string,
  value: OutgoingHttpHeader | undefined,
): Set<string> | undefined {
  if (value === undefined) return own;
  if (name.length === 12 && name.toLowerCase() === 'x-request-id') return own;
  if (Array.isArray(value)) for (const one of value) flat.push(name, one);
  else flat.push(name, value);
  const lowerName = name.toLowerCase();
  return guardedNames.has(lowerName) ? (own ?? new Set<string>()).add(lowerName) : own;
}
