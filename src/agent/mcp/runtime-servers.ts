// MCP servers that are added while the server runs. They are in the store, so that they survive a restart, and so that
// all nodes have them. Each node starts its own.

import { CodeBuddyError } from '../../base/errors.ts';
import type { McpServer } from '../../contract/mcp-server.ts';
import { parseRowJson } from '../../store/row-json.ts';
import type { Store, Write } from '../../store/store.ts';
import { programFaultBySettings } from './allowed-programs.ts';
import { invalidServer, parsing } from './invalid-server.ts';
import { type McpServerConfig, parseServer, secretsOf, serverNameFault } from './mcp-config.ts';
import type { McpServers } from './mcp-servers.ts';
import type { McpServerState } from './mcp-types.ts';
import { prefixOf } from './tool-names.ts';

export interface RuntimeServers {
  list(): readonly McpServer[];
  /** @throws CodeBuddyError `validation_failed`, `mcp_server_exists` */
  add(name: string, server: Readonly<Record<string, unknown>>): Promise<McpServer>;
  /** @throws CodeBuddyError `mcp_server_not_found`, `mcp_server_exists` for a server of config.json */
  remove(name: string): Promise<void>;
  /** Resolves when it has started or failed. @throws CodeBuddyError `mcp_server_not_found` */
  restart(name: string): Promise<McpServer>;
}

export interface RuntimeServersOptions {
  readonly store: Pick<Store, 'listMcpServers' | 'write' | 'feed'>;
  readonly servers: McpServers;
  /** Entries of the setting `mcpPrograms`. */
  readonly programs: readonly string[];
  readonly learn: (secrets: readonly string[]) => void;
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

const topic = 'mcp-servers';
const refreshAgainMs = 1000;

/** Loads the servers of the store. */
export async function openRuntimeServers(options: RuntimeServersOptions): Promise<RuntimeServers> {
  const { store, servers, programs, learn, now, warn } = options;
  const ofConfig = new Set(servers.configs().map(({ name }) => prefixOf(name)));
  /** The text of the configuration of each server in force, by name. */
  const inForce = new Map<string, string>();
  /** Changes are applied one after the other. */
  let applying: Promise<void> = Promise.resolve();

  async function apply(): Promise<void> {
    const rows = await store.listMcpServers();
    for (const name of inForce.keys()) {
      if (rows.some((row) => row.name === name)) continue;
      inForce.delete(name);
      await servers.remove(name);
    }
    for (const { name, config: text } of rows) {
      if (inForce.get(name) === text || ofConfig.has(prefixOf(name))) continue;
      try {
        const config = read(name, parseRowJson<Record<string, unknown>>('mcp_servers', name, text));
        learn(secretsOf(config));
        await servers.put(config);
        inForce.set(name, text);
      } catch (error) {
        // This node allows fewer programs than the one that added it.
        warn(`the MCP server ${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  function refresh(): Promise<void> {
    applying = applying.then(apply, apply);
    return applying;
  }

  function refreshLater(): void {
    refresh().catch(() => setTimeout(refreshLater, refreshAgainMs).unref());
  }

  /** @throws CodeBuddyError `validation_failed` */
  function read(name: string, server: Readonly<Record<string, unknown>>): McpServerConfig {
    const nameFault = serverNameFault(name);
    if (nameFault !== undefined) throw invalidServer(`name ${nameFault}`);
    const config = parsing(() => parseServer({ at: 'server', name, entry: server, environment: {} }));
    const fault = config.kind === 'stdio' ? programFaultBySettings(config, programs) : undefined;
    if (fault !== undefined) throw invalidServer(`server ${fault}`);
    return config;
  }

  async function change(write: Write): Promise<void> {
    await store.write(store.feed === undefined ? [write] : [write, { kind: 'touch', topic }]);
    await refresh();
  }

  function find(name: string): McpServer {
    const found = list().find((server) => server.name === name);
    if (found !== undefined) return found;
    throw new CodeBuddyError('mcp_server_not_found', `MCP server ${JSON.stringify(name)} not found.`);
  }

  function list(): readonly McpServer[] {
    return viewsOf(servers, ({ name }) => (ofConfig.has(prefixOf(name)) ? 'config' : 'api'));
  }

  store.feed?.onChange(topic, refreshLater);
  await refresh();
  return {
    list,
    async add(name, server) {
      const config = read(name, server);
      if (servers.configs().some((one) => prefixOf(one.name) === prefixOf(name)))
        throw new CodeBuddyError(
          'mcp_server_exists',
          `An MCP server named ${JSON.stringify(name)} exists already. Delete it first, or use another name.`,
        );
      learn(secretsOf(config));
      const row = { name, config: JSON.stringify(server), createdAt: now() };
      await change({ kind: 'putMcpServer', server: row });
      return find(name);
    },
    async remove(name) {
      const { origin } = find(name);
      if (origin === 'config')
        throw new CodeBuddyError(
          'mcp_server_exists',
          `The MCP server ${JSON.stringify(name)} is set in config.json: remove it there.`,
        );
      await change({ kind: 'deleteMcpServer', name });
    },
    async restart(name) {
      find(name);
      await servers.restart(name);
      return find(name);
    },
  };
}

/** Without values that may be secret. */
export function viewsOf(
  servers: Pick<McpServers, 'configs' | 'describe'>,
  originOf: (config: McpServerConfig) => McpServer['origin'],
): readonly McpServer[] {
  const states = new Map(servers.describe().map((state) => [state.name, state]));
  return servers.configs().flatMap((config) => {
    const state = states.get(config.name);
    return state === undefined ? [] : view(config, state, originOf(config));
  });
}

function view(config: McpServerConfig, state: McpServerState, origin: McpServer['origin']): McpServer {
  const { name, kind, state: now, tools, lastError, stderr } = state;
  const secrets = new Set(secretsOf(config));
  const shown =
    config.kind === 'stdio'
      ? {
          command: [config.command, ...config.args].map((word) => hide(word, secrets)).join(' '),
          url: null,
          env: Object.keys(config.env),
          headers: [],
        }
      : {
          command: null,
          url: URL.canParse(config.url) ? new URL(config.url).origin : null,
          env: [],
          headers: Object.keys(config.headers),
        };
  return { name, kind, origin, ...shown, state: now, tools, lastError, stderr };
}

function hide(word: string, secrets: ReadonlySet<string>): string {
  if (secrets.has(word)) return '[redacted]';
  const value = word.slice(word.indexOf('=') + 1);
  return value !== word && secrets.has(value) ? `${word.slice(0, -value.length)}[redacted]` : word;
}
