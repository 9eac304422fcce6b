// The rights of each scope: one row for each route, and one more where an option or a state requires more than the
// route.

import { encodeCursor } from '../../../src/http/resources/cursor.ts';
import { searchList } from '../../../src/http/resources/search.ts';
import type { Caller, World } from './world.ts';

export interface Prepared {
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>> | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Row {
  /** `METHOD /path`, as `getEndpoints()` has it. */
  readonly route: string;
  /** The difference to the plain row of the route. */
  readonly when?: string;
  /** The status that each caller gets. Other callers get 401 without a key, else 403. */
  readonly passes: Readonly<Partial<Record<Caller, number>>>;
  /** Creates the objects that the request needs; called for each caller. */
  readonly prepare: (world: World, caller: Caller) => Prepared | Promise<Prepared>;
  /**
   * Every option of the route, with a value; each is sent by every caller, and gets the status of the row. `?name` is a
   * query parameter, `Name:` a header, `a.b` a member of the body. A function computes the value from the path.
   */
  readonly options?: Readonly<Record<string, unknown>>;
}

const open = (status: number): Row['passes'] => ({
  nobody: status,
  read: status,
  prompt: status,
  tools: status,
  admin: status,
  'prompt+tools': status,
});
const read = (status: number): Row['passes'] => ({ read: status });
const prompt = (status: number): Row['passes'] => ({ prompt: status, 'prompt+tools': status });
const tools = (status: number): Row['passes'] => ({ tools: status, 'prompt+tools': status });
const admin = (status: number): Row['passes'] => ({ admin: status });
const anyKey = (status: number): Row['passes'] => ({
  read: status,
  prompt: status,
  tools: status,
  admin: status,
  'prompt+tools': status,
});
const both = (status: number): Row['passes'] => ({ 'prompt+tools': status });

const paging = (list: string, position = '0'): Readonly<Record<string, unknown>> => ({
  '?limit': 1,
  '?cursor': encodeCursor(list, position),
});
const eventQuery = {
  ...paging('events asc', '1'),
  '?after': 1,
  '?type': 'tool.*',
  '?types': 'tool.*',
  '?order': 'desc',
  '?deltas': true,
  '?named': false,
  'Last-Event-ID:': '1',
};
const webhookFields = {
  name: 'x',
  events: ['webhook.test'],
  secret: null,
  enabled: false,
  headers: { 'x-a': 'b' },
  retryCount: 1,
  retryDelay: 1000,
  timeout: 5000,
  ordered: true,
  legacySignature: true,
  description: 'x',
  // Files on the server; a test of connections sends them.
  'tls.ca': undefined,
  'tls.cert': undefined,
  'tls.key': undefined,
};
const triggerFields = {
  name: 'x',
  description: 'x',
  enabled: false,
  secret: 'a-secret-of-ours',
  prompt: 'x',
  data: ['a'],
  sessionKey: 'a',
  coalesceKey: 'a',
  'filter.events': { events: ['push'] },
  'filter.branches': { branches: ['main'] },
  'filter.labels': { labels: ['bug'] },
  'filter.actors': { actors: ['ann'] },
  'filter.authorAssociations': { authorAssociations: ['OWNER'] },
  'filter.fields': { fields: { action: ['opened'] } },
  'limits.perMinute': 1,
  'limits.perHour': 1,
  'limits.costPerDay': 1,
  'options.agent': 'builtin',
  'options.model': 'local/test-model',
  'options.maxSteps': 1,
  'options.timeoutMs': 1000,
  'options.permissionTimeoutMs': 1000,
  'options.onUnanswered': 'fail',
  'options.system': 'x',
  'options.maxTokens': 1000,
  'options.maxCost': 1,
  'options.workspace': '.',
  'options.worktree': false,
  // Of other sources: test/triggers has them.
  'signature.header': undefined,
  'signature.algorithm': undefined,
  'signature.encoding': undefined,
  'signature.prefix': undefined,
  'signature.timestampHeader': undefined,
  'signature.timestampField': undefined,
  'signature.identityField': undefined,
  'signature.eventField': undefined,
  'schedule.cron': undefined,
  'schedule.timeZone': undefined,
  'schedule.missed': undefined,
};
const newTrigger = { source: 'github', prompt: 'Say hi.' } as const;
const triggerPath = async ({ client }: World, rest = ''): Promise<string> =>
  `/api/triggers/${(await client.triggers.create(newTrigger)).id}${rest}`;
const uploadedFile = async ({ client }: World): Promise<string> =>
  `/api/files/${(await client.uploads.create(Buffer.from('a text'))).id}`;
/** Of the OpenAI-compatible routes. */
const sessionHeaders = {
  'X-CodeBuddy-Session:': () => `session ${unique++}`,
  'X-OpenWebUI-Chat-Id:': () => `chat ${unique++}`,
  'Idempotency-Key:': () => `key-${unique++}`,
};
const responseOf = (runId: string): string => runId.replace(/^run_/, 'resp_');
const hook = ({ hookUrl }: World): string => hookUrl;
const stream = { accept: 'text/event-stream' };
const only = (path: string) => (): Prepared => ({ path });
let unique = 0;

export const table: readonly Row[] = [
  {
    route: 'GET /health',
    passes: open(200),
    prepare: only('/health'),
    options: { '?challenge': 'c'.repeat(43) },
  },
  { route: 'GET /docs', passes: open(200), prepare: only('/docs') },
  { route: 'GET /openapi.json', passes: open(200), prepare: only('/openapi.json') },
  { route: 'GET /health/ready', passes: read(200), prepare: only('/health/ready') },
  { route: 'GET /api', passes: read(200), prepare: only('/api') },
  { route: 'GET /api/status', passes: read(200), prepare: only('/api/status') },
  { route: 'GET /api/metrics', passes: read(200), prepare: only('/api/metrics') },
  { route: 'GET /metrics', passes: read(200), prepare: only('/metrics') },

  {
    route: 'POST /api/prompt',
    passes: prompt(200),
    prepare: () => ({ path: '/api/prompt', body: { prompt: 'hi' } }),
    options: {
      prompt: 'hello',
      parts: [{ type: 'text', text: 'and this' }],
      sessionId: (world: World) => world.session(),
      createSession: false,
      'options.agent': 'builtin',
      'options.model': 'local/test-model',
      'options.maxSteps': 3,
      'options.permissionMode': 'ask',
      'options.timeoutMs': 60_000,
      'options.permissionTimeoutMs': 60_000,
      'options.onUnanswered': 'fail',
      tools: [{ name: 'look', description: 'Looks.', schema: { type: 'object' } }],
      'options.system': 'Be short.',
      'options.maxTokens': 100_000,
      'options.maxCost': 1,
      'options.workspace': '.',
      'options.worktree': false,
      // The model of this test answers no JSON: test/http/resources/output-format.test.ts has it.
      'options.format': undefined,
      webhook: ({ hookUrl }: World) => ({ url: hookUrl }),
      'webhook.url': hook,
      'webhook.events': ({ hookUrl }: World) => ({ url: hookUrl, events: ['run.*'] }),
      'webhook.secret': ({ hookUrl }: World) => ({ url: hookUrl, secret: 'a-secret-of-sixteen' }),
      'Idempotency-Key:': () => `key-${unique++}`,
      'Prefer:': 'wait=60',
    },
  },
  {
    route: 'POST /api/prompt',
    when: 'as a stream',
    passes: prompt(200),
    prepare: () => ({ path: '/api/prompt', body: { prompt: 'hi' }, headers: stream }),
  },
  {
    route: 'POST /api/prompt',
    when: 'left to itself',
    passes: prompt(202),
    prepare: () => ({ path: '/api/prompt', body: { prompt: 'hi' }, headers: { prefer: 'respond-async' } }),
  },
  ...(
    [
      ['read-only', prompt(200)],
      ['auto-edit', both(200)],
      ['full', both(200)],
    ] as const
  ).map(
    ([permissionMode, passes]): Row => ({
      route: 'POST /api/prompt',
      when: `in permission mode ${permissionMode}`,
      passes,
      prepare: () => ({ path: '/api/prompt', body: { prompt: 'hi', options: { permissionMode } } }),
    }),
  ),
  ...(
    [
      ['help', {}, prompt(200)],
      ['list', {}, both(200)],
      ['list', { prefer: 'respond-async' }, both(202)],
      ['list', stream, both(200)],
    ] as const
  ).map(
    ([command, headers, passes]): Row => ({
      route: 'POST /api/prompt',
      when: `with "${command}" for the offline agent ${Object.values(headers).join('')}`,
      passes,
      prepare: () => ({
        path: '/api/prompt',
        body: { prompt: command, options: { model: 'offline' } },
        headers,
      }),
    }),
  ),

  {
    route: 'GET /api/runs',
    passes: read(200),
    prepare: only('/api/runs'),
    options: { ...paging('runs', 'run_x'), '?sessionId': 'ses_x', '?status': 'failed' },
  },
  {
    route: 'GET /api/runs/:id',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/runs/${await world.failedRun()}` }),
  },
  { route: 'GET /v1/models', passes: prompt(200), prepare: only('/v1/models') },
  { route: 'GET /v1/models/:id', passes: prompt(200), prepare: only('/v1/models/codebuddy') },
  {
    route: 'POST /v1/chat/completions',
    passes: prompt(200),
    prepare: () => ({ path: '/v1/chat/completions', body: { messages: [{ role: 'user', content: 'hi' }] } }),
    options: {
      ...sessionHeaders,
      model: 'codebuddy/local/test-model',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
      stream: true,
      'stream_options.include_usage': true,
      max_tokens: 100,
      max_completion_tokens: 100,
    },
  },
  {
    route: 'POST /v1/chat/completions',
    when: 'of commands of the offline agent',
    passes: both(200),
    prepare: () => ({
      path: '/v1/chat/completions',
      body: { model: 'codebuddy/offline', messages: [{ role: 'user', content: 'list' }] },
    }),
  },
  {
    route: 'POST /v1/responses',
    passes: prompt(200),
    prepare: () => ({ path: '/v1/responses', body: { input: 'hi' } }),
    options: {
      ...sessionHeaders,
      model: 'codebuddy/local/test-model',
      input: [{ role: 'user', content: 'hello' }],
      instructions: 'Be short.',
      stream: true,
      background: true,
      previous_response_id: async (world: World) => responseOf(await world.failedRun()),
      include: ['function_call_output'],
    },
  },
  {
    route: 'GET /v1/responses/:id',
    passes: prompt(200),
    prepare: async (world) => ({ path: `/v1/responses/${responseOf(await world.failedRun())}` }),
    options: { '?stream': false },
  },
  {
    route: 'DELETE /v1/responses/:id',
    passes: prompt(200),
    prepare: async (world) => ({ path: `/v1/responses/${responseOf(await world.failedRun())}` }),
  },
  {
    route: 'POST /v1/responses/:id/cancel',
    passes: prompt(200),
    prepare: async (world) => ({ path: `/v1/responses/${responseOf((await world.waitingRun()).id)}/cancel` }),
  },
  {
    route: 'GET /v1/responses/:id/input_items',
    passes: prompt(200),
    prepare: async (world) => ({ path: `/v1/responses/${responseOf(await world.failedRun())}/input_items` }),
  },
  {
    route: 'POST /api/runs/:id/cancel',
    passes: prompt(200),
    prepare: async (world) => ({ path: `/api/runs/${(await world.waitingRun()).id}/cancel`, body: {} }),
    options: { reason: 'not needed' },
  },
  {
    // The key with `prompt` starts the run.
    route: 'POST /api/runs/:id/steer',
    passes: prompt(202),
    prepare: async (world) => ({
      path: `/api/runs/${(await world.waitingRun()).id}/steer`,
      body: { text: 'and then' },
    }),
    options: { text: 'x', expectedStep: 1, 'Idempotency-Key:': () => `key-${unique++}` },
  },
  {
    route: 'POST /api/runs/:id/steer',
    when: 'of another key',
    passes: both(202),
    prepare: async (world) => ({
      path: `/api/runs/${(await world.waitingRun('prompt+tools')).id}/steer`,
      body: { text: 'and then' },
    }),
  },
  {
    route: 'POST /api/sessions/:id/compact',
    passes: prompt(200),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}/compact`, body: {} }),
    options: { model: 'local/test-model', 'Idempotency-Key:': () => `key-${unique++}` },
  },
  {
    route: 'POST /api/sessions/:id/messages',
    passes: prompt(201),
    prepare: async (world) => ({
      path: `/api/sessions/${await world.session()}/messages`,
      body: { text: 'by the way' },
    }),
    options: { text: 'x', 'Idempotency-Key:': () => `key-${unique++}` },
  },
  {
    route: 'POST /api/runs/:id/resume',
    passes: prompt(202),
    prepare: async (world) => ({ path: `/api/runs/${await world.failedRun()}/resume` }),
  },
  ...(['auto-edit', 'full'] as const).map(
    (permissionMode): Row => ({
      route: 'POST /api/runs/:id/resume',
      when: `of a run in mode ${permissionMode}`,
      passes: both(202),
      prepare: async (world) => ({ path: `/api/runs/${await world.failedRun({ permissionMode })}/resume` }),
    }),
  ),
  {
    route: 'POST /api/runs/:id/resume',
    when: 'of commands of the offline agent',
    passes: both(202),
    prepare: async (world) => ({
      path: `/api/runs/${await world.failedRun({ model: 'offline', timeoutMs: 1 }, 'run sleep 30')}/resume`,
    }),
  },
  {
    route: 'GET /api/runs/:id/events',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/runs/${await world.failedRun()}/events` }),
    options: eventQuery,
  },

  {
    route: 'GET /api/permissions',
    passes: read(200),
    prepare: only('/api/permissions'),
    options: { ...paging('permissions'), '?sessionId': 'ses_x', '?runId': 'run_x' },
  },
  ...(['allow', 'allow_always', 'deny'] as const).map(
    (decision): Row => ({
      route: 'POST /api/permissions/:id',
      when: decision,
      passes: tools(200),
      prepare: async (world) => ({
        path: `/api/permissions/${(await world.waitingRun()).permissionId}`,
        body: { decision },
      }),
      ...(decision === 'deny' ? { options: { decision: 'allow', reason: 'no' } } : {}),
    }),
  ),

  {
    route: 'GET /api/inbox',
    passes: read(200),
    prepare: only('/api/inbox'),
    options: {
      ...paging('inbox', 'qst_x'),
      '?kind': 'question',
      '?sessionId': 'ses_x',
      '?runId': 'run_x',
    },
  },
  {
    route: 'POST /api/questions/:id',
    passes: prompt(200),
    prepare: async (world) => ({
      path: `/api/questions/${await world.asked('ask Which one?')}`,
      body: { answer: 'this one' },
    }),
    options: { answer: 'that one' },
  },
  ...([{ result: { a: 1 } }, { error: 'no' }] as const).map(
    (body): Row => ({
      route: 'POST /api/tool-calls/:id',
      when: Object.keys(body).join(),
      passes: prompt(200),
      prepare: async (world) => ({ path: `/api/tool-calls/${await world.asked('call look {}')}`, body }),
      options: body,
    }),
  ),

  { route: 'GET /api/tools', passes: read(200), prepare: only('/api/tools'), options: paging('tools') },
  {
    route: 'POST /api/tools/:tool',
    passes: tools(200),
    prepare: () => ({ path: '/api/tools/write_file', body: { path: 'a.txt', content: 'a' } }),
    options: { '?sessionId': (world: World) => world.session() },
  },
  {
    route: 'POST /api/tools/:tool',
    when: 'a tool that only reads',
    passes: tools(200),
    prepare: () => ({ path: '/api/tools/list_directory', body: {} }),
    options: { '?sessionId': (world: World) => world.session() },
  },

  {
    route: 'GET /api/sessions',
    passes: read(200),
    prepare: only('/api/sessions'),
    options: {
      ...paging('sessions', 'ses_x'),
      '?title': 'x',
      '?forkedFrom': 'ses_x',
      '?origin': 'openai',
      '?agent': 'builtin',
      '?workspace': '/elsewhere',
      '?archived': 'all',
    },
  },
  {
    route: 'POST /api/sessions',
    passes: prompt(201),
    prepare: () => ({ path: '/api/sessions', body: {} }),
    options: {
      id: () => `chosen-${unique++}`,
      title: 'x',
      agent: 'builtin',
      workspace: '.',
      worktree: false,
      metadata: { a: 1 },
      'Idempotency-Key:': () => `key-${unique++}`,
    },
  },
  {
    route: 'GET /api/search',
    passes: read(200),
    prepare: only('/api/search?q=x'),
    options: {
      ...paging(searchList(['x', undefined, undefined, 'all'])),
      '?q': undefined,
      '?sessionId': 'ses_x',
      '?role': 'user',
      '?archived': 'false',
    },
  },
  {
    route: 'GET /api/sessions/:id',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}` }),
  },
  {
    route: 'PATCH /api/sessions/:id',
    passes: prompt(200),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}`, body: { title: 'y' } }),
    options: { title: 'x', metadata: { a: 1 }, archived: true },
  },
  {
    route: 'DELETE /api/sessions/:id',
    passes: prompt(204),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}` }),
  },
  {
    route: 'POST /api/sessions/:id/fork',
    passes: prompt(201),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}/fork`, body: {} }),
    options: { title: 'x', 'Idempotency-Key:': () => `key-${unique++}` },
  },
  {
    route: 'POST /api/sessions/:id/fork',
    when: 'up to a message',
    passes: prompt(201),
    prepare: async (world) => {
      const { sessionId } = await world.client.prompt({ prompt: 'hi' });
      const { messages } = await world.client.sessions.messages(sessionId);
      return { path: `/api/sessions/${sessionId}/fork`, body: { messageId: messages[0]?.id } };
    },
    options: { messageId: undefined },
  },
  {
    route: 'GET /api/sessions/:id/mcp-servers',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}/mcp-servers` }),
  },
  {
    route: 'POST /api/sessions/:id/mcp-servers',
    passes: admin(204),
    prepare: async (world) => ({
      path: `/api/sessions/${await world.session()}/mcp-servers`,
      body: { mcpServers: {} },
    }),
    options: { mcpServers: { docs: { url: 'http://127.0.0.1:1/mcp' } } },
  },
  {
    route: 'POST /api/sessions/:id/mcp-servers',
    when: 'the MCP server is a program',
    // Only the key of the server itself.
    passes: {},
    prepare: async (world) => ({
      path: `/api/sessions/${await world.session()}/mcp-servers`,
      body: { mcpServers: { docs: { command: 'true' } } },
    }),
  },
  {
    route: 'GET /api/sessions/:id/export',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}/export` }),
    options: { '?format': 'markdown' },
  },
  {
    route: 'GET /api/sessions/:id/changes',
    passes: read(200),
    prepare: async (world) => {
      const sessionId = await world.session();
      await world.client.tools.run('write_file', { path: 'c.txt', content: `${sessionId}\n` }, { sessionId });
      return { path: `/api/sessions/${sessionId}/changes` };
    },
    options: {
      '?limit': 1,
      '?cursor': (_: World, path: string) => encodeCursor(`changes of ${path.split('/')[3]}`, 'a'),
    },
  },
  {
    route: 'POST /api/sessions/:id/undo',
    when: 'nothing to undo',
    passes: tools(409),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}/undo`, body: {} }),
    options: { dryRun: true },
  },
  {
    route: 'POST /api/sessions/:id/undo',
    passes: tools(200),
    prepare: async (world) => {
      const { sessionId } = await world.client.prompt({ prompt: 'hello' });
      const { messages } = await world.client.sessions.messages(sessionId);
      return { path: `/api/sessions/${sessionId}/undo`, body: { messageId: messages[0]?.id } };
    },
    options: { messageId: undefined, 'Idempotency-Key:': () => `key-${unique++}` },
  },
  {
    route: 'POST /api/sessions/:id/redo',
    passes: tools(200),
    prepare: async (world) => {
      const { sessionId } = await world.client.prompt({ prompt: 'hello' });
      await world.client.sessions.undo(sessionId);
      return { path: `/api/sessions/${sessionId}/redo`, body: {} };
    },
    options: { 'Idempotency-Key:': () => `key-${unique++}` },
  },
  {
    route: 'POST /api/sessions/:id/redo',
    when: 'nothing to redo',
    passes: tools(409),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}/redo`, body: {} }),
    options: { dryRun: true },
  },
  {
    route: 'GET /api/files',
    passes: read(200),
    prepare: only('/api/files'),
    options: { '?path': '.', '?sessionId': (world: World) => world.session(), ...paging('files of .', '1a') },
  },
  {
    route: 'GET /api/files/content',
    passes: tools(200),
    prepare: async (world) => {
      await world.client.tools.run('write_file', { path: 'read.txt', content: 'a' });
      return { path: '/api/files/content?path=read.txt' };
    },
    options: {
      '?path': 'read.txt',
      '?sessionId': (world: World) => world.session(),
      'If-Range:': '"x"',
      'If-None-Match:': '"x"',
    },
  },
  {
    route: 'GET /api/files/content',
    when: 'a range',
    passes: tools(206),
    prepare: async (world) => {
      await world.client.tools.run('write_file', { path: 'read.txt', content: 'a' });
      return { path: '/api/files/content?path=read.txt', headers: { Range: 'bytes=0-0' } };
    },
    options: { 'Range:': 'bytes=0-' },
  },
  {
    route: 'GET /api/sessions/:id/messages',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}/messages` }),
    options: {
      '?limit': 1,
      '?cursor': (_world: World, path: string) => encodeCursor(`messages of ${path.split('/')[3]}`, 'msg_x'),
      '?order': 'asc',
    },
  },
  {
    route: 'GET /api/sessions/:id/events',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/sessions/${await world.session()}/events` }),
    options: eventQuery,
  },

  {
    route: 'GET /api/events',
    passes: read(200),
    prepare: only('/api/events'),
    options: { ...eventQuery, '?sessionId': 'ses_x', '?runId': 'run_x' },
  },
  {
    route: 'GET /api/events',
    when: 'as a stream',
    passes: read(200),
    prepare: () => ({ path: '/api/events', headers: stream }),
  },
  {
    route: 'GET /api/events/:id',
    passes: read(200),
    prepare: async (world) => {
      await world.session();
      return { path: `/api/events/${(await world.client.events.list({ limit: 1 })).events[0]?.id}` };
    },
  },
  {
    route: 'POST /api/stream-tickets',
    passes: read(201),
    prepare: only('/api/stream-tickets'),
  },
  { route: 'GET /api/sign-in', passes: read(200), prepare: only('/api/sign-in') },
  { route: 'POST /api/sign-in', passes: read(201), prepare: only('/api/sign-in') },
  { route: 'DELETE /api/sign-in', passes: read(204), prepare: only('/api/sign-in') },
  { route: 'POST /api/sign-in-codes', passes: read(201), prepare: only('/api/sign-in-codes') },
  { route: 'GET /', passes: open(200), prepare: only('/') },
  { route: 'GET /assets/*', passes: open(404), prepare: only('/assets/none.js') },
  { route: 'GET /api/event-types', passes: read(200), prepare: only('/api/event-types') },

  {
    route: 'GET /api/webhooks',
    passes: read(200),
    prepare: only('/api/webhooks'),
    options: paging('webhooks', 'whk_x'),
  },
  {
    route: 'POST /api/webhooks',
    passes: admin(201),
    prepare: ({ hookUrl }) => ({ path: '/api/webhooks', body: { url: hookUrl, events: ['webhook.test'] } }),
    options: { id: () => `webhook-${unique++}`, url: hook, ...webhookFields },
  },
  {
    route: 'GET /api/webhooks/:id',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/webhooks/${await world.webhook()}` }),
  },
  {
    route: 'PATCH /api/webhooks/:id',
    passes: admin(200),
    prepare: async (world) => ({ path: `/api/webhooks/${await world.webhook()}`, body: { name: 'y' } }),
    options: { url: hook, ...webhookFields },
  },
  {
    route: 'DELETE /api/webhooks/:id',
    passes: admin(204),
    prepare: async (world) => ({ path: `/api/webhooks/${await world.webhook()}` }),
  },
  {
    route: 'POST /api/webhooks/:id/test',
    passes: admin(202),
    prepare: async (world) => ({ path: `/api/webhooks/${await world.webhook()}/test` }),
  },
  {
    route: 'POST /api/webhooks/:id/rotate-secret',
    passes: admin(200),
    prepare: async (world) => ({ path: `/api/webhooks/${await world.webhook()}/rotate-secret`, body: {} }),
    options: { secret: 'another-secret-of-ours' },
  },
  {
    route: 'POST /api/webhooks/:id/replay',
    passes: admin(202),
    prepare: async (world) => ({ path: `/api/webhooks/${await world.webhook()}/replay`, body: { after: 0 } }),
    options: { after: 1, before: 2, events: ['webhook.test'] },
  },
  {
    route: 'POST /api/webhooks/:id/enable',
    passes: admin(200),
    prepare: async (world) => ({ path: `/api/webhooks/${await world.webhook()}/enable`, body: {} }),
    options: { replayMissed: false },
  },

  {
    route: 'GET /api/webhook-figures',
    passes: read(200),
    prepare: only('/api/webhook-figures'),
  },
  {
    route: 'GET /api/deliveries',
    passes: read(200),
    prepare: only('/api/deliveries'),
    options: {
      ...paging('deliveries', 'dlv_x'),
      '?webhookId': 'whk_x',
      '?status': 'failed',
      '?event': 'webhook.test',
      '?eventId': 'evt_x',
      '?since': '2026-11-23T10:00:00Z',
    },
  },
  {
    route: 'GET /api/deliveries/:id',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/deliveries/${await world.delivery()}` }),
  },
  {
    route: 'GET /api/deliveries/:id/request',
    passes: read(200),
    prepare: async (world) => ({ path: `/api/deliveries/${await world.delivery()}/request` }),
    options: { '?attempt': 1 },
  },
  {
    route: 'POST /api/deliveries/:id/retry',
    passes: admin(202),
    prepare: async (world) => ({ path: `/api/deliveries/${await world.delivery()}/retry` }),
  },
  {
    route: 'POST /api/deliveries/retry',
    passes: admin(202),
    prepare: () => ({ path: '/api/deliveries/retry', body: {} }),
    options: { webhookId: 'whk_x', event: 'webhook.test', since: '2026-11-23T10:00:00Z', dryRun: false },
  },
  {
    route: 'DELETE /api/deliveries',
    passes: admin(204),
    prepare: only('/api/deliveries'),
    options: { '?webhookId': 'whk_x' },
  },

  {
    route: 'GET /api/triggers',
    passes: admin(200),
    prepare: only('/api/triggers'),
    options: paging('triggers', 'trg_x'),
  },
  {
    route: 'POST /api/triggers',
    passes: admin(201),
    prepare: () => ({ path: '/api/triggers', body: newTrigger }),
    options: { id: () => `trigger-${unique++}`, source: 'gitlab', ...triggerFields },
  },
  {
    route: 'GET /api/triggers/:id',
    passes: admin(200),
    prepare: async (world) => ({ path: await triggerPath(world) }),
  },
  {
    route: 'PATCH /api/triggers/:id',
    passes: admin(200),
    prepare: async (world) => ({ path: await triggerPath(world), body: { name: 'y' } }),
    options: triggerFields,
  },
  {
    route: 'DELETE /api/triggers/:id',
    passes: admin(204),
    prepare: async (world) => ({ path: await triggerPath(world) }),
  },
  {
    route: 'POST /api/triggers/:id/rotate-secret',
    passes: admin(200),
    prepare: async (world) => ({ path: await triggerPath(world, '/rotate-secret'), body: {} }),
    options: { secret: 'another-secret-of-ours' },
  },
  {
    route: 'POST /api/triggers/:id/test',
    passes: admin(200),
    prepare: async (world) => ({ path: await triggerPath(world, '/test'), body: {} }),
    options: { payload: '{}', headers: { 'x-github-event': 'push' }, event: 'push' },
  },
  {
    route: 'GET /api/triggers/:id/calls',
    passes: admin(200),
    prepare: async (world) => ({ path: await triggerPath(world, '/calls') }),
    options: { ...paging('calls', 'trc_x'), '?outcome': 'accepted' },
  },
  {
    // A key does not replace a signature.
    route: 'POST /triggers/:id',
    passes: open(401),
    prepare: async (world) => ({ path: (await triggerPath(world)).replace('/api', ''), body: {} }),
  },

  {
    route: 'GET /api/nodes',
    passes: read(200),
    prepare: only('/api/nodes'),
    options: paging('nodes'),
  },
  { route: 'GET /api/config', passes: admin(200), prepare: only('/api/config') },
  {
    route: 'POST /api/files',
    passes: prompt(201),
    prepare: () => ({ path: '/api/files', body: 'a text', headers: { 'content-type': 'text/plain' } }),
    options: { '?name': 'a.txt', 'Idempotency-Key:': () => `file-${unique++}` },
  },
  {
    route: 'GET /api/files/:id',
    passes: read(200),
    prepare: async (world) => ({ path: await uploadedFile(world) }),
  },
  {
    route: 'GET /api/files/:id/content',
    passes: read(200),
    prepare: async (world) => ({ path: `${await uploadedFile(world)}/content` }),
  },
  {
    route: 'DELETE /api/files/:id',
    passes: prompt(204),
    prepare: async (world) => ({ path: await uploadedFile(world) }),
  },
  { route: 'GET /api/settings', passes: admin(200), prepare: only('/api/settings') },
  { route: 'GET /api/agents', passes: read(200), prepare: only('/api/agents') },
  { route: 'GET /api/mcp-servers', passes: read(200), prepare: only('/api/mcp-servers') },
  {
    route: 'POST /api/mcp-servers',
    passes: admin(201),
    prepare: () => ({
      path: '/api/mcp-servers',
      body: { name: `added${unique++}`, server: { url: 'http://127.0.0.1:1/mcp', disabled: true } },
    }),
    options: { name: () => `named${unique++}`, server: { url: 'http://127.0.0.1:1/mcp', disabled: true } },
  },
  {
    route: 'POST /api/mcp-servers/:name/restart',
    passes: admin(200),
    prepare: async (world) => ({ path: `/api/mcp-servers/${await world.mcpServer()}/restart` }),
  },
  {
    route: 'DELETE /api/mcp-servers/:name',
    passes: admin(204),
    prepare: async (world) => ({ path: `/api/mcp-servers/${await world.mcpServer()}` }),
  },
  { route: 'GET /api/workspaces', passes: read(200), prepare: only('/api/workspaces') },
  { route: 'GET /api/models', passes: read(200), prepare: only('/api/models') },
  {
    route: 'GET /api/keys',
    passes: admin(200),
    prepare: only('/api/keys'),
    options: paging('keys', 'key_x'),
  },
  {
    route: 'POST /api/keys',
    passes: admin(201),
    prepare: () => ({ path: '/api/keys', body: { name: 'x', scopes: ['read'] } }),
    options: {
      name: 'y',
      scopes: ['admin'],
      'limits.requestsPerMinute': 100,
      'limits.promptsPerMinute': 10,
    },
  },
  {
    route: 'PATCH /api/keys/:id',
    passes: admin(200),
    prepare: async (world) => ({
      path: `/api/keys/${await world.spareKey()}`,
      body: { limits: { requestsPerMinute: 100 } },
    }),
    options: { 'limits.requestsPerMinute': 200, 'limits.promptsPerMinute': 10 },
  },
  {
    route: 'DELETE /api/keys/:id',
    passes: admin(204),
    prepare: async (world) => ({ path: `/api/keys/${await world.spareKey()}` }),
  },

  // What a key may do there: test/mcp-server/tools.test.ts.
  {
    route: 'POST /mcp',
    passes: anyKey(200),
    prepare: () => ({
      path: '/mcp',
      body: { jsonrpc: '2.0', id: 1, method: 'ping' },
      headers: { accept: 'application/json, text/event-stream' },
    }),
  },
];
