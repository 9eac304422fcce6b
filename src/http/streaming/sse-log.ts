// Carries items of the event log to a stream, at the reader's pace: history waits for the reader, live events fill its
// buffer and then cut it off (see sse.ts), so that no reader makes the server hold more than its buffer.

import type { LoggedEvent } from '../../contract/event.ts';
import type { StreamItem } from '../../events/event-log.ts';
import type { HttpContext } from '../context.ts';
import type { EventStream } from './sse.ts';
import type { ServerSentEvent } from './sse-frame.ts';

/** A reader over its buffer has this long to empty it: a burst within one turn of the event loop is not its fault. */
const overflowGraceMs = 1000;
/** A reader of history may take this long for what fits into the socket. */
const historyPatienceMs = 30_000;

export interface FollowOptions {
  /** The end of the log when the reader came: up to it, all is history, and the reader may take its time. */
  readonly historyEnd: number;
  /** Which events are sent. @default all */
  readonly wants?: (type: string) => boolean;
  /** The stream is closed after an event for which this is true, also if the event itself is not sent. */
  readonly endsAfter?: (event: LoggedEvent) => boolean;
}

/** Sends `items` until they end or the stream does, then closes it. Never rejects: the answer has begun, so a fault is logged. */
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
    // The reader comes back by itself and resumes where it was.
    logger.error({ err: error }, 'An event stream was ended by a fault');
  }
  stream.close();
}

/** Tells that events before `firstSequence` are not there. */
export function gapMessage(firstSequence: number): ServerSentEvent {
  const sequence = firstSequence - 1;
  // With an id: a reader that reconnects after it must not be told of the same gap again.
  return {
    id: sequence,
    event: 'gap',
    data: { type: 'gap', sequence, firstSequence, data: { firstSequence } },
  };
}

/** False if the reader does not keep up. */
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
