// A host application written for the first version of this library, with the changes of docs/migrating.md.
// migrating.test.ts compiles and runs it.

import {
  type ApiRequest,
  type ApiResponse,
  type ApiServerConfig,
  CodeBuddyError,
  emitWebhook,
  getApiServer,
  getWebhookManager,
  type LoggedEvent,
  PermissionRequiredError,
  RestApiServer,
  type RouteHandler,
  reply,
  type StreamEvent,
  startApiServer,
  stopApiServer,
  verifyWebhook,
  type WebhookConfig,
  type WebhookDelivery,
  type WebhookEvent,
  type WebhookEventType,
  WebhookManager,
  type WebhookPayload,
} from '../../src/index.ts';

/** An agent with the first version's signature. */
async function answer(prompt: string, options?: Record<string, unknown>): Promise<string> {
  return `${prompt} (${String(options?.model ?? 'default')})`;
}

/** A metrics source with the first version's signature. */
async function metrics(): Promise<unknown> {
  return { answered: 1 };
}

export function createServer(config: ApiServerConfig = {}): RestApiServer {
  const server = new RestApiServer({ enableCors: false, apiKey: process.env.NOT_SET_ANYWHERE, ...config });
  server.onPrompt = answer;
  server.onToolExecute = async (tool: string, params: Record<string, unknown>): Promise<unknown> => ({
    tool,
    params,
  });
  server.onGetSessions = async (): Promise<unknown[]> => [{ id: 'one' }];
  server.onGetMetrics = metrics;
  const jobs: RouteHandler = async (request: ApiRequest): Promise<ApiResponse> =>
    request.params.id === '1' ? reply(200, { id: 1 }) : reply(404, { error: 'no such job' });
  server.addRoute('GET', '/api/jobs/:id', jobs);
  server.on('request', ({ method, path, status, durationMs }) => {
    if (status >= 500) console.error(`${method} ${path} ${status} after ${durationMs} ms`);
  });
  server.on('error', (error) => console.error(error.message));
  return server;
}

export async function shareOneServer(): Promise<string | undefined> {
  const server = await startApiServer({ port: 0, apiKey: '' });
  const isTheSame = getApiServer() === server && server.isServerRunning();
  const { url } = server.getAddress() ?? {};
  await stopApiServer();
  return isTheSame ? url : undefined;
}

const hook: Omit<WebhookConfig, 'id'> = {
  name: 'ci',
  url: 'http://127.0.0.1:4999/',
  events: ['tool.start', 'tool.complete'],
  secret: 'a secret of sixteen or more',
  enabled: true,
  headers: { 'X-Team': 'core' },
  retryCount: 2,
  retryDelay: 1000,
  timeout: 60_000,
};

export async function sendWebhooks(home: string, url: string): Promise<readonly WebhookDelivery[]> {
  const webhooks = new WebhookManager({ home });
  const id: string = await webhooks.register({ ...hook, url });
  await webhooks.update(id, { name: 'renamed' });
  const one: WebhookConfig | undefined = await webhooks.get(id);
  const all: WebhookConfig[] = await webhooks.getAll();
  const type: WebhookEventType = 'tool.start';
  const same: WebhookEvent = type;
  const interested: WebhookConfig[] = await webhooks.getForEvent(same);
  if (one?.name !== 'renamed' || all.length !== 1 || interested.length !== 1)
    throw new CodeBuddyError('webhook_not_found', 'It is gone.');
  // The data is the host's, as before.
  const data: Record<string, unknown> = { tool: 'bash', duration: 12 };
  const { event, deliveries } = await webhooks.emit('tool.complete', data, 'session-1');
  const logged: LoggedEvent | undefined = await webhooks.getEvent(event.id);
  if (logged?.type !== 'tool.complete') throw new Error('The event is gone.');
  await webhooks.settled(deliveries);
  const history: WebhookDelivery[] = await webhooks.getHistory(id);
  const failed: WebhookDelivery[] = await webhooks.getFailedDeliveries();
  if (failed.length > 0) throw new Error(String(failed[0]?.reason));
  await webhooks.clearHistory();
  await webhooks.remove(id);
  await webhooks.close();
  return history;
}

/** Not awaited. */
export function tellAll(): void {
  emitWebhook('session.start', { user: 'ann' }, 'session-1');
  void getWebhookManager().closed;
}

export function receive(body: string, headers: Record<string, string>, secret: string): unknown {
  if (!WebhookManager.verifySignature(body, headers['x-webhook-signature'], secret)) return undefined;
  if (!verifyWebhook(body, headers, secret)) return undefined;
  const payload = JSON.parse(body) as WebhookPayload<'tool.start'>;
  return payload.data.tool;
}

/** Each branch has the type of its data. */
export function describe(event: StreamEvent): string {
  switch (event.type) {
    case 'message.delta':
      return event.data.text;
    case 'tool.start':
      return `${event.data.tool} ${Object.keys(event.data.params).length}`;
    case 'run.failed':
      return `${event.data.code}: ${event.data.message}`;
    case 'gap':
      return String(event.data.firstSequence);
    default:
      return `${event.type} ${event.sequence ?? ''}`;
  }
}

export function permissionOf(error: unknown): string | undefined {
  return error instanceof PermissionRequiredError ? error.permission.id : undefined;
}
