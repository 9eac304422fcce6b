// A node: a running server that works on a database, alone or with others.

import { count, flag, nullableTime, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const nodeStatuses = ['alive', 'left', 'dead'] as const;

export const nodeSchema = {
  type: 'object',
  title: 'Node',
  properties: {
    id: { ...text, description: 'Each start has a new id. Ids sort by the time of the start.' },
    url: {
      type: ['string', 'null'],
      description:
        'The URL at which clients reach the node. Null until it is known, a few seconds after the start.',
    },
    version: text,
    status: {
      enum: nodeStatuses,
      description:
        '`alive`: it works. `left`: it stopped cleanly. `dead`: it ended without leaving, and another node has declared it dead.',
    },
    alive: { ...flag, description: 'Whether `status` is `alive`.' },
    self: { ...flag, description: 'True for the node that answers.' },
    startedAt: time,
    leaseUntil: {
      ...nullableTime,
      description:
        'The end of its lease, by the clock of the database. The node renews it every few seconds. Null on SQLite: the lock on the file is the lease.',
    },
    owns: {
      type: 'object',
      description: 'What only this node works on.',
      properties: {
        lanes: { ...count, description: 'Webhooks whose deliveries it sends.' },
        runs: { ...count, description: 'Unfinished runs.' },
      },
      required: ['lanes', 'runs'],
      additionalProperties: false,
    },
    lag: {
      type: ['integer', 'null'],
      minimum: 0,
      description:
        'Events of the log that the node has not seen: now for the node that answers, at the last renewal for others. Null if that is not known.',
    },
  },
  required: ['id', 'url', 'version', 'status', 'alive', 'self', 'startedAt', 'leaseUntil', 'owns', 'lag'],
  additionalProperties: false,
} as const;

export type Node = SchemaType<typeof nodeSchema>;

/** The lease of this node. */
export interface NodeLeaseState {
  readonly nodeId: string;
  /** How long it is still good, in ms; `Infinity` on SQLite. */
  readonly leftMs: number;
}
