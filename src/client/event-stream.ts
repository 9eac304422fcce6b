// Reads event streams over any number of connections. When a connection breaks, the stream resumes after the last event
// (Last-Event-ID), so the reader gets every event once.

import type { ResumeOptions } from './call-options.ts';
import { pause } from './deadline.ts';
import { CodeBuddyApiError, CodeBuddyConnectionError } from './errors.ts';
import { backOffMs, isTemporary } from './retry-policy.ts';
import { SseParser } from './sse-parser.ts';
import type { StreamEvent } from './stream-event.ts';
import type { OpenAnswer, Transport } from './transport.ts';

/** A stream to follow. */
export interface Following extends ResumeOptions {
  /** Connects. `after` is the last event that was read. */
  readonly open: (after: number | undefined) => Promise<OpenAnswer>;
  /** Start after this sequence number. Without it, the server decides. */
  readonly after?: number | undefined;
  /** Returns the sequence number to start after. Called before the first connection if `after` is missing. */
  readonly start?: (() => Promise<number>) | undefined;
  readonly waitForServer?: boolean | undefined;
  /** Called at the end of each connection. If false, the stream ends or fails with it. @default true */
  readonly canResume?: () => boolean;
  /** The stream ends after an event for which this is true. @default none */
  readonly isLast?: (event: StreamEvent) => boolean;
  /** Called when the connection has broken. Events that are not logged may be missing. */
  readonly onBreak?: () => void;
}

/**
 * The server sends a heartbeat every 15 s. A connection that is silent for this long is dead, even if it is still open.
 */
const silenceMs = 60_000;
const firstPauseMs = 100;
const longestPauseMs = 5000;

/** Reads the events of one connection. @throws CodeBuddyConnectionError when it breaks */
export async function* readEvents(
  transport: Transport,
  { answer, deadline }: OpenAnswer,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamEvent, void> {
  try {
    const reader = answer.body?.getReader();
    if (reader === undefined) return;
    const parser = new SseParser();
    for (;;) {
      deadline.limit(silenceMs);
      const { done, value } = await reader.read();
      // The consumer of the events may be slow.
      deadline.limit(0);
      if (done) return;
      if (value !== undefined) yield* parse(parser, value);
    }
  } catch (cause) {
    if (cause instanceof SyntaxError) throw cause;
    const text = 'The connection broke during an event stream.';
    throw transport.failure(
      cause,
      deadline,
      signal,
      () => new CodeBuddyConnectionError('closed', text, { cause }),
    );
  } finally {
    deadline.close();
  }
}

/**
 * Reads events across broken connections and restarts of the server. Without `waitForServer`, a failure of the first
 * connection is an error.
 */
export async function* followStream(
  transport: Transport,
  following: Following,
): AsyncGenerator<StreamEvent, void> {
  const { open, resume = true, canResume = () => true, isLast = () => false, signal } = following;
  const { onState = () => {}, onBreak = () => {}, start } = following;
  let { after: position, waitForServer: wasOpen = false } = following;
  let failures = 0;
  const end: { error?: unknown } = {};
  try {
    for (;;) {
      let error: unknown;
      try {
        position ??= await start?.();
        const opened = await open(position);
        wasOpen = true;
        onState({ status: 'live' });
        for await (const event of readEvents(transport, opened, signal)) {
          failures = 0;
          if (event.sequence !== undefined) position = event.sequence;
          // Disconnected for being too slow: reconnect and resume.
          if (event.type === 'overflow' && resume) continue;
          yield event;
          if (isLast(event)) return;
        }
        // No more events will come (WHATWG HTML §9.2.3).
        if (opened.answer.status === 204 || !resume || !canResume()) return;
        error = new CodeBuddyConnectionError('closed', 'The server ended the event stream.');
      } catch (thrown) {
        if (!resume || !wasOpen || !isTemporary(thrown) || !canResume()) throw thrown;
        error = thrown;
      }
      onBreak();
      failures++;
      const retryInMs = pauseMs(failures, error);
      onState({ status: 'reconnecting', error, failures, retryInMs });
      await pause(retryInMs, signal);
    }
  } catch (error) {
    end.error = error;
    throw error;
  } finally {
    onState({ status: 'stopped', ...end });
  }
}

function pauseMs(failures: number, error: unknown): number {
  const { retryAfterSeconds = 0 } = error instanceof CodeBuddyApiError ? error : {};
  const ownPauseMs = backOffMs(firstPauseMs, longestPauseMs, failures - 1, Math.random());
  return Math.max(retryAfterSeconds * 1000, ownPauseMs);
}

function* parse(parser: SseParser, chunk: Uint8Array): Generator<StreamEvent, void> {
  for (const { data } of parser.push(chunk)) {
    const value: unknown = JSON.parse(data);
    if (typeof value === 'object' && value !== null && 'type' in value) yield value as StreamEvent;
  }
}
