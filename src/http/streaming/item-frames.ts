// The frames of stream items. A live event or delta has one frame for all its readers of one form.

import type { StreamItem } from '../../events/event-log.ts';
import { frameEvent, frameJson, type ServerSentEvent } from './sse-frame.ts';

/** The frames of live events and deltas, by whether they have an `event:` line. */
const namedFrames = new WeakMap<object, string>();
const unnamedFrames = new WeakMap<object, string>();

/** The frame of an item that many readers receive. It is formatted once and kept as long as the item. */
export function sharedFrameOf(item: StreamItem, named: boolean): string {
  if (item.kind === 'gap') return frameOfItem(item, named);
  const key = item.kind === 'event' ? item.event : item.delta;
  const frames = named ? namedFrames : unnamedFrames;
  let frame = frames.get(key);
  if (frame === undefined) {
    frame = frameOfItem(item, named);
    frames.set(key, frame);
  }
  return frame;
}

export function frameOfItem(item: StreamItem, named: boolean): string {
  switch (item.kind) {
    case 'event': {
      const { sequence, type, text } = item.event;
      return frameJson({ id: sequence, event: type, json: text }, named);
    }
    case 'delta':
      return frameEvent({ event: item.delta.type, data: item.delta }, named);
    case 'gap':
      return frameEvent(gapMessage(item.firstSequence), named);
  }
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
