// The contract of the agents that speak the Agent Client Protocol. acp-agents.ts implements it, and is loaded when an
// agent is first needed.

import type { Redactor } from '../../base/redaction.ts';
import type { Driver } from '../driver.ts';
import type { McpServerConfig } from '../mcp/mcp-config.ts';
import type { CallMarks } from '../processes/call-marks.ts';
import type { AgentConfig, AgentFacts } from './agent-config.ts';

export interface AcpAgentsOptions {
  readonly agents: readonly AgentConfig[];
  /** The real path of the workspace. */
  readonly workspace: string;
  /** Passed on to the agents. */
  readonly mcpServers: () => readonly McpServerConfig[];
  /** The variables that every program gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** The environment of the server: the variables of `passEnv` are taken from it. */
  readonly serverEnvironment: NodeJS.ProcessEnv;
  /** The working directory of the agents' processes. */
  readonly cwd: string;
  /** The working directory of MCP servers without one of their own. */
  readonly mcpCwd: string;
  readonly marks: CallMarks;
  readonly redactor: Redactor;
  /** The program's version, sent to agents. */
  readonly version: string;
  /** True if there are deny rules: they bind only an agent that asks. */
  readonly hasDenyRules: boolean;
  /** Called with warnings for the operator, and with what agents write to their stderr. */
  readonly warn: (message: string) => void;
  /** @default timers of the system */
  readonly timers?: Timers;
}

/** The clock of the time limits. */
export interface Timers {
  /** Milliseconds of a clock that does not go back. */
  now(): number;
  /** Calls `work` after `ms`, unless the returned function is called before. */
  after(ms: number, work: () => void): () => void;
}

export interface AcpAgents {
  /** `workspace`: if it is not that of the server. Starts nothing. @throws Error if no such agent is configured */
  driverFor(name: string, workspace?: string): Driver;
  /** The facts that the agent has reported so far. */
  factsOf(name: string): AgentFacts;
  /** Ends the processes of all agents with everything that they started. */
  close(): Promise<void>;
}
