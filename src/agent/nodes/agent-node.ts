// The parts of ownership that the agent uses, as one of several nodes that work on one store.

import { CodeBuddyError } from '../../base/errors.ts';
import { withPossibleEffect } from '../../base/possible-effect.ts';
import type { CommandOutcome, CommandRequest, Ownership } from '../../store/ownership.ts';

export type AgentNode = Pick<Ownership, 'node' | 'runs' | 'claims' | 'commands' | 'counters'>;

/** The kinds of commands that an agent handles. */
export const commandKinds = {
  cancel: 'run.cancel',
  withdraw: 'run.withdraw',
  steer: 'run.steer',
  decide: 'permission.decide',
  answer: 'inbox.answer',
} as const;

/** The topic of runs that a node left to others when it stopped. */
export const leftRunsTopic = 'left-runs';

/** Send a command to the node that owns a run. `dead` if no live node owns it. */
export async function askOwner(
  { node, runs, commands }: AgentNode,
  runId: string,
  command: CommandRequest,
): Promise<CommandOutcome> {
  const owner = await runs.ownerOf(runId);
  // A run that this node owns but does not work on is about to be ended.
  if (owner === undefined || owner === node.id) return { status: 'dead' };
  return commands.send(owner, command);
}

/** The error for a request about a run whose owner is gone. */
export function nodeUnavailable(runId: string): CodeBuddyError {
  return new CodeBuddyError(
    'node_unavailable',
    `The node that worked on run ${runId} has stopped. The run becomes interrupted soon, and can be resumed then.`,
    { headers: { 'Retry-After': '2' } },
  );
}

/** The error for a caller that waits for a run of a node that was declared dead. */
export function lostRun(): CodeBuddyError {
  return withPossibleEffect(
    new CodeBuddyError(
      'node_unavailable',
      'This node was cut off from the database while it worked on the run. The run is interrupted, and can be resumed.',
      { headers: { 'Retry-After': '2' } },
    ),
  );
}

/** Resolves when the lease of the node is good, usually at once. @throws if `signal` aborts */
export async function leaseIsGood({ node }: AgentNode, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (node.leaseLeftMs() > 0) return;
  await new Promise<void>((resolve, reject) => {
    const stop = node.onRenewed(() => settle(resolve));
    const onAbort = (): void => settle(() => reject(signal.reason));
    const settle = (how: () => void): void => {
      stop();
      signal.removeEventListener('abort', onAbort);
      how();
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
