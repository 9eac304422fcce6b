// The response class of the server. The gate, Fastify and streams all write through `writeHead`, so every answer has
// the request id, the security headers and the CORS headers.

import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import { ServerResponse } from 'node:http';
import type { KeyRates } from '../services.ts';
import type { GatedRequest } from './request-facts.ts';

type Headers = OutgoingHttpHeaders | readonly OutgoingHttpHeader[];

/** Security headers: an API answer may do nothing in a browser. The docs page sets its own policy. */
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

/** One object per start, shared by all answers of that start. */
export interface ServerLife {
  isStopping: boolean;
}
const endless: ServerLife = { isStopping: false };

export class GatedResponse extends ServerResponse<GatedRequest> {
  requestId = '';
  /** True for server-sent events. */
  isStream = false;
  /** Name, value, name, value, …; set by the gate. */
  corsHeaders: readonly string[] | null = null;
  /** Of the caller's key, if it has limits. Read when the head is written. */
  rates: KeyRates | null = null;
  /** Read when the head is written: while the server stops, each connection is closed after its current answer. */
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
    // Node adds the headers of setHeader() only if writeHead() gets an object.
    for (const name of this.getHeaderNames()) {
      own = keep(flat, own, name, this.getHeader(name));
      this.removeHeader(name);
    }
    if (own === undefined) flat.push(...allGuarded);
    else for (const [lowerName, name, value] of guarded) if (!own.has(lowerName)) flat.push(name, value);
    if (this.corsHeaders !== null) flat.push(...this.corsHeaders);
    if (this.rates !== null) flat.push(...this.rates.headers());
    if (this.life.isStopping) this.shouldKeepAlive = false;
    return typeof reason === 'string' ? super.writeHead(status, reason, flat) : super.writeHead(status, flat);
  }

  /** Sends a complete answer in one write, without Fastify. */
  answer(
    status: number,
    contentType: string,
    body: string,
    headers?: Readonly<Record<string, string>>,
  ): void {
    // Node has consumed the list when writeHead() returns, so all answers share one.
    plainHead[1] = this.requestId;
    plainHead[3] = contentType;
    plainHead[5] = Buffer.byteLength(body);
    let head = plainHead;
    if (this.corsHeaders !== null || headers !== undefined || this.rates !== null) {
      head = [...plainHead, ...(this.corsHeaders ?? []), ...(this.rates?.headers() ?? [])];
      for (const [name, value] of Object.entries(headers ?? {})) head.push(name, value);
    }
    if (this.life.isStopping) this.shouldKeepAlive = false;
    super.writeHead(status, head);
    this.end(body);
  }
}

/** Adds one header to the list. `own` collects the security headers that the caller sets itself. */
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
