// The times of the ownership protocol, in ms. They hold together: see the conditions at each one.

export interface NodeTiming {
  /** How long a renewal is good. Several times `renewMs`, so that one lost renewal costs nothing. */
  readonly leaseMs: number;
  readonly renewMs: number;
  /** How long a node may take to come back after the database was away, before it is declared dead: a lease. */
  readonly graceMs: number;
  /** Between two looks at the other nodes. */
  readonly lookMs: number;
  /** Between two looks at the end of the log, at changed topics and at commands. */
  readonly pollMs: number;
  /** A node starts no work when the last statement that was answered is older. Several times `pollMs`. */
  readonly lockGraceMs: number;
  /** A node is dead when its lock was free for this time. Above `lockGraceMs`, so that it has stopped by then. */
  readonly lockFreeMs: number;
  /** After a longer pause between two looks, earlier sightings do not count. Below `leaseMs`. */
  readonly gapMs: number;
  /** A statement of the control connection that takes longer means that the connection is broken. Below `leaseMs`. */
  readonly answerMs: number;
}

export const defaultTiming: NodeTiming = {
  leaseMs: 10_000,
  renewMs: 3000,
  graceMs: 10_000,
  lookMs: 500,
  pollMs: 250,
  lockGraceMs: 850,
  lockFreeMs: 900,
  gapMs: 2500,
  answerMs: 5000,
};
