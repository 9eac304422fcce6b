// Says on the terminal how many events a replay has queued so far.

import { setInterval } from 'node:timers/promises';
import type { CodeBuddyClient } from '../client/index.ts';
import type { BusyLine } from './busy-line.ts';

const everyMs = 1000;

/** Shows the count while `replay` runs. */
export async function withReplayProgress<T>(
  client: CodeBuddyClient,
  webhookId: string,
  line: BusyLine,
  replay: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const following = follow(client, webhookId, line, ended.signal).catch(() => undefined);
  try {
    return await replay();
  } finally {
    ended.abort();
    await following;
  }
}

/** Rejects when the signal is aborted, or the webhook cannot be read: then the replay reports the same error. */
async function follow(
  client: CodeBuddyClient,
  webhookId: string,
  line: BusyLine,
  signal: AbortSignal,
): Promise<void> {
  const before = (await client.webhooks.get(webhookId, { signal })).state.pending;
  for await (const _ of setInterval(everyMs, undefined, { signal })) {
    const { pending } = (await client.webhooks.get(webhookId, { signal })).state;
    if (pending > before) line.say(`Queueing events: ${pending - before} so far`);
  }
}
