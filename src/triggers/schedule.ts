// When a schedule is due: cron expressions with five fields, in a time zone. When clocks are set forward, a time that does
// not exist is due at the next one that does; when they are set back, a fixed time is due once.

import { Cron } from 'croner';
import type { TriggerInput } from '../contract/trigger-input.ts';

const minuteMs = 60_000;

export type Schedule = NonNullable<TriggerInput['schedule']>;

/** The reason why a schedule cannot be used, with the field that it concerns; undefined if it can. */
export function scheduleFault({
  cron,
  timeZone,
}: Schedule): { readonly field: string; readonly message: string } | undefined {
  if (timeZone !== undefined && !isTimeZone(timeZone))
    return {
      field: 'timeZone',
      message: `must be a time zone such as "Europe/Berlin", not ${JSON.stringify(timeZone)}`,
    };
  try {
    if (nextDue({ cron, ...(timeZone === undefined ? {} : { timeZone }) }, Date.now()) !== undefined)
      return undefined;
    return { field: 'cron', message: 'is never due' };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return {
      field: 'cron',
      message: `must have five fields (minute, hour, day of the month, month, day of the week), such as "0 9 * * 1-5": ${why}`,
    };
  }
}

/** The first due time after `after`, in Unix ms; undefined if there is none. */
export function nextDue(schedule: Schedule, after: number): number | undefined {
  return patternOf(schedule).nextRun(new Date(after))?.getTime();
}

/** The last due time up to `until`, in Unix ms, if it is after `after`. */
export function lastDue(schedule: Schedule, after: number, until: number): number | undefined {
  // Due times are whole minutes. Those before the given time are listed, without it.
  const [last] = patternOf(schedule).previousRuns(
    1,
    new Date(Math.floor(until / minuteMs) * minuteMs + 1000),
  );
  const time = last?.getTime();
  return time !== undefined && time > after && time <= until ? time : undefined;
}

function patternOf({ cron, timeZone = 'UTC' }: Schedule): Cron {
  return new Cron(cron, { timezone: timeZone, mode: '5-part' });
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
