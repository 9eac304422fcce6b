// The messages of a stream, told apart by `type`: events of the log, text on its way, and what the stream says of itself.

import type { EventEnvelope } from '../contract/event.ts';
import type {
  DeltaData,
  DeltaType,
  EventDataByType,
  EventType,
  NoticeData,
} from '../contract/event-catalogue.ts';

interface InSession extends Pick<EventEnvelope, 'timestamp' | 'sessionId' | 'runId'> {}

interface InLog extends InSession {
  /** `evt_…`. A host that answers prompts itself keeps no log: its events have neither id nor sequence. */
  readonly id?: string;
  /** Resume after it. */
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

/** A piece of text, streamed as it is made and not logged. */
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

/** The reader was too slow and is cut off; it can resume. */
export interface OverflowNotice extends Notice {
  readonly type: 'overflow';
  readonly data: NoticeData<'overflow'>;
}

/** One message of a stream. `event.type` tells what `event.data` is. */
export type StreamEvent = LogEvent | DeltaEvent | GapNotice | OverflowNotice;
