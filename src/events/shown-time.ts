// Times of the past as they are shown. A clock that was ahead for a while leaves times in rows that lie in the future once it is set back; nobody
// can use "made tomorrow", and now is as near as can be known. Events stay as they are: they are records of what the clock said.

/** RFC 3339; `now` in Unix ms. */
export function shownPast(time: number, now: number): string {
  return new Date(Math.min(time, now)).toISOString();
}

/** The same for a time that is kept as text. */
export function shownPastText(time: string, now: number): string {
  return Date.parse(time) > now ? new Date(now).toISOString() : time;
}
