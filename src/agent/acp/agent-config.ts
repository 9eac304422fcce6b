// The configuration of an agent that speaks the Agent Client Protocol, and the facts that it reports once it has run.

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
  /** Where to look for a sign-in without starting it. Undefined: that is not known. */
  readonly signInPlaces?: SignInPlaces;
  /** The agent reads a key of `signInPlaces.variables` only when a client signs in with this method. */
  readonly keyMethod?: string;
  /** Milliseconds without a run after which its process ends. */
  readonly idleMs: number;
  /** Limit from its start until it accepts sessions, in ms. */
  readonly startTimeoutMs: number;
  /** Milliseconds without a message in the middle of a turn after which the run fails. */
  readonly silenceMs: number;
}

/** Where an agent keeps its sign-in. Only the presence of variables and files is looked at, never their content. */
export interface SignInPlaces {
  readonly variables: readonly string[];
  readonly files: readonly SignInFile[];
  /** True if a sign-in is always in one of these places; false if there may be others, such as a keychain. */
  readonly isComplete: boolean;
}

export interface SignInFile {
  /** The variable that names the folder. @default none */
  readonly variable?: string;
  /** The folder, relative to the home folder, if the variable is not set. */
  readonly folder: string;
  readonly file: string;
}

/** Facts that an agent has reported. Null: it has not been started, or did not say. */
export interface AgentFacts {
  readonly version: string | null;
  /** The ids of its models. */
  readonly models: readonly string[] | null;
  /** The ids of its modes. */
  readonly modes: readonly string[] | null;
  /** False if it refused a session without a sign-in; true if it worked. */
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
