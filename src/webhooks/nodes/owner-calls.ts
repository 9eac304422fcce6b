// Operations on a webhook happen where it is owned: its owner has its state and its queue, and does one thing at a
// time. A call from another node goes there as a command. If the owner dies, the call waits for the next one.

import { setTimeout as sleep } from 'node:timers/promises';
import { CodeBuddyError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import type { NodeInfo, Ownership } from '../../store/ownership.ts';
import type { Lane } from '../lane.ts';
import { webhookBetweenOwners } from '../webhook-errors.ts';

/** The operations on a webhook at its owner. Arguments and results are JSON values. */
export type OwnerOperations = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

export interface OwnerCalls<Operations extends OwnerOperations> {
  /**
   * Calls an operation at the owner of the webhook. `isRepeatable`: it may happen twice, so it is called again at the next
   * owner if its owner dies meanwhile.
   *
   * @throws CodeBuddyError of the operation; `node_unavailable` if the webhook has no owner for 15 s, or its owner dies
   */
  call<Name extends keyof Operations & string>(
    webhookId: string,
    operation: Name,
    args: Parameters<Operations[Name]>,
    options?: { readonly isRepeatable?: boolean; readonly timeoutMs?: number },
  ): Promise<Awaited<ReturnType<Operations[Name]>>>;
  /** Sends a command to all other live nodes. Resolves to the answers of those that gave one in time. */
  askAll(kind: string, data: unknown, timeoutMs: number): Promise<readonly unknown[]>;
  close(): void;
}

export interface OwnerCallsOptions<Operations extends OwnerOperations> {
  readonly ownership: Pick<Ownership, 'node' | 'lanes' | 'commands'>;
  readonly operations: Operations;
  /** The lane that sends; undefined if this node is not the owner. */
  readonly own: (webhookId: string) => Promise<Lane | undefined>;
  readonly signal: AbortSignal;
}

export const callCommand = 'webhooks.call';

/** A dead node is replaced within 12 s. */
const ownerWithinMs = 15_000;
const lookAgainMs = 50;
/** Replays take long. The end of the node ends the wait, too. */
const longestCallMs = 10 * 60_000;

export function createOwnerCalls<Operations extends OwnerOperations>({
  ownership: { node, lanes, commands },
  operations,
  own,
  signal,
}: OwnerCallsOptions<Operations>): OwnerCalls<Operations> {
  const stop = commands.handle(callCommand, async (data) => {
    const { webhookId, operation, args } = data as {
      readonly webhookId: string;
      readonly operation: string;
      readonly args: never[];
    };
    if ((await own(webhookId)) === undefined) return { moved: true };
    const work = operations[operation];
    if (work === undefined) throw new TypeError(`There is no operation ${operation}`);
    return { value: await work(...args) };
  });

  type Tried = { readonly kind: 'done'; readonly value: unknown } | { readonly kind: 'again' };

  async function tryOnce(
    webhookId: string,
    operation: string,
    args: never[],
    { isRepeatable, timeoutMs }: { readonly isRepeatable: boolean; readonly timeoutMs: number },
  ): Promise<Tried> {
    if ((await own(webhookId)) !== undefined) {
      const work = operations[operation] as OwnerOperations[string];
      try {
        return { kind: 'done', value: await work(...args) };
      } catch (error) {
        if (isRepeatable && isBetweenOwners(error)) return { kind: 'again' };
        throw error;
      }
    }
    const owner = await lanes.ownerOf(webhookId);
    if (owner === undefined || owner === node.id) return { kind: 'again' };
    const outcome = await commands.send(
      owner,
      { kind: callCommand, data: { webhookId, operation, args } },
      { timeoutMs },
    );
    switch (outcome.status) {
      case 'done': {
        const answer = isRecord(outcome.answer) ? outcome.answer : {};
        return answer.moved === true ? { kind: 'again' } : { kind: 'done', value: answer.value };
      }
      case 'failed':
        if (isRepeatable && isBetweenOwners(outcome.error)) return { kind: 'again' };
        throw outcome.error;
      case 'dead':
        if (isRepeatable) return { kind: 'again' };
        throw webhookBetweenOwners(webhookId);
      case 'pending':
        throw webhookBetweenOwners(webhookId);
    }
  }

  return {
    async call(webhookId, operation, args, { isRepeatable = true, timeoutMs = longestCallMs } = {}) {
      const giveUpAt = performance.now() + Math.min(ownerWithinMs, timeoutMs);
      for (;;) {
        const tried = await tryOnce(webhookId, operation, args as never[], { isRepeatable, timeoutMs });
        if (tried.kind === 'done') return tried.value as never;
        if (performance.now() > giveUpAt || signal.aborted) throw webhookBetweenOwners(webhookId);
        await sleep(lookAgainMs);
      }
    },
    async askAll(kind, data, timeoutMs) {
      const nodes: readonly NodeInfo[] = await node.list();
      const asked = nodes.filter(({ status, self }) => status === 'alive' && !self);
      const outcomes = await Promise.all(
        asked.map(({ id }) => commands.send(id, { kind, data }, { timeoutMs })),
      );
      return outcomes.flatMap((outcome) => (outcome.status === 'done' ? [outcome.answer] : []));
    },
    close: stop,
  };
}

/** The owner lost the webhook while it worked on the operation. */
function isBetweenOwners(error: unknown): boolean {
  return error instanceof CodeBuddyError && error.code === 'node_unavailable';
}
