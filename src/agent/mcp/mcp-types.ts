// The tools and states of MCP servers, and the options that the servers share.

import type { Redactor } from '../../base/redaction.ts';
import type { Proxies } from '../outbound-http.ts';
import type { CallMarks } from '../processes/call-marks.ts';
import type { McpServerConfig } from './mcp-config.ts';

export interface McpTool {
  /** `server__tool`, at most 64 of [A-Za-z0-9_-]. */
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** True if the server says so (`readOnlyHint`) and its `trust` is not false. */
  readonly readOnly: boolean;
}

export interface McpServerState {
  readonly name: string;
  readonly kind: McpServerConfig['kind'];
  readonly state: 'not started' | 'starting' | 'running' | 'failed' | 'disabled';
  /** Number of its tools; 0 unless it is running. */
  readonly tools: number;
  /** The reason of its failure, as the end of "The MCP server ..."; null once it is running again. */
  readonly lastError: string | null;
  /** The redacted end of its stderr; null if there is none. */
  readonly stderr: string | null;
}

export interface McpServersOptions {
  /** The environment of the programs, without secrets; the `env` of their configuration is added. */
  readonly environment: Readonly<Record<string, string>>;
  /** Marks the processes that the programs start. @default marks that are not kept on disk */
  readonly marks?: CallMarks | undefined;
  /** Proxies to servers behind a URL. @default none */
  readonly proxies?: Proxies | undefined;
  /** Working directory of programs without a `cwd`. */
  readonly cwd: string;
  /**
   * A relative `cwd` is relative to it; no program is looked up in it.
   * @default cwd, and programs are looked up anywhere
   */
  readonly workspace?: string | undefined;
  readonly clientVersion: string;
  /**
   * Redacts the secrets of the process: they, and those of the configuration, are removed from the messages of servers.
   * @default none
   */
  readonly redactor?: Redactor | undefined;
  /**
   * Called if a server fails to start, ends, or cannot list its tools. `message` is the end of "The MCP server ...".
   */
  readonly onTrouble?: ((server: string, message: string) => void) | undefined;
  /** Called when a server has started and listed its tools. */
  readonly onConnect?: ((server: string, tools: number) => void) | undefined;
  /** Called if a running server changes its tools; once until `list` or `call` lists them again. */
  readonly onToolsChanged?: (() => void) | undefined;
  /** Limit of one result. @default 65_536 */
  readonly maxResultBytes?: number | undefined;
  /** Monotonic clock, in ms. @default performance.now */
  readonly now?: (() => number) | undefined;
}
