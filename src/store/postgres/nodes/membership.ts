// The lease of a node, as the node knows it. Pure: node.ts executes it, and the model in test/store/postgres/ checks
// it.
//
// Others declare a node dead when its lock was free for `lockFreeMs`, or when it did not renew for `leaseMs`. Each answer
// on the connection that holds the lock proves that it was held when the statement was sent. So a node stops by itself
// `lockGraceMs` after the last statement that was answered: it need not be told that its connection broke, and a process
// that was stopped knows it at once.

import type { NodeTiming } from './timing.ts';

export type Membership =
  /** Before the node has joined, and after it was declared dead. It owns nothing. */
  | { readonly kind: 'out' }
  | {
      readonly kind: 'member';
      readonly epoch: number;
      /** When the last renewal that succeeded was sent. */
      readonly renewedAt: number;
      /** When the last statement was sent that was answered on the connection with the lock. */
      readonly heardAt: number;
    };

export const out: Membership = { kind: 'out' };

/** Times are those at which a statement was sent: the lease ends here before it ends for others. */
export function joined(epoch: number, sentAt: number): Membership {
  return { kind: 'member', epoch, renewedAt: sentAt, heardAt: sentAt };
}

/** `found`: whether the row of this node and epoch was there. If it was not, another node has taken over. */
export function renewed(membership: Membership, epoch: number, sentAt: number, found: boolean): Membership {
  // The answer to an earlier membership.
  if (membership.kind === 'out' || membership.epoch !== epoch) return membership;
  if (!found) return out;
  return { ...heard(membership, sentAt), renewedAt: Math.max(membership.renewedAt, sentAt) };
}

/**
 * A statement was answered. Not for the first one on a new connection: the node may have been declared dead while its
 * lock was free, so that one is a renewal.
 */
export function heard<M extends Membership>(membership: M, sentAt: number): M {
  if (membership.kind === 'out') return membership;
  return { ...membership, heardAt: Math.max(membership.heardAt, sentAt) };
}

/** The store refused a write of this epoch. */
export function refused(membership: Membership, epoch: number): Membership {
  return membership.kind === 'member' && membership.epoch === epoch ? out : membership;
}

/** How long the lease is good, in ms; 0 if the node must not begin anything now. */
export function leaseLeft(membership: Membership, now: number, timing: NodeTiming): number {
  if (membership.kind === 'out' || now - membership.heardAt > timing.lockGraceMs) return 0;
  return Math.max(membership.renewedAt + timing.leaseMs - now, 0);
}
