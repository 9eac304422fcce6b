// The tools of all MCP servers, named `server__tool`. Each server is started when it is first needed, and a failing one
// is left out. No server runs before the first `list`, `find` or `call`, or after `close`.

import { abortable } from '../../base/abortable.ts';
import { CodeBuddyError } from '../../base/errors.ts';
import { maxOutputBytes } from '../tools/cap-output.ts';
import type { McpServerConfig } from './mcp-config.ts';
import { McpServer } from './mcp-server.ts';
import type { McpServerState, McpServersOptions, McpTool } from './mcp-types.ts';
import { prefixIn, prefixOf } from './tool-names.ts';

export type { McpServerState, McpServersOptions, McpTool } from './mcp-types.ts';

export interface McpServers {
  /**
   * Starts all servers that are not running, each within its `startTimeoutMs`, and leaves out those that fail. Later
   * calls retry them after 1 s, 2 s, … 60 s. A server that was not ready in time is then started in the background, so
   * that it delays only one list.
   * @throws only the signal's reason
   */
  list(signal?: AbortSignal): Promise<readonly McpTool[]>;
  /**
   * The description of one tool. Starts only the server that has it. Undefined if the tool does not exist or its server
   * fails.
   */
  find(name: string): Promise<McpTool | undefined>;
  /** True if the name has the form `server__tool`, with a configured server. Starts nothing. */
  has(name: string): boolean;
  /**
   * Starts only the server that has the tool. Resolves to `{ content, structured?, truncated? }`. The server checks the
   * parameters.
   * @throws CodeBuddyError `tool_not_found`, `tool_failed`, `shutting_down`; the signal's reason
   */
  call(
    name: string,
    params: Record<string, unknown>,
    options: { readonly signal: AbortSignal },
  ): Promise<unknown>;
  describe(): readonly McpServerState[];
  configs(): readonly McpServerConfig[];
  /** Adds a server, or replaces that of the same name. */
  put(config: McpServerConfig): Promise<void>;
  /** Ends a server and forgets it. */
  remove(name: string): Promise<void>;
  /** Ends the server and starts it again. False if it could not be started. */
  restart(name: string): Promise<boolean>;
  /** Ends all servers and the programs that they started, within a second. Pending calls fail with `shutting_down`. */
  close(): Promise<void>;
}

export function createMcpServers({
  servers: configs,
  ...options
}: McpServersOptions & { readonly servers: readonly McpServerConfig[] }): McpServers {
  const { maxResultBytes = maxOutputBytes, now = () => performance.now() } = options;
  const byPrefix = new Map<string, McpServer>();
  let isClosed = false;

  function add(config: McpServerConfig): void {
    byPrefix.set(prefixOf(config.name), new McpServer(config, { ...options, maxResultBytes, now }));
  }
  for (const config of configs) add(config);

  async function remove(name: string): Promise<void> {
    const server = byPrefix.get(prefixOf(name));
    byPrefix.delete(prefixOf(name));
    await server?.close();
  }

  function owner(name: string): McpServer {
    const prefix = prefixIn(name);
    const server = prefix === undefined ? undefined : byPrefix.get(prefix);
    if (server === undefined) {
      throw new CodeBuddyError(
        'tool_not_found',
        `No MCP server has the tool ${JSON.stringify(name)}; the servers are: ${[...byPrefix.keys()].join(', ') || 'none'}.`,
      );
    }
    if (server.config.disabled === true) {
      throw new CodeBuddyError(
        'tool_not_found',
        `The MCP server ${JSON.stringify(server.config.name)} is disabled.`,
      );
    }
    return server;
  }

  return {
    async list(signal = new AbortController().signal) {
      signal.throwIfAborted();
      const enabled = [...byPrefix.values()].filter(({ config }) => config.disabled !== true);
      // `onTrouble` has already reported the failure.
      const lists = await abortable(
        Promise.all(enabled.map((server) => server.toolsIfReady().catch(() => []))),
        signal,
      );
      return lists.flat();
    },
    async find(name) {
      if (!this.has(name)) return undefined;
      // The call reports the error.
      const tools = await owner(name)
        .tools()
        .catch(() => []);
      return tools.find((tool) => tool.name === name);
    },
    has(name) {
      const prefix = prefixIn(name);
      return prefix !== undefined && byPrefix.has(prefix);
    },
    async call(name, params, { signal }) {
      signal.throwIfAborted();
      return owner(name).call(name, params, signal);
    },
    describe: () => [...byPrefix.values()].map((server) => server.describe()),
    configs: () => [...byPrefix.values()].map(({ config }) => config),
    async put(config) {
      await remove(config.name);
      if (!isClosed) add(config);
    },
    remove,
    async restart(name) {
      const server = byPrefix.get(prefixOf(name));
      if (server === undefined || server.config.disabled === true) return false;
      return server.restart().then(
        () => true,
        () => false,
      );
    },
    async close() {
      isClosed = true;
      await Promise.all([...byPrefix.values()].map((server) => server.close()));
    },
  };
}
