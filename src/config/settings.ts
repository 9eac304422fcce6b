// The settings of the server, and where each value came from. `setting-rules.ts` declares how each one is read,
// `load-settings.ts` reads them.

import type { UnansweredAction } from '../contract/answer-time.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { SandboxMode } from '../contract/sandbox.ts';
import type { TraceSampler } from '../contract/trace-sampler.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Limits of one command in the sandbox. */
export interface SandboxLimits {
  readonly processes: number;
  readonly memoryMb: number;
  readonly fileMb: number;
  readonly tmpMb: number;
}

/** One process has a file for itself; any number of nodes share a PostgreSQL database. */
export type DatabaseSetting =
  | { readonly kind: 'sqlite'; readonly path: string }
  /** `postgres://…`, with its password. */
  | { readonly kind: 'postgres'; readonly url: string };

export interface Permissions {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** US dollars. A missing field means no limit. */
export interface CostLimits {
  readonly run?: number;
  readonly session?: number;
  readonly day?: number;
}

export interface Settings {
  /** TCP port; 0 picks a free one. */
  readonly port: number;
  readonly host: string;
  /** An API key with every scope, in addition to the local key. */
  readonly apiKey: string | undefined;
  /** The config folder. */
  readonly home: string;
  readonly workspace: string;
  /** Folders that sessions may work in, or in folders of, in addition to the workspace. */
  readonly workspaceRoots: readonly string[];
  /** `provider/name` or `offline`, followed by fallbacks. Undefined: choose a model by what this machine offers. */
  readonly models: readonly string[] | undefined;
  /** Providers that speak OpenAI's chat completions, by name. The agent validates them. */
  readonly providers: unknown;
  /** MCP servers, in the format that other MCP clients use. The agent validates them. */
  readonly mcpServers: unknown;
  /** Starts of command lines that may be started as MCP servers over the API. */
  readonly mcpPrograms: readonly string[];
  /** Programs that speak the Agent Client Protocol, by name. The agent validates them. */
  readonly agents: unknown;
  /** The agent of new sessions. Undefined: the built-in one. */
  readonly agent: string | undefined;
  readonly permissionMode: PermissionMode;
  /** Rules such as `bash(npm test)`. The agent validates them. */
  readonly permissions: Permissions;
  /**
   * Time in ms that runs wait for a permission, an answer or the result of a tool of the caller; `none`: for ever. A
   * prompt may set its own.
   */
  readonly permissionTimeoutMs: number | 'none';
  /** What happens to a permission or a question that nobody answers in time: it is denied, or the run fails. */
  readonly onUnanswered: UnansweredAction;
  /** The permission modes of runs that triggers start, by the id of the trigger. Others are `read-only`. */
  readonly triggerModes: Readonly<Record<string, PermissionMode>>;
  /** Patterns of files that run later, in addition to the built-in ones. Relative to the workspace. */
  readonly protectedPaths: readonly string[];
  readonly costLimits: CostLimits;
  /** US dollars. A session or a day that reaches one of them causes a `cost.threshold` event. */
  readonly costThresholds: readonly number[];
  /** Runs that work at the same time. A run waiting for approval does not count. */
  readonly maxActiveRuns: number;
  /** Runs that may wait for approval at the same time. */
  readonly maxWaitingRuns: number;
  readonly maxWaitingRunsPerKey: number;
  readonly maxQueuedRuns: number;
  readonly maxQueuedRunsPerKey: number;
  readonly maxQueuedRunsPerSession: number;
  /** Size of the model's context window in tokens, for models that the price list does not know. */
  readonly contextWindow: number | undefined;
  /**
   * Time in ms without a byte from the model after which a call fails. Undefined: depends on whether the model is
   * local.
   */
  readonly modelSilenceMs: number | undefined;
  /** Whether commands run in the sandbox: always, where it works, or never. */
  readonly sandbox: SandboxMode;
  /** Whether commands in the sandbox may use the network. */
  readonly sandboxNetwork: boolean;
  readonly sandboxLimits: SandboxLimits;
  /** Paths that commands in the sandbox cannot see, in addition to the built-in ones. */
  readonly sandboxHide: readonly string[];
  /** Paths of built-in credentials that commands in the sandbox may see. */
  readonly sandboxShow: readonly string[];
  /** Whether file changes made outside of the tools are reported. */
  readonly watch: boolean;
  readonly database: DatabaseSetting;
  /** Where other nodes and operators reach this node, for lists of nodes. Undefined: by its address. */
  readonly nodeUrl: string | undefined;
  readonly logLevel: LogLevel;
  readonly enableCors: boolean | readonly string[];
  readonly allowedHosts: readonly string[];
  readonly retentionDays: number;
  /** Limits of the contents that are kept for undo, in MiB: of each file, and of all. */
  readonly undoFileMiB: number;
  readonly undoTotalMiB: number;
  /** Bytes of one file that a prompt carries. */
  readonly maxFileSize: number;
  /** Bytes of all such files together. */
  readonly maxStoredFiles: number;
  /** Whether commands start a local server if none is running. */
  readonly autostart: boolean;
  /** Addresses, CIDRs and host names that webhooks may send to, in addition to public addresses. */
  readonly allowedTargets: readonly string[];
  /** A PEM file with additional certificate authorities for webhooks. */
  readonly webhookCa: string | undefined;
  /** The URL of an HTTP proxy for deliveries. */
  readonly webhookProxy: string | undefined;
  /** The base URL of an OpenTelemetry collector that takes OTLP over HTTP. Undefined: nothing is exported. */
  readonly otlpEndpoint: string | undefined;
  /** `service.name` of exported spans. */
  readonly serviceName: string;
  readonly traceSampler: TraceSampler;
  /** The share of traces that the `traceidratio` samplers record, from 0 to 1. */
  readonly traceSampleRatio: number;
  /** Whether spans have the text of prompts, answers and tool calls. */
  readonly traceContent: boolean;
}

/** Where each value came from: `--port`, `CODEBUDDY_PORT`, `config.json port` or `default`. */
export type Origins = Readonly<Record<keyof Settings, string>>;

export interface LoadedSettings {
  readonly settings: Settings;
  readonly origins: Origins;
}

/** Flags as the CLI parsed them; `undefined` for those that were not given. */
export type Flags = Partial<
  Readonly<Record<keyof Settings, string | readonly string[] | boolean | undefined>>
>;

/** Invalid settings. The message has one line for each of them: where it is set, its value, and what is valid. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}
