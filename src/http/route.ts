// How a route is written down: one plain object with its schemas, from which validation, serialization,
// the 405 answers, `getEndpoints()` and /openapi.json all come.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JSONSchema } from 'json-schema-to-ts';
import type { Scope } from '../contract/api-key.ts';
import type { RouteDocs } from './docs/route-docs.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RouteDefinition {
  readonly method: HttpMethod;
  /** Fastify syntax: `/api/sessions/:id`. */
  readonly path: string;
  readonly summary: string;
  /** More than one line about it, for /openapi.json. */
  readonly description?: string;
  /** Stable camelCase name, unique; it becomes a method of the typed client. Default: made of method and path. */
  readonly operationId?: string;
  /** The scope a key needs; `open` needs no key. */
  readonly scope: Scope | 'open';
  readonly schema?: {
    readonly params?: JSONSchema;
    readonly querystring?: JSONSchema;
    readonly body?: JSONSchema;
    /** By status; problems are added to every route. */
    readonly response?: Readonly<Record<number, JSONSchema>>;
  };
  /** True where `Accept: text/event-stream` is answered with a stream that a ticket may open. */
  readonly streams?: boolean;
  /** True where `Idempotency-Key` is honoured. */
  readonly idempotent?: boolean;
  /** What the schemas do not say, for /openapi.json. */
  readonly docs?: RouteDocs;
  /** Returns the body of a 200, or answers through `reply`. */
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => unknown;
}
