// A client that follows the whole log on one node, over restarts. It checks that every event comes once, in order.

import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { ApiError, ServerUnreachableError } from '../../../src/client/index.ts';
import type { ChaosNode } from './node.ts';

export interface FollowedEvent {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly runId?: string | undefined;
  readonly data: unknown;
}

export interface Follower {
  readonly node: ChaosNode;
  /** The log from its first event. */
  readonly events: readonly FollowedEvent[];
  /** Gaps, doubles, and errors that a client may not get. */
  readonly faults: readonly string[];
}

const pauseMs = 50;

/** It ends with the test. */
export function follow(node: ChaosNode): Follower {
  const events: FollowedEvent[] = [];
  const faults: string[] = [];
  const ending = new AbortController();

  async function read(): Promise<void> {
    for await (const event of node.client.events.stream({ after: events.length, signal: ending.signal })) {
      const { id, sequence } = event;
      if (id !== undefined && sequence === events.length + 1) events.push({ ...event, id, sequence });
      else faults.push(`stream of ${node.name}: ${event.type} ${sequence} after the event ${events.length}`);
    }
  }
  const reading = (async () => {
    while (!ending.signal.aborted) {
      try {
        await read();
      } catch (error) {
        const isExpected =
          ending.signal.aborted ||
          error instanceof ServerUnreachableError ||
          (error instanceof ApiError && error.status === 503 && error.retryAfterSeconds !== undefined);
        if (!isExpected) faults.push(`stream of ${node.name}: ${error}`);
      }
      await sleep(pauseMs);
    }
  })();
  onTestFinished(async () => {
    ending.abort();
    await reading;
  });
  return { node, events, faults };
}
