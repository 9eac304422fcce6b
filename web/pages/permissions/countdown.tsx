// The time that is left for a decision.

import { useEffect, useState } from 'preact/hooks';
import { formatDuration } from '../../parts/format.ts';

const tickMs = 1000;
const soonMs = 60_000;

export function Countdown({ until }: { readonly until: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, Math.ceil((Date.parse(until) - now) / 1000) * 1000);
  return (
    <span class={left < soonMs ? 'bad' : 'quiet'} role="timer">
      {left > 0 ? `denied in ${formatDuration(left)}` : 'expired'}
    </span>
  );
}
