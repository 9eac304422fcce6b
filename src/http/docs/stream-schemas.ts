// JSON Schemas of events for /openapi.json: each type with the schema of its data, told apart by `type`. They describe only; pages are
// serialized by the flat schema in contract/event.ts, which is faster and says the same of every type.

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

/** The fields of `data` also stand beside it, for clients that read them there. */
const noticed = new Map<string, Typed>(
  Object.entries(notices).map(([type, { description, data }]) => [
    type,
    {
      type: 'object',
      title: titleOf(type, 'Notice'),
      description,
      properties: {
        type: { type: 'string', const: type },
        sequence: { type: 'integer', description: 'Resume after it.' },
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
  'One thing that happened. `data` fits the schema of its type.',
  logged,
);

/** What the `data:` line of a server-sent event holds. */
const streamEventSchema = discriminated(
  'StreamEvent',
  'One message of a stream: an event of the log, a piece of text that is not logged, or a notice of the stream.',
  new Map([...logged, ...streamed, ...noticed]),
);

/** The body of a stream. OpenAPI 3.1 has no word for its items, so they are the content of the text. */
export const eventStreamSchema = {
  type: 'string',
  description: 'Server-sent events. The `data` of each message is one `StreamEvent`, as a line of JSON.',
  contentMediaType: 'text/event-stream',
  contentSchema: streamEventSchema,
} as const;

/** A page of events. */
export const loggedEventPageSchema = {
  ...pageSchema('events', loggedEventSchema),
  title: 'EventPage',
  description: 'A page of events.',
} as const;
