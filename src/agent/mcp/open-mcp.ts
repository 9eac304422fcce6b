// The MCP servers of an agent: those of the configuration, those that were added while the server runs, and those of
// single sessions. Their connections and failures are events.

import type { Redactor } from '../../base/redaction.ts';
import { wellFormed } from '../../base/text.ts';
import type { EventLog, NewEvent } from '../../events/event-log.ts';
import type { Store } from '../../store/store.ts';
import type { CallMarks } from '../processes/call-marks.ts';
import type { McpServerConfig } from './mcp-config.ts';
import { createMcpServers, type McpServers, type McpServersOptions } from './mcp-servers.ts';
import { openRuntimeServers, type RuntimeServers } from './runtime-servers.ts';
import { privateFolder, warnOfPrograms } from './server-program.ts';
import { createSessionServers, type SessionServers } from './session-servers.ts';

export interface OpenMcpOptions extends Pick<McpServersOptions, 'environment' | 'proxies' | 'clientVersion'> {
  readonly store: Store;
  readonly log: Pick<EventLog, 'append'>;
  /** Those of the configuration. */
  readonly servers: readonly McpServerConfig[];
  /** Entries of the setting `mcpPrograms`. */
  readonly programs: readonly string[];
  /** The root of the workspace. */
  readonly workspace: string;
  readonly marks: CallMarks;
  readonly redactor: Redactor;
  /** Called with the secrets of a configuration. */
  readonly learn: (secrets: readonly string[]) => void;
  /** Has the private folder that programs start in. Undefined: they start in the root of the file system. */
  readonly stateFolder: string | undefined;
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

export interface OpenedMcp {
  /** Those of the configuration, with those that were added. */
  readonly mcp: McpServers;
  readonly mcpServers: RuntimeServers;
  readonly sessionServers: SessionServers;
  /** The folder that the programs of the configuration start in. */
  readonly folder: string;
}

export async function openMcp(options: OpenMcpOptions): Promise<OpenedMcp> {
  const { store, log, servers, programs, stateFolder, learn, now, warn, ...surroundings } = options;
  const { workspace, environment } = surroundings;

  /** An event that cannot be logged must not end a call of a tool. */
  function tell(event: NewEvent, sessionId: string | undefined): void {
    log
      .append([sessionId === undefined ? event : { ...event, sessionId }])
      .catch((error: unknown) => warn(`an event about an MCP server could not be logged: ${String(error)}`));
  }

  function open(configs: readonly McpServerConfig[], cwd: string, sessionId?: string): McpServers {
    return createMcpServers({
      ...surroundings,
      servers: configs,
      cwd,
      onTrouble(server, message) {
        warn(`MCP server ${server}: ${message}`);
        tell({ type: 'mcp.fail', data: { name: server, error: wellFormed(message) } }, sessionId);
      },
      onConnect: (server, tools) => tell({ type: 'mcp.connect', data: { name: server, tools } }, sessionId),
    });
  }

  const folder = privateFolder(servers.length === 0 ? undefined : stateFolder, workspace);
  warnOfPrograms(servers, { environment, cwd: folder, workspace }, warn);
  const mcp = open(servers, folder);
  const sessionServers = createSessionServers({
    common: mcp,
    open: (configs, sessionId) => open(configs, privateFolder(stateFolder, workspace), sessionId),
    programs,
    learn,
  });
  const mcpServers = await openRuntimeServers({ store, servers: mcp, programs, learn, now, warn });
  return { mcp, mcpServers, sessionServers, folder };
}
