// An agent whose model is a local server that speaks a provider's wire format.

import { type ModelServer, type Replies, startModelServer } from './model-server.ts';
import { type RunningAgent, type StartAgentOptions, startAgent } from './start-agent.ts';

export interface ModelAgent extends RunningAgent {
  readonly server: ModelServer;
  /** The agent's warnings. */
  readonly warnings: readonly string[];
}

/** A configured provider, such as vLLM. */
export async function startModelAgent(
  replies: Replies,
  options: StartAgentOptions = {},
): Promise<ModelAgent> {
  const server = await startModelServer(replies);
  const warnings: string[] = [];
  const running = await startAgent({
    models: ['local/test-model'],
    providers: { local: { baseURL: `${server.url}/v1` } },
    permissionMode: 'full',
    environment: { PATH: process.env.PATH },
    warn: (message) => warnings.push(message),
    ...options,
  });
  return { ...running, server, warnings };
}

/** A reply that calls one tool. */
export function calls(name: string, args: unknown, text?: string) {
  return {
    kind: 'answer' as const,
    toolCalls: [{ name, arguments: args }],
    ...(text === undefined ? {} : { text }),
  };
}

export function says(text: string | readonly string[]) {
  return { kind: 'answer' as const, text };
}
