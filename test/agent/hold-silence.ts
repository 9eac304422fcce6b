// Lets a test control the clock that measures a model's silence. Timers of sockets and of tools are not affected.

import { onTestFinished, vi } from 'vitest';

/** The returned function lets `ms` pass. @default as long as no model may be silent */
export function holdSilence(): (ms?: number) => void {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  return (ms = 3_600_000) => void vi.advanceTimersByTime(ms);
}
