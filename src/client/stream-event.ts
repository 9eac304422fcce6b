// The types of stream messages, discriminated by `type`: events of the log, deltas, and notices of the stream.

import type { EventEnvelope } from '../contract/event.ts';
import type { DeltaData, DeltaType, EventDataByType, NoticeData } from '../contract/event-catalogue.ts';
import type { EventType } from '../contract/event-types.ts';

interface InSession extends Pick<EventEnvelope, 'timestamp' | 'sessionId' | 'runId'> {}

interface InLog extends InSession {
  /** `evt_…`. Events of a host application's `onPrompt` are not logged and have neither `id` nor `sequence`. */
  readonly id?: string;
  /** Resume a stream after this sequence number. */
  readonly sequence?: number;
}

interface NotInLog {
  readonly id?: never;
  readonly sequence?: never;
}

/** An event of the log. */
export type LogEvent = {
  readonly [T in EventType]: InLog & {
    readonly type: T;
    readonly event?: T;
    readonly data: EventDataByType[T];
  };
}[EventType];

/** A piece of text that is streamed but not logged. */
export type DeltaEvent = {
  readonly [T in DeltaType]: InSession & NotInLog & { readonly type: T; readonly data: DeltaData<T> };
}[DeltaType];

interface Notice {
  readonly id?: never;
  readonly sequence?: number;
  readonly timestamp?: string;
  readonly sessionId?: string;
  readonly runId?: string;
}

/** Events before `firstSequence` are no longer kept. */
export interface GapNotice extends Notice {
  readonly type: 'gap';
  readonly data: NoticeData<'gap'>;
}

/** The reader was too slow and is disconnected. It can resume. */
export interface OverflowNotice extends Notice {
  readonly type: 'overflow';
  readonly data: NoticeData<'overflow'>;
}

/** One message of a stream. `type` determines the type of `data`. */
export type StreamEvent = LogEvent | DeltaEvent | GapNotice | OverflowNotice;
