// Copies events from the log to a stream. History is sent at the reader's pace. Live events are buffered up to a limit;
// a reader that exceeds it is disconnected (see sse.ts), so no reader can make the server hold more than its buffer.

import type { StreamItem } from '../../events/event-log.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import type { HttpContext } from '../context.ts';
import { frameOfItem, sharedFrameOf } from './item-frames.ts';
import type { EventStream } from './sse.ts';

/** A reader over its limit has this long to catch up: a burst within one turn of the event loop is not its fault. */
const overflowGraceMs = 1000;
/** A reader of history has this long to read what the socket buffers. */
const historyPatienceMs = 30_000;
/** Messages are written together up to this length, because a write takes longer than formatting twenty messages. */
const maxWriteLength = 64 * 1024;

export interface FollowOptions {
  /**
   * The last sequence number when the reader connected. Events up to it are history and are sent at the reader's pace.
   */
  readonly historyEnd: number;
  /** Selects the events to send. @default all */
  readonly wants?: (type: string) => boolean;
  /** The stream is closed after an event for which this is true, even if the event itself is not sent. */
  readonly endsAfter?: (event: Pick<StoredEvent, 'type' | 'sequence'>) => boolean;
}

/**
 * Sends `batches` until they or the stream end, then closes the stream. Never rejects: the answer has begun, so errors
 * are logged.
 */
export async function followLog(
  stream: EventStream,
  batches: AsyncIterable<readonly StreamItem[]>,
  { logger, limits }: Pick<HttpContext, 'logger' | 'limits'>,
  options: FollowOptions,
): Promise<void> {
  try {
    for await (const batch of batches) {
      for (const { frames, isHistory, isLast } of writesOf(batch, stream.named, options)) {
        const keepsUp = frames === '' || stream.sendFrames(frames);
        if (isLast || !stream.isOpen) {
          stream.close();
          return;
        }
        if (isHistory && !keepsUp) await stream.drained(historyPatienceMs);
        else if (stream.bufferedBytes > limits.streamBufferBytes)
          await stream.drained(isHistory ? historyPatienceMs : overflowGraceMs);
      }
    }
  } catch (error) {
    // The reader reconnects and resumes.
    logger.error({ err: error }, 'An event stream failed');
  }
  stream.close();
}

interface StreamWrite {
  readonly frames: string;
  /** Whether the last event in it is history. */
  readonly isHistory: boolean;
  /** True if the stream ends with it. */
  readonly isLast: boolean;
}

function* writesOf(
  batch: readonly StreamItem[],
  named: boolean,
  { historyEnd, wants = () => true, endsAfter = () => false }: FollowOptions,
): Generator<StreamWrite, undefined> {
  let frames = '';
  let isHistory = false;
  for (const item of batch) {
    isHistory = item.kind === 'event' && item.event.sequence <= historyEnd;
    // Readers of history are each at another place, so nothing of it is kept for others.
    if (isWanted(item, wants)) frames += isHistory ? frameOfItem(item, named) : sharedFrameOf(item, named);
    const isLast = item.kind === 'event' && endsAfter(item.event);
    if (!isLast && frames.length < maxWriteLength) continue;
    yield { frames, isHistory, isLast };
    frames = '';
  }
  if (frames !== '') yield { frames, isHistory, isLast: false };
}

function isWanted(item: StreamItem, wants: (type: string) => boolean): boolean {
  switch (item.kind) {
    case 'event':
      return wants(item.event.type);
    case 'delta':
      return wants(item.delta.type);
    case 'gap':
      return true;
  }
}
