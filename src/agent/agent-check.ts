// One line of `codebuddy doctor` about the agent.

export interface AgentCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}
