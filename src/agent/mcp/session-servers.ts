// MCP servers of single sessions, beside those of the configuration. They are kept in memory only: their configuration
// may have secrets, and the client that set them sets them again after a restart.

import { CodeBuddyError } from '../../base/errors.ts';
import type { McpServer } from '../../contract/mcp-server.ts';
import type { ExternalTools } from '../tools/tool-box.ts';
import { programFaultBySettings } from './allowed-programs.ts';
import { invalidServer, parsing } from './invalid-server.ts';
import { type McpServerConfig, parseMcpServers, secretsOf, serverNameFault } from './mcp-config.ts';
import type { McpServers } from './mcp-servers.ts';
import { viewsOf } from './runtime-servers.ts';
import { prefixOf } from './tool-names.ts';

export interface SessionServers extends ExternalTools {
  /**
   * Replaces the MCP servers of a session. `value` has the format of `mcpServers` in config.json; variables are not
   * replaced.
   * @throws CodeBuddyError `validation_failed`; `insufficient_scope` for a program if `mayStartPrograms` is false
   */
  set(
    sessionId: string,
    value: Readonly<Record<string, unknown>>,
    rights: { readonly mayStartPrograms: boolean },
  ): Promise<void>;
  /** Those of a session. */
  describe(sessionId: string): readonly McpServer[];
  /** Ends the MCP servers of a session. */
  remove(sessionId: string): Promise<void>;
  close(): Promise<void>;
}

export interface SessionServersOptions {
  /** Those of the configuration. */
  readonly common: McpServers;
  readonly open: (servers: readonly McpServerConfig[], sessionId: string) => McpServers;
  /** Entries of the setting `mcpPrograms`. @default none */
  readonly programs?: readonly string[];
  /** Called with the secrets of a configuration. */
  readonly learn: (secrets: readonly string[]) => void;
}

interface Opened {
  /** The configuration as JSON, to leave servers alone that have not changed. */
  readonly text: string;
  readonly servers: McpServers;
}

export function createSessionServers({
  common,
  open,
  learn,
  programs = [],
}: SessionServersOptions): SessionServers {
  const bySession = new Map<string, Opened>();

  /** The servers that have the tool. */
  function ownerOf(name: string, sessionId: string | undefined): McpServers {
    const own = sessionId === undefined ? undefined : bySession.get(sessionId)?.servers;
    return own?.has(name) ? own : common;
  }

  async function remove(sessionId: string): Promise<void> {
    const opened = bySession.get(sessionId);
    bySession.delete(sessionId);
    await opened?.servers.close();
  }

  return {
    async set(sessionId, value, { mayStartPrograms }) {
      const text = JSON.stringify(value);
      if (bySession.get(sessionId)?.text === text) return;
      for (const name of Object.keys(value)) {
        const fault = serverNameFault(name);
        if (fault !== undefined) throw invalidServer(`mcpServers: the name ${JSON.stringify(name)} ${fault}`);
      }
      const configs = parsing(() => parseMcpServers(value, {}));
      for (const config of configs) {
        const fault =
          config.kind === 'stdio' && !mayStartPrograms && programFaultBySettings(config, programs);
        if (fault)
          throw new CodeBuddyError(
            'insufficient_scope',
            `mcpServers.${config.name} ${fault}. Only the key of the server itself may start other programs.`,
          );
        if (common.describe().some(({ name }) => prefixOf(name) === prefixOf(config.name)))
          throw invalidServer(`mcpServers.${config.name} is the name of an MCP server in config.json`);
      }
      learn(configs.flatMap(secretsOf));
      await remove(sessionId);
      if (configs.length > 0) bySession.set(sessionId, { text, servers: open(configs, sessionId) });
    },
    describe(sessionId) {
      const own = bySession.get(sessionId)?.servers;
      return own === undefined ? [] : viewsOf(own, () => 'session');
    },
    remove,
    async close() {
      await Promise.all([...bySession.keys()].map(remove));
    },
    async list(sessionId) {
      const own = sessionId === undefined ? undefined : bySession.get(sessionId)?.servers;
      const lists = await Promise.all([common.list(), own?.list() ?? []]);
      return lists.flat();
    },
    has: (name, sessionId) => ownerOf(name, sessionId).has(name),
    find: (name, sessionId) => ownerOf(name, sessionId).find(name),
    call: (name, params, { signal, sessionId }) => ownerOf(name, sessionId).call(name, params, { signal }),
  };
}
