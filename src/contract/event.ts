// An event of the log, and a delta, as every reader sees them. The types and their data are in event-catalogue.ts.

import type { DeltaData, DeltaType, EventData } from './event-catalogue.ts';
import { type EventType, eventTypes } from './event-types.ts';
import { text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

/** Serializes events of every type. For clients, /openapi.json has one schema for each type. */
export const eventSchema = {
  type: 'object',
  title: 'Event',
  description: 'An event of the log. `data` matches the schema of its type in `GET /api/event-types`.',
  properties: {
    id: text,
    type: { type: 'string', enum: eventTypes },
    event: { type: 'string', description: 'Repeats `type`.' },
    timestamp: time,
    sessionId: text,
    runId: text,
    sequence: {
      type: 'integer',
      minimum: 1,
      description: 'The position in the log. Pass it as `after` to resume a stream.',
    },
    data: { type: 'object', additionalProperties: true },
  },
  required: ['id', 'type', 'event', 'timestamp', 'sequence', 'data'],
  additionalProperties: false,
} as const;

/** The fields that every event has besides its type and its data. */
export type EventEnvelope = Omit<SchemaType<typeof eventSchema>, 'type' | 'event' | 'data'>;

/** An event of the log. `event` repeats `type` for receivers of the first version. */
export interface LoggedEvent<T extends EventType = EventType> extends EventEnvelope {
  readonly type: T;
  readonly event: T;
  readonly data: EventData<T>;
}

/** Sent to live readers and never logged: text as it is generated, output as a tool writes it. */
export interface Delta<T extends DeltaType = DeltaType>
  extends Pick<EventEnvelope, 'timestamp' | 'sessionId' | 'runId'> {
  readonly type: T;
  readonly data: DeltaData<T>;
}
