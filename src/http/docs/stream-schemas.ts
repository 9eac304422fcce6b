// JSON Schemas of events for /openapi.json: one schema per event type, discriminated by `type`. They are for
// documentation only: pages are serialized with the flat schema in contract/event.ts, which is faster.

import { eventSchema } from '../../contract/event.ts';
import { catalogue, deltas, notices } from '../../contract/event-catalogue.ts';
import { pageSchema } from '../../contract/page.ts';
import { text, time } from '../../contract/primitives.ts';

interface Typed {
  readonly title: string;
  readonly type: 'object';
}

function titleOf(type: string, ending: string): string {
  const words = type.split(/[._]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')}${ending}`;
}

function discriminated(title: string, description: string, branches: ReadonlyMap<string, Typed>): object {
  return {
    title,
    description,
    oneOf: [...branches.values()],
    discriminator: {
      propertyName: 'type',
      mapping: Object.fromEntries(
        [...branches].map(([type, branch]) => [type, `#/components/schemas/${branch.title}`]),
      ),
    },
  };
}

const logged = new Map<string, Typed>(
  Object.entries(catalogue).map(([type, { description, data }]) => [
    type,
    {
      ...eventSchema,
      title: titleOf(type, 'Event'),
      description,
      properties: {
        ...eventSchema.properties,
        type: { type: 'string', const: type },
        event: { type: 'string', const: type, description: 'Repeats `type`.' },
        data,
      },
    },
  ]),
);

const streamed = new Map<string, Typed>(
  Object.entries(deltas).map(([type, { description, data }]) => [
    type,
    {
      type: 'object',
      title: titleOf(type, 'Event'),
      description,
      properties: {
        type: { type: 'string', const: type },
        timestamp: time,
        sessionId: text,
        runId: text,
        data,
      },
      required: ['type', 'data'],
    },
  ]),
);

/** The fields of `data` are repeated at the top level, for clients that read them there. */
const noticed = new Map<string, Typed>(
  Object.entries(notices).map(([type, { description, data }]) => [
    type,
    {
      type: 'object',
      title: titleOf(type, 'Notice'),
      description,
      properties: {
        type: { type: 'string', const: type },
        sequence: { type: 'integer', description: 'Resume after this sequence number.' },
        ...data.properties,
        data,
      },
      required: ['type', ...data.required, 'data'],
    },
  ]),
);

/** An event of the log. */
export const loggedEventSchema = discriminated(
  'Event',
  'An event of the log. The schema of `data` depends on `type`.',
  logged,
);

/** The content of the `data:` line of a server-sent event. */
const streamEventSchema = discriminated(
  'StreamEvent',
  'One message of a stream: an event of the log, a delta, which is not logged, or a notice of the stream.',
  new Map([...logged, ...streamed, ...noticed]),
);

/** The body of a stream. OpenAPI 3.1 cannot describe its items, so they are the `contentSchema` of a string. */
export const eventStreamSchema = {
  type: 'string',
  description: 'Server-sent events. The `data` of each message is one `StreamEvent` as JSON on one line.',
  contentMediaType: 'text/event-stream',
  contentSchema: streamEventSchema,
} as const;

/** A page of events. */
export const loggedEventPageSchema = {
  ...pageSchema('events', loggedEventSchema),
  title: 'EventPage',
  description: 'A page of events.',
} as const;
