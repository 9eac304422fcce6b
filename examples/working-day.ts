// A working day with the agent, through the typed client: a task whose permissions are answered from a webhook receiver,
// a review in a fork of the conversation, and what it changed in the evening, with undo and redo.
//
//   codebuddy serve                                          in the folder of a project
//   node examples/working-day.ts 'Fix the failing test.'
//
// The receiver allows what MAY_RUN matches and edits below src/, and denies the rest with a reason that the agent reads.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
// In your project: from 'codebuddy-api/webhooks' and 'codebuddy-api/client'
import { verifyWebhook } from '../src/api/webhooks.ts';
import { CodeBuddyApiError, CodeBuddyClient } from '../src/client/index.ts';

const task = process.argv[2] ?? 'Fix the failing test.';
const mayRun = new RegExp(process.env.MAY_RUN ?? '^(node --test|npm test)$');
const url = process.env.CODEBUDDY_URL;
/** Finds the local server and its key; CODEBUDDY_URL and CODEBUDDY_API_KEY name another one. */
const client = new CodeBuddyClient({
  ...(url === undefined ? {} : { url }),
  ...(process.env.CODEBUDDY_API_KEY === undefined ? {} : { apiKey: process.env.CODEBUDDY_API_KEY }),
});
const secret = `whsec_${randomBytes(24).toString('base64')}`;

interface PermissionEvent {
  readonly type: string;
  readonly data: {
    readonly permissionId: string;
    readonly tool: string;
    readonly params: Readonly<Record<string, unknown>>;
  };
}

/** Payloads have at most 256 KiB. */
const maxBodyBytes = 512 * 1024;

const receiver = createServer({ maxHeaderSize: 32 * 1024 }, (request, response) => {
  receive(request).then(
    (status) => response.writeHead(status).end(),
    (error: unknown) => {
      console.error(error);
      // The server delivers the event again later.
      response.writeHead(503).end();
    },
  );
});

async function receive(request: IncomingMessage): Promise<number> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) return 413;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (!verifyWebhook(body, request.headers, secret)) return 401;
  await decide(JSON.parse(body.toString('utf8')) as PermissionEvent);
  return 204;
}

/** Answers for a person: the policy of this script. */
async function decide({ data: { permissionId, tool, params } }: PermissionEvent): Promise<void> {
  const { command, path } = params;
  const isAllowed =
    tool === 'bash'
      ? typeof command === 'string' && mayRun.test(command)
      : typeof path === 'string' && path.startsWith('src/');
  console.log(`  ${isAllowed ? 'allowed' : 'denied'}: ${tool} ${String(command ?? path ?? '')}`);
  try {
    await client.permissions.decide(
      permissionId,
      isAllowed
        ? { decision: 'allow' }
        : { decision: 'deny', reason: 'Only the tests may be run, and only src/ changed.' },
    );
  } catch (error) {
    // An event may be delivered twice.
    if (!(error instanceof CodeBuddyApiError && error.code === 'permission_resolved')) throw error;
  }
}

/** Works on the task, and says what the agent does. Returns the session. */
async function morning(): Promise<string> {
  console.log(`Morning: ${task}`);
  const run = await client.runs.start({ prompt: task, options: { permissionMode: 'ask' } });
  for await (const event of client.runs.events(run.id)) {
    if (event.type === 'tool.start') console.log(`  ${event.data.tool}`);
    if (event.type === 'run.complete') console.log(`  ${event.data.response}`);
    if (event.type === 'run.failed') throw new Error(`The run failed: ${event.data.message}`);
  }
  return run.sessionId;
}

/** A second opinion that can change nothing, and is not part of the first conversation. */
async function afternoon(sessionId: string): Promise<void> {
  const { id } = await client.sessions.fork(sessionId);
  const { response } = await client.prompt({
    sessionId: id,
    prompt:
      'Review your change as a strict colleague would. Name the file, the line and the fault of each finding.',
    options: { permissionMode: 'read-only' },
  });
  console.log(`Afternoon: a review\n  ${response}`);
}

async function evening(sessionId: string): Promise<void> {
  for await (const { path, diff } of client.sessions.changes(sessionId))
    console.log(`Changed: ${path}\n${diff}`);
  // Back to before the task, files and conversation, and forward again.
  const undone = await client.sessions.undo(sessionId);
  console.log(`  undone: ${undone.files.map(({ path }) => path).join(', ')}`);
  await client.sessions.redo(sessionId);
  const { usage, cost } = await client.sessions.get(sessionId);
  console.log(`Evening: ${usage.totalTokens} tokens, $${cost}`);
}

receiver.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
await once(receiver, 'listening');
const address = receiver.address();
if (address === null || typeof address === 'string') throw new Error('no port');
const webhook = await client.webhooks.create({
  url: `http://127.0.0.1:${address.port}/`,
  events: ['permission.request'],
  secret,
});
try {
  const sessionId = await morning();
  await afternoon(sessionId);
  await evening(sessionId);
} finally {
  await client.webhooks.remove(webhook.id);
  client.close();
  receiver.closeAllConnections();
  receiver.close();
}
