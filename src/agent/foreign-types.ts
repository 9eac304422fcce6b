// The interface of a run to an agent that keeps its own conversation and runs its own tools: its session, its plan, its
// tool calls, and the permissions that it asks for.

import type { DeltaData, EventData } from '../contract/event-catalogue.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { PlanEntry } from '../contract/plan.ts';
import type { ToolOutcome } from './tools/tool.ts';

/** The stored part of a foreign agent's own session. */
export interface AgentSession {
  /** The agent's id of it. */
  readonly id: string;
  /** The last run whose prompt was sent to it. */
  readonly lastRun: string;
  /** US dollars, as the agent has counted so far; its counts are cumulative. */
  readonly cost: number;
  /** The mode in which the agent opened it. */
  readonly ownMode?: string;
}

/** A tool call of the agent, under the name of our own tool that does the same, if there is one. */
export interface ForeignCall {
  readonly tool: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What a call does, for rules and modes. */
export interface ForeignUse extends ForeignCall {
  readonly readOnly: boolean;
  /** True if the parameters are the agent's words about the call: then no rule with a wildcard allows it. */
  readonly isGuess?: boolean;
  /** Deny rules for these calls forbid it, too. */
  readonly alsoDeniedAs?: readonly ForeignCall[];
}

/** A recorded tool call. */
export interface ForeignTool {
  /** Streams a piece of its output. */
  output(text: string): void;
  /**
   * Records its end. `call`: what is known of the call by now. The end is committed later; see `DriverContext.keeping`.
   */
  end(outcome: ToolOutcome, call: ForeignCall): void;
}

export interface ForeignContext {
  readonly permissionMode: PermissionMode;
  /** The agent's own session; undefined if it has none for ours yet. */
  readonly agentSession: () => AgentSession | undefined;
  /**
   * Keeps the agent's own session with ours, and logs `event`. Resolves when both are committed: the agent gets its prompt
   * after that, or a crash could make a resumed run send the prompt again.
   */
  readonly keepAgentSession: (session: AgentSession, event?: EventData<'agent.session'>) => Promise<void>;
  /** Tells live readers what the agent's process does. */
  readonly tellStatus: (status: DeltaData<'agent.status'>) => void;
  /** Records the agent's plan, if it has changed; see `DriverContext.keeping`. */
  readonly keepPlan: (entries: readonly PlanEntry[]) => void;
  /** Records that the agent runs a tool; see `DriverContext.keeping`. */
  readonly beginTool: (call: ForeignCall) => ForeignTool;
  /**
   * Resolves when the call may run: by rules, by the mode, or by a person.
   * @throws CodeBuddyError `permission_denied`; the signal's reason
   */
  readonly askPermission: (use: ForeignUse) => Promise<void>;
  /** True if the call may run without asking a person. */
  readonly mayRunUnasked: (use: ForeignUse) => Promise<boolean>;
}
