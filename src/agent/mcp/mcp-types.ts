// What is said about the tools of MCP servers, and what the servers are given.

import type { Redactor } from '../../base/redaction.ts';
import type { Proxies } from '../outbound-http.ts';
import type { CallMarks } from '../processes/call-marks.ts';
import type { McpServerConfig } from './mcp-config.ts';

export interface McpTool {
  /** `server__tool`, at most 64 of [A-Za-z0-9_-]. */
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** The server says so (`readOnlyHint`), and its `trust` is not false. */
  readonly readOnly: boolean;
}

export interface McpServerState {
  readonly name: string;
  readonly kind: McpServerConfig['kind'];
  readonly state: 'not started' | 'starting' | 'running' | 'failed' | 'disabled';
  /** How many it has; 0 unless it is running. */
  readonly tools: number;
  /** Why it failed or died, as the end of "The MCP server ..."; null once it is running again. */
  readonly lastError: string | null;
}

export interface McpServersOptions {
  /** Without secrets: all that the programs get besides the `env` of their configuration. */
  readonly environment: Readonly<Record<string, string>>;
  /** Mark what programs start. @default marks that are not kept on the disk */
  readonly marks?: CallMarks | undefined;
  /** On the way to servers behind a URL. @default none */
  readonly proxies?: Proxies | undefined;
  /** Where programs are started, unless they have a `cwd`. */
  readonly cwd: string;
  /** What a relative `cwd` is relative to; no program is looked up in it. @default cwd, and programs are looked up anywhere */
  readonly workspace?: string | undefined;
  readonly clientVersion: string;
  /** Knows further secrets; what a server says is shown without them and without those of its configuration. @default none */
  readonly redactor?: Redactor | undefined;
  /** A server failed to start, died, or cannot list its tools; `message` ends a sentence that begins with "The MCP server ...". */
  readonly onTrouble?: ((server: string, message: string) => void) | undefined;
  /** A running server has changed its tools; said once until `list` or `call` looks at them. */
  readonly onToolsChanged?: (() => void) | undefined;
  /** Of one result. @default 65 536 */
  readonly maxResultBytes?: number | undefined;
  /** Milliseconds of a clock that does not jump. @default performance.now */
  readonly now?: (() => number) | undefined;
}
