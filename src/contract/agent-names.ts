// The names of agents.

/** The agent of this project: a language model with our tools, or the offline agent. */
export const builtinAgent = 'builtin';

/** Agents that need no configuration besides their own. */
export const presetAgents = ['claude', 'codex', 'gemini', 'opencode', 'qwen', 'copilot', 'goose'] as const;
export type PresetAgent = (typeof presetAgents)[number];

/** A name of the setting `agents`, of a preset, or `builtin`. */
export const agentNameSchema = { type: 'string', minLength: 1, maxLength: 64 } as const;
