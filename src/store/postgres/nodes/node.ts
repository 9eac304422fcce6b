// This node: joins, renews its lease, looks at the other nodes, takes over from dead ones, and joins again after it was
// declared dead itself. The decisions are in membership.ts and watch.ts.

import { callHost } from '../../../base/call-host.ts';
import type { NodeInfo, NodeLease, Stop } from '../../ownership.ts';
import type { StoreLogger } from '../../store-logger.ts';
import type { Database, Row } from '../database.ts';
import { schemaVersion } from '../migrations.ts';
import { type ControlConnection, openControlConnection, type Run } from './control-connection.ts';
import type { Fence } from './fence.ts';
import { createListeners } from './listeners.ts';
import { heard, joined, leaseLeft, type Membership, out, refused, renewed } from './membership.ts';
import type { Query } from './query.ts';
import { statements } from './statements.ts';
import type { NodeTiming } from './timing.ts';
import { judge, type NodeRow, noSightings, wasAway } from './watch.ts';

export interface NodeOptions {
  readonly id: string;
  readonly database: Pick<Database, 'connect'>;
  readonly query: Query;
  readonly version: string;
  readonly url: () => string | undefined;
  /** The last event of the log that this node has seen, if it knows. */
  readonly seen: () => number | undefined;
  readonly servesLanes: () => boolean;
  readonly channels: readonly string[];
  readonly onNotification: (channel: string, payload: string) => void;
  /** A take-over changed owners. */
  readonly onTakeOver: () => void;
  /** By a clock that never goes back, in ms. */
  readonly clock: () => number;
  readonly timing: NodeTiming;
  readonly logger: StoreLogger | undefined;
}

export interface Node extends NodeLease {
  readonly fence: Fence;
  /** On the control connection. @throws CodeBuddyError `storage_unavailable` while there is none */
  readonly run: Run;
  /** The other nodes that were alive at the last look. */
  others(): readonly SeenNode[];
  /** Called after each look. */
  onLooked(listener: () => void): Stop;
  /** Resolves when the node has joined for the first time. */
  joined(): Promise<void>;
  /** Renew now: the URL or `servesLanes` has changed. */
  renewSoon(): void;
  /** Leave. Everything that the node owned is free at once. */
  close(): Promise<void>;
}

export interface SeenNode {
  readonly id: string;
  readonly servesLanes: boolean;
}

/** A failed renewal is sent again after this time, in ms. */
const retryRenewalMs = 500;

