// Decides which other nodes are dead, from what a node has seen of them. Pure: node.ts executes it, and the model in
// test/postgres/ checks it.
//
// A node is dead if its lock was free in two looks that are `lockFreeMs` apart (its process ended, or its connection
// broke and it has stopped by itself), or if it did not renew its lease for `leaseMs` (it hangs or is cut off). Both are
// measured by the clock of the watching node, so a step of the database's clock has no effect. After the watching
// node or the database was away, a node is not declared dead for one lease, unless it has come back meanwhile: it was
// seen with its lock after a start of the database, which ends all locks, or it was seen to renew.

import type { NodeTiming } from './timing.ts';

/** The row of a node, as a look finds it. */
export interface NodeRow {
  readonly id: string;
  readonly epoch: number;
  readonly alive: boolean;
  /** Changed by each renewal. */
  readonly renewals: number;
  /** Whether a connection holds the node's lock. */
  readonly locked: boolean;
  /** A node that is not alive, but whose runs no other node has inherited yet: it left, or its successor died too. */
  readonly leavesRuns: boolean;
}

interface Sighting {
  readonly epoch: number;
  readonly renewals: number;
  /** When this number of renewals was seen first. */
  readonly since: number;
  /** When the lock was seen free first; undefined while it is held. */
  readonly freeSince: number | undefined;
  /** Whether it has come back since the database, or the watching node, was away. */
  readonly isBack: boolean;
}

export interface Watch {
  /** When the last look began. */
  readonly lookedAt: number | undefined;
  /** Whether the connection broke after the last look. */
  readonly wasAway: boolean;
  /** No node that has not come back is declared dead before this time. */
  readonly graceUntil: number;
  /** Whether a lock that is held proves that its node has come back: it is younger than the absence. */
  readonly areLocksNew: boolean;
  /** Which start of the database was seen last. */
  readonly databaseStart: string | undefined;
  readonly sightings: ReadonlyMap<string, Sighting>;
}

/** A node begins without sightings, so it declares no other node dead on the first look. */
export const noSightings: Watch = {
  lookedAt: undefined,
  wasAway: false,
  graceUntil: Number.NEGATIVE_INFINITY,
  areLocksNew: false,
  databaseStart: undefined,
  sightings: new Map(),
};

/** The connection to the database broke: the database may have been away for all. */
export function wasAway(watch: Watch): Watch {
  return { ...watch, wasAway: true };
}

export interface Look {
  readonly rows: readonly NodeRow[];
  /** When the look was sent, and when its answer came: the rows are from a moment between the two. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** When the database was started, as text: only whether it changes counts. */
  readonly databaseStart: string;
  /** How long the database has been running, by its own clock. */
  readonly databaseAgeMs: number;
}

export interface Verdict {
  readonly watch: Watch;
  /** Nodes to take over from, as they were seen. Their rows must be unchanged when that happens. */
  readonly dead: readonly NodeRow[];
}

export function judge(watch: Watch, look: Look, selfId: string, timing: NodeTiming): Verdict {
  const { rows, startedAt, endedAt, databaseStart, databaseAgeMs } = look;
  const gap = watch.lookedAt === undefined ? 0 : startedAt - watch.lookedAt;
  const isGap = watch.wasAway || gap > timing.gapMs || endedAt - startedAt > timing.gapMs;
  // A database that was started again has no locks: the nodes need time to come back. A node that has just started itself
  // knows it by the age of the database.
  const isNewStart =
    databaseStart !== watch.databaseStart &&
    (watch.databaseStart !== undefined || databaseAgeMs < timing.graceMs);
  const graceUntil = isGap || isNewStart ? endedAt + timing.graceMs : watch.graceUntil;
  const areLocksNew = isNewStart || (!isGap && watch.areLocksNew);
  const earlier = isGap || isNewStart ? noSightings.sightings : watch.sightings;
  const sightings = new Map<string, Sighting>();
  const dead: NodeRow[] = [];
  for (const row of rows) {
    if (row.id === selfId) continue;
    if (!row.alive) {
      if (row.leavesRuns) dead.push(row);
      continue;
    }
    const sighting = see(earlier.get(row.id), row, endedAt, areLocksNew);
    sightings.set(row.id, sighting);
    if ((startedAt >= graceUntil || sighting.isBack) && isDead(sighting, startedAt, timing)) dead.push(row);
  }
  return {
    watch: { lookedAt: startedAt, wasAway: false, graceUntil, areLocksNew, databaseStart, sightings },
    dead,
  };
}

function see(
  earlier: Sighting | undefined,
  { epoch, renewals, locked }: NodeRow,
  at: number,
  areLocksNew: boolean,
): Sighting {
  const isSame = earlier?.epoch === epoch && earlier.renewals === renewals;
  return {
    epoch,
    renewals,
    since: isSame ? earlier.since : at,
    isBack: earlier?.isBack === true || (earlier !== undefined && !isSame) || (locked && areLocksNew),
    freeSince: locked ? undefined : ((isSame ? earlier.freeSince : undefined) ?? at),
  };
}

function isDead({ since, freeSince }: Sighting, now: number, timing: NodeTiming): boolean {
  return now - since >= timing.leaseMs || (freeSince !== undefined && now - freeSince >= timing.lockFreeMs);
}
