// The agents that could answer, for views that let people choose one.

import type { Agent } from '../../src/client/web.ts';
import { type Resource, useResource } from './resource.ts';
import { client } from './sign-in.ts';

/** Undefined until they are loaded, and for callers who may not read them. */
export function useAgents(): Resource<readonly Agent[]> {
  return useResource('agents', async (signal) => (await client.agents.list({ signal })).agents, {
    // An answer shows what its agent can do.
    changedBy: ['run.complete', 'run.failed'],
  });
}

/** Agents whose program is there. */
export function usableOf(agents: readonly Agent[] = []): readonly Agent[] {
  return agents.filter(({ status }) => status !== 'not_found');
}

export const statusWords: Readonly<Record<Agent['status'], string>> = {
  ready: 'ready',
  not_signed_in: 'not signed in',
  not_found: 'not found',
  unknown: 'found',
};

/** The class of the chip of a status. */
export function statusClass(status: Agent['status']): string {
  if (status === 'ready') return 'chip good';
  return status === 'not_signed_in' ? 'chip warn' : 'chip';
}
