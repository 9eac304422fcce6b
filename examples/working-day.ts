// A working day with the agent, through the typed client: a task in a git worktree, with a screenshot, whose permissions
// and questions are answered from a webhook receiver, and which is steered while it works; a review as JSON in a fork of
// the conversation; and what changed in the evening, with undo and redo.
//
//   codebuddy serve                                          in a git repository
//   node examples/working-day.ts 'Fix the failing test. Ask me what is unclear.' screenshot.png
//
// The receiver allows what MAY_RUN matches and edits below src/, and denies the rest with a reason that the agent reads.
// It gives the first choice of a question, or says that it does not know.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { basename } from 'node:path';
// In your project: from 'codebuddy-api/webhooks' and 'codebuddy-api/client'
import { verifyWebhook } from '../src/api/webhooks.ts';
import { CodeBuddyApiError, CodeBuddyClient } from '../src/client/index.ts';

const [, , task = 'Fix the failing test. Ask me what is unclear.', screenshot] = process.argv;
const mayRun = new RegExp(process.env.MAY_RUN ?? '^(node --test|npm test)$');
const url = process.env.CODEBUDDY_URL;
/** Finds the local server and its key; CODEBUDDY_URL and CODEBUDDY_API_KEY name another one. */
const client = new CodeBuddyClient({
  ...(url === undefined ? {} : { url }),
  ...(process.env.CODEBUDDY_API_KEY === undefined ? {} : { apiKey: process.env.CODEBUDDY_API_KEY }),
});
const secret = `whsec_${randomBytes(24).toString('base64')}`;

interface PermissionEvent {
  readonly type: 'permission.request';
  readonly data: {
    readonly permissionId: string;
    readonly tool: string;
    readonly params: Readonly<Record<string, unknown>>;
  };
}

interface QuestionEvent {
  readonly type: 'question.asked';
  readonly data: {
    readonly questionId: string;
    readonly question: string;
    readonly choices?: readonly string[];
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
  const event = JSON.parse(body.toString('utf8')) as PermissionEvent | QuestionEvent;
  try {
    await (event.type === 'question.asked' ? answer(event) : decide(event));
  } catch (error) {
    // An event may be delivered twice.
    if (!(error instanceof CodeBuddyApiError && error.code.endsWith('_resolved'))) throw error;
  }
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
  await client.permissions.decide(
    permissionId,
    isAllowed
      ? { decision: 'allow' }
      : { decision: 'deny', reason: 'Only the tests may be run, and only src/ changed.' },
  );
}

async function answer({ data: { questionId, question, choices } }: QuestionEvent): Promise<void> {
  const [said = 'I do not know. Decide yourself.'] = choices ?? [];
  console.log(`  asked: ${question} answered: ${said}`);
  await client.inbox.answer(questionId, { answer: said });
}

/** Works on the task in a worktree, and says what the agent does. Returns the session. */
async function morning(): Promise<string> {
  console.log(`Morning: ${task}`);
  const parts = [];
  if (screenshot !== undefined) {
    const { id } = await client.uploads.create(await readFile(screenshot), { name: basename(screenshot) });
    parts.push({ type: 'image' as const, fileId: id });
  }
  const options = { permissionMode: 'ask', worktree: true } as const;
  const run = await client.runs.start({ prompt: task, parts, options });
  let isSteered = false;
  for await (const event of client.runs.events(run.id)) {
    if (event.type === 'tool.start') console.log(`  ${event.data.tool}`);
    if (event.type === 'tool.start' && !isSteered) {
      isSteered = true;
      await steer(run.id, 'Change as little as possible.');
    }
    if (event.type === 'run.complete') console.log(`  ${event.data.response}`);
    if (event.type === 'run.failed') throw new Error(`The run failed: ${event.data.message}`);
  }
  return run.sessionId;
}

/** The run sees it before its next step. */
async function steer(runId: string, text: string): Promise<void> {
  try {
    await client.runs.steer(runId, text);
    console.log(`  steered: ${text}`);
  } catch (error) {
    // It was too late.
    if (!(error instanceof CodeBuddyApiError && error.code === 'run_ended')) throw error;
  }
}

const review = {
  type: 'object',
  properties: {
    findings: {
      type: 'array',
      items: {
        type: 'object',
        properties: { file: { type: 'string' }, line: { type: 'integer' }, fault: { type: 'string' } },
        required: ['file', 'line', 'fault'],
        additionalProperties: false,
      },
    },
  },
  required: ['findings'],
  additionalProperties: false,
} as const;

interface Review {
  readonly findings: readonly { readonly file: string; readonly line: number; readonly fault: string }[];
}

/** A second opinion that can change nothing, and is not part of the first conversation. */
async function afternoon(sessionId: string): Promise<void> {
  const { id } = await client.sessions.fork(sessionId);
  const { data } = await client.prompt({
    sessionId: id,
    prompt: 'Review your change as a strict colleague would.',
    options: { permissionMode: 'read-only', format: { type: 'json_schema', schema: review } },
  });
  // The server has checked it against the schema.
  const { findings } = data as Review;
  console.log(`Afternoon: a review, findings: ${findings.length}`);
  for (const { file, line, fault } of findings) console.log(`  ${file}:${line} ${fault}`);
}

async function evening(sessionId: string): Promise<void> {
  for await (const { path, diff } of client.sessions.changes(sessionId))
    console.log(`Changed: ${path}\n${diff}`);
  // Back to before the task, files and conversation, and forward again.
  const undone = await client.sessions.undo(sessionId);
  console.log(`  undone: ${undone.files.map(({ path }) => path).join(', ')}`);
  await client.sessions.redo(sessionId);
  const { usage, cost, worktree } = await client.sessions.get(sessionId);
  if (worktree !== undefined) console.log(`  on the branch ${worktree.branch}`);
  console.log(`Evening: ${usage.totalTokens} tokens, $${cost}`);
}

receiver.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
await once(receiver, 'listening');
const address = receiver.address();
if (address === null || typeof address === 'string') throw new Error('no port');
const webhook = await client.webhooks.create({
  url: `http://127.0.0.1:${address.port}/`,
  events: ['permission.request', 'question.asked'],
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
