// A small local receiver for development. It verifies and answers each request, then passes the event on. It stores
// nothing.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { verifyWebhook } from '../webhooks/verify.ts';
import { challengeHeader, proofHeader, proofOf } from './listener-proof.ts';

export interface HeardEvent {
  readonly id: string;
  readonly type: string;
  readonly sequence: number | null;
  readonly sessionId: string | null;
  /** The time of the event as RFC 3339; null if it has none. */
  readonly timestamp: string | null;
  /** The time from the event to its receipt, in ms; null if the event has no time. */
  readonly latencyMs: number | null;
  /** Whether the signature is valid and recent. */
  readonly verified: boolean;
  /** From 1. */
  readonly attempt: number;
  /** Whether it was received before. */
  readonly duplicate: boolean;
  readonly data: unknown;
}

export interface ListenerOptions {
  readonly secret: string;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 0, a free port */
  readonly port?: number;
  readonly onEvent: (event: HeardEvent) => void;
}

export interface Listener {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const maxBodyBytes = 1024 * 1024;
const rememberedIds = 10_000;

/** @throws Error with `code` EADDRINUSE if the port is in use */
export async function startListener({
  secret,
  host = '127.0.0.1',
  port = 0,
  onEvent,
}: ListenerOptions): Promise<Listener> {
  const heard = new Set<string>();
  const server = createServer((request, response) => {
    const challenge = header(request, challengeHeader);
    if (request.method === 'GET' && challenge !== undefined)
      response.setHeader(proofHeader, proofOf(secret, challenge.slice(0, 256)));
    if (request.method !== 'POST') return answer(response, 405);
    readBody(request).then(
      (body) => {
        if (body === undefined) return answer(response, 413);
        const event = read(request, body);
        // Requests that cannot be verified are refused, but still shown.
        answer(response, event.verified ? 204 : 401);
        onEvent(event);
      },
      // The sender left.
      () => response.destroy(),
    );
  });

  function read(request: IncomingMessage, body: Buffer): HeardEvent {
    const verified = verifyWebhook(body, request.headers, secret);
    const payload = parse(body);
    const id = header(request, 'webhook-id') ?? text(payload.id) ?? '';
    const duplicate = heard.has(id);
    if (verified) {
      heard.add(id);
      const [oldest] = heard;
      if (heard.size > rememberedIds && oldest !== undefined) heard.delete(oldest);
    }
    const timestamp = text(payload.timestamp) ?? null;
    const at = Date.parse(timestamp ?? '');
    return {
      id,
      type: text(payload.type) ?? header(request, 'x-webhook-event') ?? 'unknown',
      sequence: typeof payload.sequence === 'number' ? payload.sequence : null,
      sessionId: text(payload.sessionId) ?? null,
      timestamp,
      latencyMs: Number.isNaN(at) ? null : Date.now() - at,
      verified,
      attempt: Number(header(request, 'x-webhook-attempt')) || 1,
      duplicate,
      data: payload.data ?? null,
    };
  }

  await new Promise<void>((resolve, reject) => {
    // Stays attached, because a connection that cannot be accepted is an error too.
    server.on('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The receiver has no port');
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}/`,
    port: address.port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

/** Undefined if the body is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const payload: unknown = JSON.parse(body.toString('utf8'));
    return typeof payload === 'object' && payload !== null ? { ...payload } : {};
  } catch {
    // Not JSON: shown as an event without a type.
    return {};
  }
}

/** Only strings: any program can post here, and converting an object may throw. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function header(request: IncomingMessage, name: string): string | undefined {
  return text(request.headers[name]);
}
