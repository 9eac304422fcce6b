// A time, relative to now. The exact one shows on hover. All times of the page share one timer.

import { signal } from '@preact/signals';
import { formatExactTime, formatRelative } from './format.ts';

/** Unix ms, at least every 5 s while the page is visible. */
export const now = signal(Date.now());

setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now();
}, 5000);
document.addEventListener('visibilitychange', () => {
  now.value = Date.now();
});

export function Time({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={formatExactTime(at)}>
      {formatRelative(Date.parse(at), now.value)}
    </time>
  );
}
