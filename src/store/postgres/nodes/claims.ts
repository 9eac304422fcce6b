// Names that one node holds at a time.

import type { Claims } from '../../ownership.ts';
import { fencedDetail, unavailable } from '../postgres-errors.ts';
import type { Feed } from './feed.ts';
import { createListeners } from './listeners.ts';
import type { Node } from './node.ts';
import { nodeIdIn, type Query } from './query.ts';
import { statements } from './statements.ts';

export interface ClaimsOptions {
  readonly node: Node;
  readonly query: Query;
  readonly feed: Feed;
}

export function createClaims({
  node,
  query,
  feed,
}: ClaimsOptions): Claims & { freed(): void; close(): void } {
  const released = createListeners();
  const stops = [
    feed.onSignal((signal) => {
      if (signal === 'claims') released.call();
    }),
    // Stands in for a notification that was lost.
    node.onLooked(() => released.call()),
  ];
  return {
    async claim(name) {
      const { id: nodeId, epoch } = node;
      if (epoch === 0) throw unavailable(fencedDetail);
      const { rows } = await query(statements.claim, [nodeId, epoch, name]);
      if (rows[0]?.is_member !== true) {
        // Not false: no other node holds it.
        node.fence.refused({ nodeId, epoch });
        throw unavailable(fencedDetail);
      }
      return rows[0].name === name;
    },
    async release(name, { undone } = { undone: false }) {
      const { count } = await query(statements.releaseClaim, [node.id, name]);
      if (count > 0) {
        feed.signal('claims');
        released.call();
        return;
      }
      // It was taken over, or released before. Once the note of a take-over is kept, no later request removes it.
      await query(undone ? statements.removeLoss : statements.keepLoss, [node.id, name]);
    },
    holderOf: async (name) => nodeIdIn(await query(statements.claimHolder, [name])),
    onReleased: released.add,
    freed: () => released.call(),
    close() {
      for (const stop of stops) stop();
    },
  };
}
