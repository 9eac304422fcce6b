// Errors that several operations on webhooks share.

import { CodeBuddyError } from '../base/errors.ts';
import type { Lane } from './lane.ts';

export function webhookNotFound(id: string): CodeBuddyError {
  return new CodeBuddyError('webhook_not_found', `Webhook ${id} not found.`);
}

export function webhookExists(id: string): CodeBuddyError {
  return new CodeBuddyError('webhook_exists', `A webhook with the id ${id} already exists.`);
}

export function deliveryNotFound(id: string): CodeBuddyError {
  return new CodeBuddyError('delivery_not_found', `Delivery ${id} not found; it may have been pruned.`);
}

/** @throws CodeBuddyError `webhook_not_found` */
export function findLane(lanes: ReadonlyMap<string, Lane>, id: string): Lane {
  const lane = lanes.get(id);
  if (lane === undefined) throw webhookNotFound(id);
  return lane;
}

/** The webhook is between two owners, or got another one while something was done for it. */
export function webhookBetweenOwners(id: string): CodeBuddyError {
  return new CodeBuddyError(
    'node_unavailable',
    `Webhook ${id} is being taken over by another node. Try again.`,
    { headers: { 'Retry-After': '2' } },
  );
}
