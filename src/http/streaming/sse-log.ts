// Copies events from the log to a stream. History is sent at the reader's pace. Live events are buffered up to a limit;
// a reader that exceeds it is disconnected (see sse.ts), so no reader can make the server hold more than its buffer.

import type { LoggedEvent } from '../../contract/event.ts';
import type { StreamItem } from '../../events/event-log.ts';
import type { HttpContext } from '../context.ts';
import type { EventStream } from './sse.ts';
import type { ServerSentEvent } from './sse-frame.ts';

/** A reader over its limit has this long to catch up: a burst within one turn of the event loop is not its fault. */
const overflowGraceMs = 1000;
/** A reader of history has this long to read what the socket buffers. */
const historyPatienceMs = 30_000;

export interface FollowOptions {
  /**
   * The last sequence number when the reader connected. Events up to it are history and are sent at the reader's pace.
   */
  readonly historyEnd: number;
  /** Selects the events to send. @default all */
  readonly wants?: (type: string) => boolean;
  /** The stream is closed after an event for which this is true, even if the event itself is not sent. */
  readonly endsAfter?: (event: LoggedEvent) => boolean;
}

/**
 * Sends `items` until they or the stream end, then closes the stream. Never rejects: the answer has begun, so errors
 * are logged.
 */
export async function followLog(
  stream: EventStream,
  items: AsyncIterable<StreamItem>,
  { logger, limits }: Pick<HttpContext, 'logger' | 'limits'>,
  { historyEnd, wants = () => true, endsAfter = () => false }: FollowOptions,
): Promise<void> {
  try {
    for await (const item of items) {
      if (!stream.isOpen) break;
      const keepsUp = sendItem(stream, item, wants);
      const isOverBuffer = stream.bufferedBytes > limits.streamBufferBytes;
      if (item.kind === 'event' && endsAfter(item.event)) break;
      const isHistory = item.kind === 'event' && item.event.sequence <= historyEnd;
      if (isHistory && !keepsUp) await stream.drained(historyPatienceMs);
      else if (isOverBuffer) await stream.drained(isHistory ? historyPatienceMs : overflowGraceMs);
    }
  } catch (error) {
    // The reader reconnects and resumes.
    logger.error({ err: error }, 'An event stream failed');
  }
  stream.close();
}

/** The message that events before `firstSequence` are no longer kept. */
export function gapMessage(firstSequence: number): ServerSentEvent {
  const sequence = firstSequence - 1;
  // With an id, so a reader that reconnects does not get the same gap again.
  return {
    id: sequence,
    event: 'gap',
    data: { type: 'gap', sequence, firstSequence, data: { firstSequence } },
  };
}

/** Sends one item. False if the reader does not keep up. */
function sendItem(stream: EventStream, item: StreamItem, wants: (type: string) => boolean): boolean {
  switch (item.kind) {
    case 'event': {
      const { event } = item;
      return wants(event.type) ? stream.send({ id: event.sequence, event: event.type, data: event }) : true;
    }
    case 'delta':
      return wants(item.delta.type) ? stream.send({ event: item.delta.type, data: item.delta }) : true;
    case 'gap':
      return stream.send(gapMessage(item.firstSequence));
  }
}
