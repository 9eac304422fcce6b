// No event reports the progress of a delivery, so a view that shows a pending one reloads it: when it is due, and then
// at growing intervals until its request has ended. A view without pending deliveries sends no requests.

import { useEffect, useRef } from 'preact/hooks';

const firstMs = 400;
const longestMs = 5000;
const longestTimerMs = 3_600_000;

export interface FollowPendingOptions {
  /** Identifies what is pending; undefined if nothing is. A new value restarts the intervals. */
  readonly pending: string | undefined;
  /** When the next attempt is due, in Unix ms. In the past, or undefined: it is under way. */
  readonly dueAt?: number | undefined;
  /** Stop after this time in ms without a change, if it is not known when the next attempt is due. @default never */
  readonly giveUpMs?: number;
  readonly reload: () => void;
}

export function useFollowPending({ pending, dueAt, giveUpMs, reload }: FollowPendingOptions): void {
  const call = useRef(reload);
  call.current = reload;
  useEffect(() => {
    if (pending === undefined) return undefined;
    const startedAt = Date.now();
    let waitMs = firstMs;
    let timer: ReturnType<typeof setTimeout>;
    const next = (): void => {
      if (giveUpMs !== undefined && Date.now() - startedAt > giveUpMs) return;
      const untilDue = dueAt === undefined ? 0 : dueAt + firstMs - Date.now();
      timer = setTimeout(
        () => {
          if (document.visibilityState === 'visible') call.current();
          waitMs = Math.min(waitMs * 1.6, longestMs);
          next();
        },
        Math.min(Math.max(waitMs, untilDue), longestTimerMs),
      );
    };
    next();
    return () => clearTimeout(timer);
  }, [pending, dueAt, giveUpMs]);
}
