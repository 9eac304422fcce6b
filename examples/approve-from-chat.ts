// Allow or deny tools from a chat. The bridge receives `permission.request` as a webhook and posts it to the chat;
// someone answers "allow prm_…" there, and the bridge sends the decision to the server.
//
//   codebuddy keys create chat --scope tools                        prints CODEBUDDY_API_KEY
//   codebuddy webhooks create http://127.0.0.1:8090/hook --event 'permission.*'        prints WEBHOOK_SECRET
//   CHAT_URL=https://chat.example.org/hooks/abc CHAT_TOKEN=… APPROVERS=ann,ben \
//     CODEBUDDY_API_KEY=… WEBHOOK_SECRET=… node examples/approve-from-chat.ts
//
// CHAT_URL is an incoming webhook that takes {"text": "…"}, as those of Slack and Mattermost do. A slash command or an
// outgoing webhook of the chat posts `token`, `user_name` and `text` as a form to /chat. APPROVERS lists the users who
// may decide.

import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
// In your project: from 'codebuddy-api/webhooks' and 'codebuddy-api/client'
import { verifyWebhook } from '../src/api/webhooks.ts';
import { CodeBuddyApiError, CodeBuddyClient } from '../src/client/index.ts';

const secret = required('WEBHOOK_SECRET');
const chatUrl = required('CHAT_URL');
const chatToken = required('CHAT_TOKEN');
const approvers = new Set(required('APPROVERS').split(','));
/** Finds the local server; CODEBUDDY_URL names another one. */
const url = process.env.CODEBUDDY_URL;
const client = new CodeBuddyClient({
  ...(url === undefined ? {} : { url }),
  apiKey: required('CODEBUDDY_API_KEY'),
});

/** Payloads have at most 256 KiB. */
const maxBodyBytes = 512 * 1024;
const maxShown = 3000;
const decisions = { allow: 'allow', always: 'allow_always', deny: 'deny' } as const;

interface PermissionEvent {
  readonly type: string;
  readonly data: {
    readonly permissionId: string;
    readonly tool?: string;
    readonly params?: unknown;
    readonly reason?: string;
    readonly alwaysCovers?: string;
    readonly expiresAt?: string;
    readonly decision?: string;
  };
}

const server = createServer((request, response) => {
  receive(request, response).catch((error: unknown) => {
    console.error(error);
    // The server delivers the event again later.
    if (!response.headersSent) response.writeHead(503);
    response.end();
  });
});

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === undefined) return void response.writeHead(413, { connection: 'close' }).end();
  if (request.method !== 'POST') return void response.writeHead(405, { allow: 'POST' }).end();
  if (request.url === '/hook') {
    if (!verifyWebhook(body, request.headers, secret)) return void response.writeHead(401).end();
    // Answer once the chat has the message. If the chat is down, the event is delivered again, and nothing is lost.
    await post(JSON.parse(body.toString('utf8')));
    return void response.writeHead(204).end();
  }
  if (request.url === '/chat') {
    const form = new URLSearchParams(body.toString('utf8'));
    if (!isSame(form.get('token') ?? '', chatToken)) return void response.writeHead(401).end();
    const text = await decide(form.get('user_name') ?? '', form.get('text') ?? '');
    response.writeHead(200, { 'content-type': 'application/json' });
    return void response.end(JSON.stringify({ text }));
  }
  response.writeHead(404).end();
}

/** Posts an event to the chat. */
async function post({ type, data }: PermissionEvent): Promise<void> {
  const { permissionId: id, tool, params, reason, alwaysCovers, expiresAt, decision } = data;
  let text: string;
  if (type === 'permission.request') {
    text = [
      `The agent asks to run \`${tool}\`: ${visible(reason ?? '')}`,
      `\`\`\`\n${visible(params)}\n\`\`\``,
      `Answer \`allow ${id}\`, \`always ${id}\` (${visible(alwaysCovers ?? 'for this session')}) or \`deny ${id} REASON\`` +
        `${expiresAt === undefined ? '' : `, before ${expiresAt}`}.`,
    ].join('\n');
  } else if (type === 'permission.resolved') {
    text = `\`${id}\`: ${decision}${reason === undefined ? '' : `, ${visible(reason)}`}`;
  } else return;
  const answer = await fetch(chatUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
    signal: AbortSignal.timeout(10_000),
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`the chat answered ${answer.status}`);
}

/** Carries out "allow prm_…", "always prm_…" or "deny prm_… REASON". Returns the reply. */
async function decide(user: string, text: string): Promise<string> {
  const [, verb, id = '', reason] = /\b(allow|always|deny)\s+(prm_\w+)(?:\s+(.+))?/s.exec(text) ?? [];
  if (verb !== 'allow' && verb !== 'always' && verb !== 'deny')
    return 'Write "allow ID", "always ID" or "deny ID REASON".';
  if (!approvers.has(user)) return `${user} may not decide.`;
  try {
    const by = `by ${user} in the chat`;
    await client.permissions.decide(id, {
      decision: decisions[verb],
      reason: reason === undefined ? by : `${reason.trim()} (${by})`.slice(-1000),
    });
    return `Done: ${verb} ${id}`;
  } catch (error) {
    // Such as `permission_resolved`: someone else has decided, or the permission has expired.
    if (error instanceof CodeBuddyApiError) return error.message;
    console.error(error);
    return 'The server does not answer. Try again.';
  }
}

/**
 * JSON in which every character is visible. The text comes from a model: it must not end the code block, mention
 * people, or hide characters.
 */
function visible(value: unknown): string {
  const json = typeof value === 'string' ? value : JSON.stringify(value, null, 1);
  const text = json.replace(
    /[`<>&@]|(?!\n)[\p{C}\p{Z}](?<! )/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return text.length > maxShown ? `${text.slice(0, maxShown)}… (${text.length} characters)` : text;
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Returns undefined if the body is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function required(name: string): string {
  const value = process.env[name] ?? '';
  if (value !== '') return value;
  console.error(`${name} is not set.`);
  process.exit(2);
}

server.listen(Number(process.env.PORT ?? 8090), process.env.HOST ?? '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object')
    console.log(`listening on http://${process.env.HOST ?? '127.0.0.1'}:${address.port}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    server.closeIdleConnections();
    client.close();
  });
}
