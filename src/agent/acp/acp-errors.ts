// Errors of agents as clients see them.

import { CodeBuddyError, exhaustionOf } from '../../base/errors.ts';
import { shorten } from '../../base/text.ts';
import type { AgentConfig } from './agent-config.ts';
import { authRequired, RpcError, RpcTimeout } from './json-rpc.ts';

const maxSaid = 4096;

/** The program has ended, or could not be started. `message` is the end of "The agent X ...". */
export class AgentEnded extends Error {
  override readonly name = 'AgentEnded';
}

export interface ErrorContext {
  readonly agent: Pick<AgentConfig, 'name' | 'title' | 'signIn'>;
  readonly redact: (text: string) => string;
}

/** Translates an error of a request to the agent; an error of another kind is returned as it is. */
export function toProblem(error: unknown, { agent, redact }: ErrorContext): unknown {
  const exhausted = exhaustionOf(error);
  if (exhausted !== undefined) return exhausted;
  const name = `The agent ${agent.name} (${agent.title})`;
  // Redacted before it is cut: half a secret would not be recognized.
  const said = error instanceof Error ? shorten(redact(error.message), maxSaid) : '';
  if (error instanceof AgentEnded) return new CodeBuddyError('agent_unavailable', `${name} ${said}`);
  if (error instanceof RpcTimeout)
    return new CodeBuddyError('agent_timeout', `${name} ${said}.`, { cause: error });
  if (!(error instanceof RpcError)) return error;
  return error.code === authRequired
    ? new CodeBuddyError('agent_auth_required', `${name} needs a sign-in (${said}). ${agent.signIn}`)
    : new CodeBuddyError('agent_unavailable', `${name} answered with an error (${error.code}): ${said}`);
}
