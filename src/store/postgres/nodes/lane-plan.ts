// Spreads lanes evenly over the live nodes. Pure: lanes.ts executes it, and the model in test/postgres/ checks it. Every
// node plans for itself. Two plans made at the same moment may claim or hand over a lane too many; the next ones settle.

export interface LaneCounts {
  /** The lanes that each live node that serves lanes owns, without pinned ones. */
  readonly owned: ReadonlyMap<string, number>;
  /** Lanes without an owner. */
  readonly free: number;
}

export interface LanePlan {
  /** The most free lanes to claim now. */
  readonly claim: number;
  /** Lanes to hand over. */
  readonly handOver: number;
}

/** A node keeps its lanes as long as no other node has two fewer. */
export function planLanes({ owned, free }: LaneCounts, selfId: string): LanePlan {
  const own = owned.get(selfId);
  if (own === undefined) return { claim: 0, handOver: 0 };
  // Those with the most lanes get the larger shares, so that fewer lanes move.
  const nodes = [...owned].sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1));
  const total = nodes.reduce((sum, [, count]) => sum + count, free);
  const share = Math.floor(total / nodes.length);
  const larger = total % nodes.length;
  /** What free lanes do not fill. */
  let missing = -free;
  let surplusBefore = 0;
  let ownSurplus = 0;
  let claim = 0;
  let isBefore = true;
  for (const [index, [id, count]] of nodes.entries()) {
    const difference = count - (index < larger ? share + 1 : share);
    if (difference < 0) missing -= difference;
    if (id === selfId) {
      isBefore = false;
      ownSurplus = Math.max(difference, 0);
      claim = Math.min(free, Math.max(-difference, 0));
    } else if (isBefore) surplusBefore += Math.max(difference, 0);
  }
  return { claim, handOver: Math.max(Math.min(ownSurplus, missing - surplusBefore), 0) };
}
