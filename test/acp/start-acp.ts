// `codebuddy acp` as a real process, driven by the SDK's client over its standard input and output.

import {
  type ClientContext,
  client,
  type McpServer,
  methods,
  type NewSessionResponse,
  ndJsonStream,
  type RequestPermissionRequest,
  type RequestPermissionResponse,
  type SessionNotification,
  type SessionUpdate,
} from '@agentclientprotocol/sdk/unstable';
import { expect, onTestFinished } from 'vitest';
import { type Running, start } from '../cli/run-cli.ts';

export type AnswerPermission = (
  request: RequestPermissionRequest,
  signal: AbortSignal,
) => Promise<RequestPermissionResponse>;

export interface Editor {
  readonly agent: ClientContext;
  readonly running: Running;
  /** The updates of all sessions, in order. */
  readonly updates: readonly SessionNotification[];
  readonly permissions: readonly RequestPermissionRequest[];
  /** The updates of one kind. */
  of<K extends SessionUpdate['sessionUpdate']>(
    kind: K,
    sessionId?: string,
  ): readonly Extract<SessionUpdate, { readonly sessionUpdate: K }>[];
  /** The text of the agent's messages. */
  text(sessionId?: string): string;
  /** Closes standard input. Resolves to the exit code. */
  leave(): Promise<number | null>;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** @default denies */
  readonly onPermission?: AnswerPermission;
  /** @default true */
  readonly initialize?: boolean;
}

/** Starts the process. At the end of the test, each line of its standard output must be a JSON-RPC message. */
export async function startEditor(home: string, options: StartOptions = {}): Promise<Editor> {
  const { args = [], env = {}, initialize = true } = options;
  const running = start(home, ['acp', ...args], { ...env });
  onTestFinished(() => expectOnlyMessages(running));
  const updates: SessionNotification[] = [];
  const permissions: RequestPermissionRequest[] = [];
  const { agent } = client({ name: 'test editor' })
    .onRequest(methods.client.session.requestPermission, ({ params, signal }) => {
      permissions.push(params);
      return options.onPermission?.(params, signal) ?? { outcome: { outcome: 'selected', optionId: 'deny' } };
    })
    .onNotification(methods.client.session.update, ({ params }) => void updates.push(params))
    .connect(streamOf(running));
  if (initialize)
    await agent.request(methods.agent.initialize, { protocolVersion: 1, clientCapabilities: {} });
  const updatesOf: Editor['of'] = (kind, sessionId) =>
    updates
      .filter((one) => sessionId === undefined || one.sessionId === sessionId)
      .map(({ update }) => update)
      .filter((update): update is Extract<SessionUpdate, { sessionUpdate: typeof kind }> => {
        return update.sessionUpdate === kind;
      });
  return {
    agent,
    running,
    updates,
    permissions,
    of: updatesOf,
    text: (sessionId) =>
      updatesOf('agent_message_chunk', sessionId)
        .map(({ content }) => (content.type === 'text' ? content.text : ''))
        .join(''),
    async leave() {
      running.child.stdin.end();
      return (await running.finished).code;
    },
  };
}

/** Opens a session in the folder. */
export async function newSession(
  { agent }: Editor,
  cwd: string,
  mcpServers: readonly McpServer[] = [],
): Promise<string> {
  const opening = { cwd, mcpServers: [...mcpServers] };
  const { sessionId } = await agent.request<NewSessionResponse>(methods.agent.session.new, opening);
  return sessionId;
}

export async function prompt({ agent }: Editor, sessionId: string, text: string) {
  return agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: 'text', text }] });
}

function streamOf({ child }: Running) {
  const encoder = new TextEncoder();
  const input = new ReadableStream<Uint8Array>({
    start(controller) {
      child.stdout.on('data', (text: string) => controller.enqueue(encoder.encode(text)));
      child.stdout.on('end', () => controller.close());
    },
  });
  const output = new WritableStream<Uint8Array>({ write: (chunk) => void child.stdin.write(chunk) });
  child.stdin.on('error', () => undefined);
  return ndJsonStream(output, input);
}

function expectOnlyMessages({ output }: Running): void {
  const lines = output.stdout.split('\n');
  // A process that was killed may leave half a line.
  for (const line of lines.slice(0, -1)) expect(JSON.parse(line), line).toMatchObject({ jsonrpc: '2.0' });
}
