// A real log on a real store in a temporary folder, with readers.

import { onTestFinished } from 'vitest';
import type { LoggedEvent } from '../../src/contract/event.ts';
import type { EventLog, NewEvent, StreamItem } from '../../src/events/event-log.ts';
import { createEventLog } from '../../src/events/log.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore, temporaryPath } from '../store/temporary-store.ts';

export interface TemporaryLog {
  readonly log: EventLog;
  readonly store: Store;
  /** The time of new events, in Unix ms. */
  clock: number;
}

export async function openLog(): Promise<TemporaryLog> {
  const store = await openStore(temporaryPath());
  const opened: TemporaryLog = {
    store,
    clock: 1_700_000_000_000,
    log: createEventLog({ store, now: () => opened.clock }),
  };
  onTestFinished(() => opened.log.close());
  return opened;
}

export function errorEvent(message: string, more: { sessionId?: string; runId?: string } = {}): NewEvent {
  return { type: 'error', data: { code: 'test', message }, ...more };
}

/** Read `count` items, then end the subscription. */
export async function take(items: AsyncIterable<StreamItem>, count: number): Promise<StreamItem[]> {
  const taken: StreamItem[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

export function sequencesOf(items: readonly StreamItem[]): number[] {
  return items.flatMap((item) => (item.kind === 'event' ? [item.event.sequence] : []));
}

export function messageOf(event: LoggedEvent): string {
  return event.type === 'error' && 'message' in event.data ? event.data.message : '';
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}
