// What is known of an agent that speaks the Agent Client Protocol: by its configuration, and once it has run.

import type { AgentCapabilities } from '../../contract/agent.ts';
import type { PermissionMode } from '../../contract/permission-mode.ts';

/** An entry of the setting `agents` together with its preset. */
export interface AgentConfig {
  /** As in `options.agent`. Never `builtin`. */
  readonly name: string;
  /** As in pages and messages: "Claude Code". */
  readonly title: string;
  /** The name of a program, looked up in PATH outside the workspace, or the path of one. */
  readonly command: string;
  readonly args: readonly string[];
  /** Variables of the server's environment that are passed on, besides those of `cleanEnvironment`. */
  readonly passEnv: readonly string[];
  /** Variables with their values, after `passEnv`. They may be secret. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * The agent's mode for each of our permission modes. Null: it asks as it is started. The agent cannot work in a mode
   * that is missing.
   */
  readonly modes: Readonly<Partial<Record<PermissionMode, string | null>>>;
  /** What it can do, as far as it is known before its first start. */
  readonly capabilities: Readonly<Partial<AgentCapabilities>>;
  /** How to install it: a sentence. */
  readonly install: string;
  /** How to sign in: a sentence. */
  readonly signIn: string;
  /** Milliseconds without a run after which its process ends. */
  readonly idleMs: number;
  /** Limit from its start until it accepts sessions, in ms. */
  readonly startTimeoutMs: number;
  /** Milliseconds without a message in the middle of a turn after which the run fails. */
  readonly silenceMs: number;
}

/** What an agent said of itself. Null: it has not been started, or did not say. */
export interface AgentFacts {
  readonly version: string | null;
  /** The ids of its models. */
  readonly models: readonly string[] | null;
  /** The ids of its modes. */
  readonly modes: readonly string[] | null;
  /** False if it refused a session because nobody is signed in; true if it worked. */
  readonly isSignedIn: boolean | null;
  readonly capabilities: Readonly<Partial<AgentCapabilities>>;
}

export const unknownFacts: AgentFacts = {
  version: null,
  models: null,
  modes: null,
  isSignedIn: null,
  capabilities: {},
};
