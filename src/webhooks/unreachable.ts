// A target that this machine cannot reach: no route, no network, an unusable proxy or client certificate. The receiver
// is not the cause, so no attempt is spent; one request at a time is tried, with growing pauses. Not saved: a start
// tries again at once.

/** Times in Unix ms of the delivery clock. */
export interface Unreachable {
  readonly since: number;
  /** A failure reason, such as `network_unreachable`. */
  readonly reason: string;
  /** The reason as text. */
  readonly message: string;
  /** Consecutive tries. */
  readonly level: number;
  /** When the next request may be made. */
  readonly until: number;
}

const firstPauseMs = 1000;
const longestPauseMs = 60_000;
const maxLevel = 10;

/** The value after another failed try. The pause doubles each time, up to 60 s, ±20 %. `random` is from 0 to 1. */
export function unreachableAgain(
  before: Unreachable | undefined,
  { reason, message }: Pick<Unreachable, 'reason' | 'message'>,
  now: number,
  random: number,
): Unreachable {
  const { since = now, level = 0, until = 0 } = before ?? {};
  // Requests that were in flight together met the same fault: count it once.
  if (before?.reason === reason && until > now) return before;
  const pause = Math.min(firstPauseMs * 2 ** level, longestPauseMs) * (0.8 + 0.4 * random);
  return {
    since,
    reason,
    message,
    level: Math.min(level + 1, maxLevel),
    until: now + Math.round(Math.min(pause, longestPauseMs)),
  };
}
