// A webhook receiver with node:http only. It verifies each request, answers 204 at once, handles each event once, and works afterwards.
//
//   WEBHOOK_SECRET='a secret of mine' node examples/webhook-receiver.ts
//   codebuddy webhooks create http://127.0.0.1:8080/hook --secret 'a secret of mine'
//
// It keeps accepted events and their ids in memory, which is enough for a script. If no event may be lost, replace `take`: insert the event into a
// table with `webhook-id` as its key, and answer after the commit.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { verifyWebhook } from '../src/api/webhooks.ts'; // in your project: from 'codebuddy-api/webhooks'

interface WebhookEvent {
  readonly id: string;
  readonly type: string;
  readonly sequence: number;
  readonly timestamp: string;
  readonly data: unknown;
}

const secret = process.env.WEBHOOK_SECRET ?? '';
if (secret === '') {
  // With an empty secret, anyone could sign.
  console.error('WEBHOOK_SECRET is not set. `codebuddy webhooks create` prints the secret.');
  process.exit(2);
}

/** Payloads have at most 256 KiB. */
const maxBodyBytes = 512 * 1024;
const maxWaiting = 1000;
const maxRemembered = 10_000;

/** Your work for an event. Called for one event at a time, after the answer. */
async function work({ sequence, type, id }: WebhookEvent): Promise<void> {
  console.log(`${sequence} ${type} ${id}`);
}

/** Oldest first. */
const seen = new Set<string>();
const waiting: { readonly id: string; readonly body: Buffer }[] = [];
let isWorking = false;

const server = createServer(
  // A webhook may have up to 16 KiB of its own headers, in addition to the sender's.
  { maxHeaderSize: 32 * 1024, headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 10_000 },
  (request, response) => {
    receive(request, response).catch((error: unknown) => {
      console.error(error);
      answer(response, 500);
    });
  },
);
server.maxConnections = 256;

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return answer(response, 405, { allow: 'POST' });
  const body = await readBody(request);
  // The rest of the body is not read, so the connection cannot be reused.
  if (body === undefined) return answer(response, 413, { connection: 'close' });
  if (!verifyWebhook(body, request.headers, secret)) return answer(response, 401);

  const id = String(request.headers['webhook-id']);
  if (seen.has(id)) return answer(response, 204);
  // The sender retries after this time.
  if (waiting.length >= maxWaiting) return answer(response, 503, { 'retry-after': '5' });
  take(id, body);
  answer(response, 204);
}

function take(id: string, body: Buffer): void {
  seen.add(id);
  for (const oldest of seen) {
    if (seen.size <= maxRemembered) break;
    seen.delete(oldest);
  }
  waiting.push({ id, body });
  if (isWorking) return;
  isWorking = true;
  // Let the answer go out first.
  setImmediate(workOff);
}

async function workOff(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    try {
      await work(JSON.parse(next.body.toString('utf8')));
    } catch (error) {
      // The event was accepted, so the sender does not retry. If it is sent again by hand, it must not count as a duplicate.
      seen.delete(next.id);
      console.error(`${next.id} failed. To send it again: codebuddy deliveries retry`, error);
    }
  }
  isWorking = false;
}

/** Returns undefined if the body is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers).end();
}

server.listen(Number(process.env.PORT ?? 8080), process.env.HOST ?? '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object')
    console.log(`listening on http://${process.env.HOST ?? '127.0.0.1'}:${address.port}/hook`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // Finish the accepted events before the process ends.
    server.close();
    server.closeIdleConnections();
  });
}
