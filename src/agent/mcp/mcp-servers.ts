// The tools of MCP servers, as if they were ours: named `server__tool`, each server started when it is first needed, and a broken one left out.
// Nothing runs before the first `list` or `call`, and nothing after `close`.

import { CodeBuddyError } from '../../base/errors.ts';
import { maxOutputBytes } from '../tools/cap-output.ts';
import { abortable } from './abortable.ts';
import type { McpServerConfig } from './mcp-config.ts';
import { McpServer } from './mcp-server.ts';
import type { McpServerState, McpServersOptions, McpTool } from './mcp-types.ts';
import { prefixIn, prefixOf } from './tool-names.ts';

export type { McpServerState, McpServersOptions, McpTool } from './mcp-types.ts';

export interface McpServers {
  /**
   * Starts servers that are not running, all at once, each within its `startTimeoutMs`. Leaves out those that fail; later calls try them again
   * after 1 s, 2 s, … 60 s. A server that was not ready in time is then started in the background, so that it delays one list only.
   * @throws only the signal's reason
   */
  list(signal?: AbortSignal): Promise<readonly McpTool[]>;
  /** The description of one tool. Starts the server that has it, if it must, and no other. Undefined if it cannot be had. */
  find(name: string): Promise<McpTool | undefined>;
  /** Whether the name has the form `server__tool` of a server of the configuration. Starts nothing. */
  has(name: string): boolean;
  /**
   * Starts the server that it needs, no other. Gives `{ content, structured?, truncated? }`. Parameters are checked by the server.
   * @throws CodeBuddyError `tool_not_found`, `tool_failed`, `shutting_down`; the signal's reason
   */
  call(
    name: string,
    params: Record<string, unknown>,
    options: { readonly signal: AbortSignal },
  ): Promise<unknown>;
  describe(): readonly McpServerState[];
  /** Ends all servers and what they started, within a second. Calls under way fail with `shutting_down`. */
  close(): Promise<void>;
}

export function createMcpServers({
  servers: configs,
  ...options
}: McpServersOptions & { readonly servers: readonly McpServerConfig[] }): McpServers {
  const { maxResultBytes = maxOutputBytes, now = () => performance.now() } = options;
  const servers = configs.map((config) => new McpServer(config, { ...options, maxResultBytes, now }));
  const byPrefix = new Map(servers.map((server) => [prefixOf(server.config.name), server]));

  function owner(name: string): McpServer {
    const prefix = prefixIn(name);
    const server = prefix === undefined ? undefined : byPrefix.get(prefix);
    if (server === undefined) {
      throw new CodeBuddyError(
        'tool_not_found',
        `There is no MCP server for the tool ${JSON.stringify(name)}; there are ${[...byPrefix.keys()].join(', ') || 'none'}.`,
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
      const enabled = servers.filter(({ config }) => config.disabled !== true);
      // Why a server is left out was told by `onTrouble` when it failed.
      const lists = await abortable(
        Promise.all(enabled.map((server) => server.toolsIfReady().catch(() => []))),
        signal,
      );
      return lists.flat();
    },
    async find(name) {
      if (!this.has(name)) return undefined;
      // Why it cannot be had is told by the call.
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
    describe: () => servers.map((server) => server.describe()),
    async close() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
