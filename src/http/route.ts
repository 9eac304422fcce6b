// The definition of a route: a plain object with its schemas and its handler. Validation, serialization, 405 answers,
// `getEndpoints()`, /openapi.json and the typed client are derived from it.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JSONSchema } from 'json-schema-to-ts';
import type { Scope } from '../contract/api-key.ts';
import type { RouteDocs } from './docs/route-docs.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One route of the server. */
export interface RouteDefinition {
  readonly method: HttpMethod;
  /** Fastify syntax: `/api/sessions/:id`. */
  readonly path: string;
  /** One imperative sentence: `List runs.` */
  readonly summary: string;
  /** Details for /openapi.json. */
  readonly description?: string;
  /** Unique, stable camelCase name. It names the types of the typed client. @default derived from method and path */
  readonly operationId?: string;
  /** The scope that the API key needs. `any`: a key with any scope. `open`: no key. */
  readonly scope: Scope | 'any' | 'open';
  /**
   * True for an open route whose handler verifies a signature: POST passes without an API key, and the handler reads the
   * body and refuses hops.
   */
  readonly isSigned?: boolean;
  /** The body is not JSON: the handler gets it as a Buffer of at most this many bytes. */
  readonly bytes?: { readonly maxBytes: number };
  readonly schema?: {
    readonly params?: JSONSchema;
    readonly querystring?: JSONSchema;
    readonly body?: JSONSchema;
    /** Bodies by status. Problems are added to every route. */
    readonly response?: Readonly<Record<number, JSONSchema>>;
  };
  /** True if the route answers `Accept: text/event-stream` with a stream that a ticket may open. */
  readonly streams?: boolean;
  /** True if the route supports `Idempotency-Key`. */
  readonly idempotent?: boolean;
  /** True for routes of `addRoute`. Their schemas are checked before they are compiled. */
  readonly isAdded?: boolean;
  /** Details for /openapi.json that the schemas do not contain. */
  readonly docs?: RouteDocs;
  /** Returns the body of a 200, or answers with `reply`. */
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => unknown;
}
