// The events of a prompt until its run ends. The stream continues after a restart of the server, and a run that the
// restart interrupted is resumed.

import { setTimeout as delay } from 'node:timers/promises';
import {
  CodeBuddyApiError,
  type CodeBuddyClient,
  CodeBuddyConnectionError,
  type FollowOptions,
  type PromptRequest,
  type StreamEvent,
  type StreamState,
} from '../client/index.ts';
import { runEndEvents } from '../contract/event-catalogue.ts';

const endTypes: ReadonlySet<string> = new Set(runEndEvents);

export interface RunEventsOptions {
  readonly client: CodeBuddyClient;
  readonly request: PromptRequest;
  readonly signal: AbortSignal;
  /** Called while the server does not answer. */
  readonly revive: () => Promise<void>;
  /** Called when the run was interrupted. */
  readonly onInterrupted: () => Promise<void>;
  /** Called when the server is back, before the run is resumed. */
  readonly prepare: () => Promise<void>;
}

/** A server that does not come back within this time is given up. */
const patienceMs = 30_000;
const pollMs = 250;
/** A run that keeps bringing the server down is given up. */
const maxResumes = 3;

/** Ends with `run.complete`, `run.failed` or `run.cancelled`. */
export async function* runEvents(options: RunEventsOptions): AsyncGenerator<StreamEvent, void> {
  const { client, request, onInterrupted } = options;
  const gone = new AbortController();
  const signal = AbortSignal.any([options.signal, gone.signal]);
  const following = { signal, onState: watchConnection(options, gone) };
  let events = client.stream(request, following);
  for (let resumes = 0; ; resumes++) {
    let interruption: StreamEvent | undefined;
    for await (const event of events) {
      if (isInterruption(event) && resumes < maxResumes) {
        interruption = event;
        break;
      }
      yield event;
      if (event.type === 'run.failed') return;
    }
    if (interruption === undefined) return;
    await onInterrupted();
    const { runId = '', sequence } = interruption;
    if (!(await isResumed(options, runId, signal))) {
      yield interruption;
      return;
    }
    events = resumedEvents(client, runId, { ...following, after: sequence, deltas: true });
  }
}

/** Cancels the run if the loop is left before its end, as `client.stream` does. */
async function* resumedEvents(
  client: CodeBuddyClient,
  runId: string,
  options: FollowOptions,
): AsyncGenerator<StreamEvent, void> {
  let hasEnded = false;
  try {
    for await (const event of client.runs.events(runId, options)) {
      hasEnded = endTypes.has(event.type);
      yield event;
    }
  } finally {
    // It may have ended meanwhile.
    if (!hasEnded) await client.runs.cancel(runId, { maxRetries: 0 }).catch(() => undefined);
  }
}

function watchConnection({ revive }: RunEventsOptions, gone: AbortController) {
  let brokenSince: number | undefined;
  return (state: StreamState): void => {
    if (state.status === 'live') brokenSince = undefined;
    if (state.status !== 'reconnecting') return;
    brokenSince ??= performance.now();
    if (performance.now() - brokenSince > patienceMs) gone.abort(state.error);
    // The stream reports the error if the server does not come back.
    else revive().catch(() => undefined);
  };
}

function isInterruption(event: StreamEvent): boolean {
  return event.type === 'run.failed' && event.data.interrupted === true && event.runId !== undefined;
}

/** False if the server does not come back, or the run cannot be resumed. */
async function isResumed(
  { client, prepare }: RunEventsOptions,
  runId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      await prepare();
      await client.runs.resume(runId, { signal });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const isAway =
        error instanceof CodeBuddyConnectionError ||
        (error instanceof CodeBuddyApiError && error.status === 503);
      if (!isAway || performance.now() > until) return false;
    }
    await delay(pollMs, undefined, { signal });
  }
}
