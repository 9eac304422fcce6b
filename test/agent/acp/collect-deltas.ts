// Collects the deltas of the log, for one test.

import type { Delta } from '../../../src/contract/event.ts';
import type { EventLog } from '../../../src/events/event-log.ts';
import { waitFor } from '../../wait-for.ts';

export function collectDeltas(log: EventLog): {
  readonly seen: readonly Delta[];
  stop(): Promise<readonly Delta[]>;
} {
  const control = new AbortController();
  const seen: Delta[] = [];
  let hasEnded = false;
  const reading = (async () => {
    for await (const item of log.subscribe({ deltas: true, signal: control.signal })) {
      if (item.kind === 'delta') seen.push(item.delta);
      if (item.kind === 'event' && item.event.type.startsWith('run.') && item.event.type !== 'run.queued')
        hasEnded = true;
    }
  })();
  return {
    seen,
    /** After the end of the run has been read. */
    async stop() {
      await waitFor('the end of the run', () => hasEnded);
      control.abort();
      await reading;
      return seen;
    },
  };
}
