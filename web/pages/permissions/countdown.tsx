// The time that is left for a decision.

import { useEffect, useState } from 'preact/hooks';
import { formatDuration } from '../../parts/format.ts';

const tickMs = 1000;
const soonMs = 60_000;

export interface CountdownProps {
  /** Null: it waits for ever. */
  readonly until: string | null;
  /** What it is then. @default 'denied' */
  readonly end?: string;
}

export function Countdown({ until, end = 'denied' }: CountdownProps) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, []);
  if (until === null) return <span class="quiet">waits for ever</span>;
  const left = Math.max(0, Math.ceil((Date.parse(until) - now) / 1000) * 1000);
  return (
    <span class={left < soonMs ? 'bad' : 'quiet'} role="timer">
      {left > 0 ? `${end} in ${formatDuration(left)}` : 'expired'}
    </span>
  );
}
