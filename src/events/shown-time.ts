// Past times as they are shown. A clock that was ahead leaves times in the future once it is set back; they are shown
// as now. Times of events are not changed, because they record what the clock said.

/** As RFC 3339. `now` in Unix ms. */
export function shownPast(time: number, now: number): string {
  return new Date(Math.min(time, now)).toISOString();
}

/** The same for a time that is stored as text. */
export function shownPastText(time: string, now: number): string {
  return Date.parse(time) > now ? new Date(now).toISOString() : time;
}
