// A server with the agent and the MCP door, whose patience a test may choose, and clients of both eras of the protocol.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { onTestFinished } from 'vitest';
import { type Agent, createAgent } from '../../src/agent/agent.ts';
import type { AgentOptions } from '../../src/agent/agent-options.ts';
import { type ApiServerConfig, RestApiServer } from '../../src/api/rest-server.ts';
import { mcpDoor } from '../../src/app/mcp-door.ts';
import type { Scope } from '../../src/contract/api-key.ts';
import { createEventLog } from '../../src/events/log.ts';
import { openKeys } from '../../src/keys/key-service.ts';
import { openTestStore } from '../postgres/test-store.ts';

/** The 2026 revision without a handshake, and the 2025 revisions with one. */
export const eras = ['modern', 'legacy'] as const;
export type Era = (typeof eras)[number];

export interface McpServer {
  readonly url: string;
  readonly agent: Agent;
  readonly server: RestApiServer;
  readonly workspace: string;
  /** Creates a key. @default all scopes */
  key(...scopes: readonly Scope[]): Promise<string>;
  connect(era: Era, key?: string): Promise<Client>;
  write(path: string, content: string): void;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly config?: ApiServerConfig;
  readonly agent?: Partial<AgentOptions>;
  readonly patienceMs?: number;
  /** False: callers need no key. @default true */
  readonly hasKeys?: boolean;
}

export async function startMcpServer({
  config = {},
  agent: agentOptions = {},
  patienceMs,
  hasKeys = true,
}: StartOptions = {}): Promise<McpServer> {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-mcp-'));
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  const { store, ownership, close } = await openTestStore({ path: join(folder, 'codebuddy.db') });
  const log = createEventLog({ store, deltas: ownership.deltas });
  const agent = await createAgent({ store, log, ownership, workspace, models: ['offline'], ...agentOptions });
  const keys = await openKeys({ store, fixed: [] });
  const mcp = mcpDoor({
    log,
    agent,
    logger: undefined,
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  const server = new RestApiServer(
    { port: 0, shutdownTimeoutMs: 2000, ...config },
    { mcp, events: log, runs: agent.runs, ...(hasKeys ? { keys } : {}) },
  );
  const { url } = await server.start();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await Promise.all([server.stop(), agent.close(0)]);
      await log.close();
      await close();
    })();
    return stopping;
  };
  onTestFinished(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function key(...scopes: readonly Scope[]): Promise<string> {
    const chosen: Scope[] = scopes.length === 0 ? ['read', 'prompt', 'tools', 'admin'] : [...scopes];
    return (await keys.create({ name: chosen.join(), scopes: chosen })).key;
  }

  return {
    url,
    agent,
    server,
    workspace,
    key,
    async connect(era, given) {
      const client = new Client(
        { name: 'test', version: '1' },
        era === 'modern' ? { versionNegotiation: { mode: 'auto' } } : {},
      );
      const headers = hasKeys ? { authorization: `Bearer ${given ?? (await key())}` } : {};
      await client.connect(
        new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }),
      );
      onTestFinished(() => client.close());
      return client;
    },
    write: (path, content) => writeFileSync(join(workspace, path), content),
    stop,
  };
}
