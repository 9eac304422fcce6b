// The line of the log that says how commands run.

import type { Agent } from '../agent/agent.ts';
import type { Logger } from '../http/logger.ts';

/** Logs how commands run, so that the log shows if they are not confined. */
export async function logSandbox(
  agent: Pick<Agent, 'describeSandbox'>,
  logger: Logger | undefined,
): Promise<void> {
  let description = await agent.describeSandbox();
  // The check has its own time limit, so this loop ends.
  while (description.status === 'checking') description = await agent.describeSandbox();
  const message = `sandbox (${description.mode}): ${description.detail}`;
  if (description.status === 'works') logger?.info(message);
  else logger?.warn(message);
}
