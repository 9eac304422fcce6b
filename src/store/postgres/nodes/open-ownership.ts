// Ownership on PostgreSQL: puts the parts of a node together.

import { makeId } from '../../../base/ids.ts';
import { version as ownVersion } from '../../../base/version.ts';
import type { Ownership } from '../../ownership.ts';
import type { StoreLogger } from '../../store-logger.ts';
import { StoreOpenError } from '../../store-open-error.ts';
import type { Database } from '../database.ts';
import type { StoreNode } from '../postgres-store.ts';
import { createClaims } from './claims.ts';
import { createCommands } from './commands.ts';
import { createCounters } from './counters.ts';
import { channelOf, createDeltaRelay } from './delta-relay.ts';
import { commonChannel, createFeed } from './feed.ts';
import { createWriteGuards } from './fence.ts';
import { createOwnLanes } from './lanes.ts';
import { startNode } from './node.ts';
import { createQuery } from './query.ts';
import { createRunOwners } from './run-owners.ts';
import { statements } from './statements.ts';
import { createSteadyClock } from './steady-clock.ts';
import { defaultTiming, type NodeTiming } from './timing.ts';

export interface OwnershipOptions {
  readonly database: Database;
  /** Where clients reach this node, once it listens. @default not known */
  readonly url?: () => string | undefined;
  /** The last event of the log that this node has seen. @default not known */
  readonly seen?: () => number | undefined;
  /** @default that of this package */
  readonly version?: string;
  readonly logger?: StoreLogger | undefined;
  /** By a clock that never goes back, in ms. @default the monotonic clock and suspensions */
  readonly clock?: () => number;
  readonly timing?: Partial<NodeTiming>;
  /** How long to wait for the database, in ms. @default 10 000 */
  readonly joinTimeoutMs?: number;
}

export interface PostgresOwnership extends Ownership {
  /** Pass it to `PostgresStore.attach`. */
  readonly storeNode: StoreNode;
}

const housekeepingMs = 60_000;

/** Joins. @throws StoreOpenError if the node cannot join in time */
export async function openOwnership(options: OwnershipOptions): Promise<PostgresOwnership> {
  const { database, logger, url = () => undefined, seen = () => undefined, version = ownVersion } = options;
  const { clock = createSteadyClock(), joinTimeoutMs = 10_000 } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const id = makeId('nod');
  let isServing = (): boolean => false;

  const query = createQuery(database);

  const node = startNode({
    id,
    database,
    query,
    version,
    url,
    seen,
    servesLanes: () => isServing(),
    channels: [commonChannel, channelOf(id)],
    onNotification(channel, payload) {
      if (channel === commonChannel) feed.received(payload);
      else deltas.received(payload);
    },
    onTakeOver() {
      lanes.balanceSoon();
      claims.freed();
      feed.pollSoon();
      for (const signal of ['lanes', 'claims', 'poll'] as const) feed.signal(signal);
    },
    clock,
    timing,
    logger,
  });
  const feed = createFeed({ nodeId: id, run: node.run, hasOthers: () => node.others().length > 0, timing });
  const lanes = createOwnLanes({ node, query, feed, logger });
  isServing = () => lanes.isServing;
  const runs = createRunOwners({ node, query, feed, logger });
  const claims = createClaims({ node, query, feed });
  const commands = createCommands({ node, query, feed, logger });
  const deltas = createDeltaRelay({ nodeId: id, feed, others: node.others, clock });
  const stopRepeating = node.onLooked(() => deltas.repeat());

  const housekeeping = setInterval(() => {
    for (const name of ['forgetOldNodes', 'forgetOldCommands', 'forgetOldCounters'] as const)
      query(statements[name]).catch(() => undefined); // The next one is as good.
  }, housekeepingMs).unref();

  async function close(): Promise<void> {
    clearInterval(housekeeping);
    stopRepeating();
    await lanes.close();
    runs.close();
    claims.close();
    commands.close();
    deltas.close();
    await node.close();
    feed.close();
  }

  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(cannotJoin(database.url.shown)), joinTimeoutMs);
    });
    await Promise.race([node.joined(), late]);
  } catch (error) {
    await close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  feed.start();

  let closing: Promise<void> | undefined;
  return {
    shared: true,
    node,
    lanes,
    runs,
    claims,
    commands,
    counters: createCounters(query),
    async secret() {
      const { rows } = await query(statements.readSecret);
      return String(rows[0]?.value);
    },
    deltas,
    storeNode: {
      feed,
      guard: createWriteGuards(node.fence),
      appended: (last) => feed.appended(last),
      touched: () => feed.signal('poll'),
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function cannotJoin(shown: string): StoreOpenError {
  return new StoreOpenError(
    'unreachable',
    `${shown} cannot be joined: a node needs one direct connection that keeps locks and LISTEN, which a pooler in transaction mode does not.`,
  );
}
