// What an agent is created with.

import type { Redactor } from '../base/redaction.ts';
import type { Tracing } from '../base/tracing.ts';
import type { UnansweredAction } from '../contract/answer-time.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Ownership } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';
import type { Timers } from './acp/acp-types.ts';
import type { FilesOptions } from './files/files.ts';
import type { PromptRates, RunLimits } from './run-limits.ts';
import type { CostLimits } from './spending.ts';
import type { AgentSandboxOptions } from './workspaces/open-space.ts';

export interface AgentOptions {
  readonly store: Store;
  readonly log: EventLog;
  /** Which runs this process owns, if other nodes work on the store. @default all */
  readonly ownership?: Pick<Ownership, 'shared' | 'node' | 'runs' | 'claims' | 'commands' | 'counters'>;
  /** The folder that tools may read and change. */
  readonly workspace: string;
  /** More folders that sessions may work in, or in folders of. @default none */
  readonly workspaceRoots?: readonly string[];
  /** Where git worktrees of sessions are created. Undefined: none are. */
  readonly worktreeFolder?: string;
  readonly limits?: Partial<RunLimits>;
  /** @default none */
  readonly promptRates?: PromptRates;
  /**
   * `provider/name` or `offline`, the first choice first.
   * @default the first found in the environment or on loopback
   */
  readonly models?: readonly string[];
  /** Where `models` was set, for error messages. */
  readonly modelsOrigin?: string;
  /** `providers` and `mcpServers` of the configuration, not validated yet. */
  readonly providers?: unknown;
  readonly mcpServers?: unknown;
  /** Starts of command lines that may be started as MCP servers over the API. @default none */
  readonly mcpPrograms?: readonly string[];
  /** `agents` of the configuration, not validated yet. */
  readonly agents?: unknown;
  /** The agent of new sessions. @default the built-in one */
  readonly agent?: string;
  /** Where `agent` was set, for error messages. */
  readonly agentOrigin?: string;
  /** @default 'ask' */
  readonly permissionMode?: PermissionMode;
  /** Rules such as `bash(npm test)`. */
  readonly permissions?: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** Patterns of more files that run later, relative to the workspace. @default none */
  readonly protectedPaths?: readonly string[];
  /** A private folder that tools cannot see, for journals that must survive a crash. Undefined: none are kept. */
  readonly stateFolder?: string;
  /** Time limit of permissions, questions and calls of callers' tools, in ms; null for none. @default 600_000 */
  readonly permissionTimeoutMs?: number | null;
  /** What happens to a run whose permission or question nobody answers in time. @default 'deny' */
  readonly onUnanswered?: UnansweredAction;
  /** Limits of the files that prompts carry. @default 10 MiB each, 1 GiB together, 90 days */
  readonly files?: Partial<Pick<FilesOptions, 'maxFileSize' | 'maxStoredFiles' | 'keepDays'>>;
  readonly costLimits?: CostLimits;
  /** US dollars; crossing one is an event. */
  readonly costThresholds?: readonly number[];
  /** The server's own files, as absolute paths: no tool sees them, and they are not watched. @default none */
  readonly ownFiles?: readonly string[];
  /**
   * Files that this program runs or is configured by, as absolute paths: commands cannot change those in the workspace.
   * @default none
   */
  readonly trustedFiles?: readonly string[];
  /** How commands run; `mode` is `auto` by default. Undefined: without a sandbox. */
  readonly sandbox?: AgentSandboxOptions;
  /** Log events for files that anything but a tool changes. @default false */
  readonly watch?: boolean;
  /** Larger files cannot be undone, in bytes. @default 4 MiB */
  readonly undoFileBytes?: number;
  /** Limit of the copies that are kept on disk while commands run, in bytes. @default 256 MiB */
  readonly undoTotalBytes?: number;
  /** The program's version, sent to MCP servers. @default '0' */
  readonly version?: string;
  /** Source of provider keys, and of the few variables that tools pass to programs. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** Abort a model call after this many ms without a byte. @default 120_000; 600_000 for local models */
  readonly modelSilenceMs?: number;
  /** How long to wait for a local server that may have a model, in ms. Used if no model is set. @default 500 */
  readonly modelProbeTimeoutMs?: number;
  /** Tokens that a model can read, if the price list does not say. @default 128_000 */
  readonly contextWindow?: number;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Wait before a model that failed is asked again. Reject if the signal is aborted meanwhile. @default a timer */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The clock of the time limits of foreign agents. @default timers of the system */
  readonly agentTimers?: Timers;
  /** Called for internal errors; details must not reach clients. */
  readonly onFault?: (error: unknown, runId: string) => void;
  /**
   * Redacts the secrets of the process; the agent adds those of its configuration.
   * @default one that redacts those of `environment`
   */
  readonly redactor?: Redactor;
  /** Called with warnings for the operator. */
  readonly warn?: (message: string) => void;
  /** Called with work that may start later, such as watching files. @default it starts at once */
  readonly later?: (work: () => void) => void;
  /** @default no spans */
  readonly tracing?: Tracing;
}
