// JSON Schemas of events for /openapi.json: one schema per event type, discriminated by `type`. They are for documentation only: pages
// are serialized with the flat `eventSchema`, which is faster.

import { catalogue, deltas } from '../../events/catalogue.ts';
import { eventSchema, pageSchema, timeSchema } from '../schemas.ts';

const text = { type: 'string' } as const;

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
        timestamp: timeSchema,
        sessionId: text,
        runId: text,
        data,
      },
      required: ['type', 'data'],
    },
  ]),
);

function notice(type: string, description: string, properties: Readonly<Record<string, object>>): Typed {
  const names = Object.keys(properties);
  return {
    type: 'object',
    title: titleOf(type, 'Notice'),
    description,
    properties: {
      type: { type: 'string', const: type },
      sequence: { type: 'integer', description: 'Resume after this sequence number.' },
      ...properties,
      data: { type: 'object', properties, required: names },
    },
    required: ['type', ...names, 'data'],
  } as Typed;
}

const notices = new Map<string, Typed>([
  [
    'gap',
    notice('gap', 'Older events are no longer kept. The stream continues with `firstSequence`.', {
      firstSequence: { type: 'integer' },
    }),
  ],
  [
    'overflow',
    notice('overflow', 'The reader was too slow and is disconnected. It can resume.', { message: text }),
  ],
]);

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
  new Map([...logged, ...streamed, ...notices]),
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
