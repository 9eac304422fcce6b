// One stream of all events feeds every view, so no view polls. It resumes after a break.

import { signal } from '@preact/signals';
import type { StreamEvent, StreamState } from '../../src/client/web.ts';
import { CodeBuddyApiError } from '../../src/client/web.ts';
import { client, signedOut } from './sign-in.ts';

type Listener = (event: StreamEvent) => void;

/** The state of the connection. `stopped`: the stream has ended and does not resume. */
export const connection = signal<StreamState['status']>('reconnecting');
/**
 * Counts gaps: the page did not get all events, so each view must load its content again. Events are missing if the
 * server no longer had them, and before the stream began.
 */
export const gaps = signal(0);

const listeners = new Set<Listener>();
let following: AbortController | undefined;

/** Calls `listener` with each event from now on, deltas included. Returns a function that ends it. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Calls back at each gap from now on. */
export function onGap(callback: () => void): () => void {
  const before = gaps.peek();
  return gaps.subscribe((count) => {
    if (count > before) callback();
  });
}

/** Follows the event log until `stopFollowing()`. */
export function follow(): void {
  if (following !== undefined) return;
  following = new AbortController();
  void run(following.signal);
}

export function stopFollowing(): void {
  following?.abort();
  following = undefined;
}

async function run(signal: AbortSignal): Promise<void> {
  let hasBegun = false;
  try {
    const events = client.events.stream({
      deltas: true,
      waitForServer: true,
      signal,
      onState: ({ status }) => {
        if (signal.aborted) return;
        if (status === 'live' && !hasBegun) {
          hasBegun = true;
          // Before the page is live, so that each view loads once.
          gaps.value++;
        }
        connection.value = status;
      },
    });
    for await (const event of events) {
      if (event.type === 'gap') gaps.value++;
      for (const listener of listeners) listener(event);
    }
  } catch (error) {
    if (signal.aborted) return;
    connection.value = 'stopped';
    if (error instanceof CodeBuddyApiError && error.status === 401) signedOut();
    else throw error;
  }
}
