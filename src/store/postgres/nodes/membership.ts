// What a node knows about its own lease. Pure: node.ts executes it, and the model in test/postgres/ checks it.

import type { NodeTiming } from './timing.ts';

export type Membership =
  /** Before the node has joined, and after it was declared dead. It owns nothing. */
  | { readonly kind: 'out' }
  | {
      readonly kind: 'member';
      readonly epoch: number;
      /** When the last renewal that succeeded was sent. */
      readonly renewedAt: number;
      /** When the connection that holds the node's lock broke. Undefined while it is held. */
      readonly lockLostAt: number | undefined;
    };

export const out: Membership = { kind: 'out' };

/** `sentAt`: when the statement was sent. The lease counts from then, so it ends here before it ends for others. */
export function joined(epoch: number, sentAt: number): Membership {
  return { kind: 'member', epoch, renewedAt: sentAt, lockLostAt: undefined };
}

/** `found`: whether the row of this node and epoch was there. If it was not, another node has taken over. */
export function renewed(membership: Membership, epoch: number, sentAt: number, found: boolean): Membership {
  // The answer to an earlier membership.
  if (membership.kind === 'out' || membership.epoch !== epoch) return membership;
  return found ? { ...membership, renewedAt: Math.max(membership.renewedAt, sentAt) } : out;
}

/** The store refused a write of this epoch. */
export function refused(membership: Membership, epoch: number): Membership {
  return membership.kind === 'member' && membership.epoch === epoch ? out : membership;
}

export function lockLost(membership: Membership, at: number): Membership {
  if (membership.kind === 'out' || membership.lockLostAt !== undefined) return membership;
  return { ...membership, lockLostAt: at };
}

export function lockHeld(membership: Membership): Membership {
  return membership.kind === 'out' ? membership : { ...membership, lockLostAt: undefined };
}

/** How long the node may go on working, in ms. */
export function leaseLeft(membership: Membership, now: number, timing: NodeTiming): number {
  if (membership.kind === 'out') return 0;
  const { renewedAt, lockLostAt } = membership;
  const byLease = renewedAt + timing.leaseMs;
  const byLock = lockLostAt === undefined ? byLease : lockLostAt + timing.lockGraceMs;
  return Math.max(Math.min(byLease, byLock) - now, 0);
}