export function startNode(options: NodeOptions): Node {
  const { id, database, query, version, url, seen, servesLanes, channels, clock, timing, logger } = options;
  const { onNotification, onTakeOver } = options;
  let membership: Membership = out;
  let watch = noSightings;
  let others: readonly SeenNode[] = [];
  let lookTimer: NodeJS.Timeout | undefined;
  let renewTimer: NodeJS.Timeout | undefined;
  let closed = false;
  let isAway = false;
  let joining: Promise<void> | undefined;
  let wasMember = false;
  /** Set when a newer release has migrated the schema. */
  let superseded: { readonly message: string; readonly epoch: number } | undefined;
  const whenSuperseded = createListeners<[string]>();
  const [lost, again, good, looked] = [
    createListeners(),
    createListeners(),
    createListeners(),
    createListeners(),
  ];
  const firstJoin = Promise.withResolvers<void>();
  firstJoin.promise.catch(() => undefined);

  const epoch = (): number => (membership.kind === 'member' ? membership.epoch : 0);

  /** Every change of the membership comes through here. */
  function become(next: Membership): void {
    const before = membership;
    membership = next;
    if (before.kind === 'member' && next.kind === 'out' && superseded !== undefined) lost.call();
    else if (before.kind === 'member' && next.kind === 'out' && !closed) {
      callHost(() =>
        logger?.warn({ node: id, epoch: before.epoch }, 'this node was declared dead and joins again'),
      );
      lost.call();
      // Without waiting for the next renewal.
      renewIn(0);
    }
    if (before.kind === 'out' && next.kind === 'member') {
      firstJoin.resolve();
      if (wasMember) again.call();
      wasMember = true;
    }
    const now = clock();
    if (leaseLeft(before, now, timing) === 0 && leaseLeft(next, now, timing) > 0) good.call();
  }

  // ---- the control connection

  const control: ControlConnection = openControlConnection({
    database,
    channels,
    answerMs: timing.answerMs,
    onNotification,
    async onConnected(run) {
      await takeLock(run);
      if (membership.kind === 'member') await renew(run);
      if (membership.kind === 'out') await join(run);
      isAway = false;
      schedule();
    },
    onBroken() {
      unschedule();
      watch = wasAway(watch);
    },
    onError(error) {
      if (isAway) return;
      isAway = true;
      callHost(() =>
        logger?.warn(
          { err: error, node: id },
          'this node has lost its connection to the database; trying again',
        ),
      );
    },
  });

  /** Each answer proves that the node held its lock when it asked. */
  async function run(...statement: Parameters<Run>): ReturnType<Run> {
    const sentAt = clock();
    const result = await control.run(...statement);
    become(heard(membership, sentAt));
    return result;
  }

  /** @throws if another connection holds the lock; it is asked to end */
  async function takeLock(run: Run): Promise<void> {
    const { rows } = await run(statements.lock, [id]);
    if (rows[0]?.held === true) return;
    await run(statements.endLockHolder, [id]);
    throw new Error('An earlier connection of this node still holds its lock.');
  }

  /** Two at the same time would raise the epoch twice. */
  function join(run: Run): Promise<void> {
    joining ??= insertNode(run).finally(() => {
      joining = undefined;
    });
    return joining;
  }

  async function insertNode(run: Run): Promise<void> {
    if (closed) return;
    const sentAt = clock();
    const values = [id, timing.leaseMs, servesLanes(), url() ?? null, version, schemaVersion];
    const { rows } = await run(statements.join, values);
    if (rows.length === 0) return supersede();
    const next = joined(Number(rows[0]?.epoch), sentAt);
    if (closed) membership = next;
    else become(next);
  }

  function supersede(): void {
    if (superseded !== undefined) return;
    const message = `A newer release has migrated the database, so node ${id} (version ${version}) writes nothing more and ends. Start the newer release.`;
    superseded = { message, epoch: epoch() };
    unschedule();
    callHost(() => logger?.warn({ node: id }, message));
    become(out);
    whenSuperseded.call(message);
  }

  async function renew(run: Run): Promise<void> {
    const [sentAt, ofEpoch] = [clock(), epoch()];
    const values = [id, ofEpoch, timing.leaseMs, servesLanes(), url() ?? null, seen() ?? null];
    const { count } = await run(statements.renew, values);
    become(renewed(membership, ofEpoch, sentAt, count > 0));
  }

  // ---- the timers

  function schedule(): void {
    unschedule();
    if (closed || superseded !== undefined) return;
    lookTimer = setTimeout(() => void lookAgain(), timing.lookMs);
    renewIn(timing.renewMs);
  }

  function renewIn(ms: number): void {
    clearTimeout(renewTimer);
    if (superseded === undefined) renewTimer = setTimeout(() => void renewAgain(), ms);
  }

  function unschedule(): void {
    clearTimeout(lookTimer);
    clearTimeout(renewTimer);
  }

  async function renewAgain(): Promise<void> {
    let pause = timing.renewMs;
    try {
      if (membership.kind === 'member') await renew(run);
      else await join(run);
    } catch {
      // A broken connection is reported by the connection itself, and stops the timers.
      pause = retryRenewalMs;
    }
    // The renewal has found that the node is dead.
    if (membership.kind === 'out') pause = Math.min(pause, retryRenewalMs);
    if (!closed) renewIn(pause);
  }

  async function lookAgain(): Promise<void> {
    try {
      await look();
    } catch {
      // As above. Earlier sightings do not count after a pause.
    }
    if (closed || superseded !== undefined) return;
    clearTimeout(lookTimer);
    lookTimer = setTimeout(() => void lookAgain(), timing.lookMs);
  }

  // ---- the other nodes

  async function look(): Promise<void> {
    const startedAt = clock();
    const { rows } = await run(statements.look, []);
    if (Number(rows[0]?.schema_version ?? 0) > schemaVersion) return supersede();
    const found = rows.map(toNodeRow);
    const endedAt = clock();
    others = rows.flatMap((row) =>
      row.id !== id && row.alive === true
        ? [{ id: String(row.id), servesLanes: row.serves_lanes === true }]
        : [],
    );
    const own = found.find((row) => row.id === id);
    if (membership.kind === 'member' && own !== undefined && own.epoch > membership.epoch) become(out);
    const database = {
      databaseStart: String(rows[0]?.database_start),
      databaseAgeMs: Number(rows[0]?.database_age ?? 0),
    };
    const verdict = judge(watch, { rows: found, startedAt, endedAt, ...database }, id, timing);
    watch = verdict.watch;
    for (const row of verdict.dead) await takeOver(row);
    looked.call();
  }

  async function takeOver(gone: NodeRow): Promise<void> {
    if (membership.kind === 'out' || leaseLeft(membership, clock(), timing) === 0) return;
    const values = [id, epoch(), gone.id, gone.epoch, gone.renewals];
    const { rows } = await run(statements.takeOver, values);
    if (rows[0]?.done !== true) return;
    others = others.filter((other) => other.id !== gone.id);
    if (gone.alive)
      callHost(() => logger?.warn({ node: gone.id }, 'a node is dead; this node takes over from it'));
    onTakeOver();
  }

  return {
    id,
    get epoch() {
      return epoch();
    },
    leaseLeftMs: () => leaseLeft(membership, clock(), timing),
    onLost: lost.add,
    onJoined: again.add,
    onRenewed: good.add,
    onLooked: looked.add,
    onSuperseded(listener) {
      if (superseded !== undefined) listener(superseded.message);
      return whenSuperseded.add(listener);
    },
    async list() {
      const { rows } = await query(statements.listNodes);
      return rows.map((row) => toNodeInfo(row, id));
    },
    fence: {
      current: () => ({ nodeId: id, epoch: epoch() }),
      refused: (key) => become(refused(membership, key.epoch)),
      superseded: supersede,
    },
    run,
    others: () => others,
    joined: () => firstJoin.promise,
    renewSoon() {
      if (!closed && membership.kind !== 'out') renewIn(0);
    },
    async close() {
      if (closed) return;
      closed = true;
      unschedule();
      firstJoin.reject(new Error('The node was closed before it had joined.'));
      // A join that arrived later would make the node alive again.
      await joining?.catch(() => undefined);
      try {
        const left = membership.kind === 'member' ? membership.epoch : (superseded?.epoch ?? 0);
        if (left > 0) await control.run(statements.leave, [id, left]);
      } catch (error) {
        // The others see the free lock.
        callHost(() => logger?.warn({ err: error, node: id }, 'this node could not leave cleanly'));
      }
      membership = out;
      await control.close();
    },
  };
}

function toNodeRow(row: Row): NodeRow {
  return {
    id: String(row.id),
    epoch: Number(row.epoch),
    alive: row.alive === true,
    renewals: Number(row.renewals),
    locked: row.locked === true,
    leavesRuns: row.leaves_runs === true,
  };
}

function toNodeInfo(row: Row, selfId: string): NodeInfo {
  return {
    id: String(row.id),
    url: typeof row.url === 'string' ? row.url : null,
    version: String(row.version),
    epoch: Number(row.epoch),
    startedAt: Number(row.started_at),
    leaseUntil: Number(row.lease_until),
    status: row.alive === true ? 'alive' : row.has_left === true ? 'left' : 'dead',
    self: row.id === selfId,
    owns: { lanes: Number(row.lanes), runs: Number(row.runs) },
    lag: typeof row.lag === 'number' ? row.lag : null,
  };
}
