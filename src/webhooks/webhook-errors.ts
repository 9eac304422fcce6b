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
