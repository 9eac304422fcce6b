// Routes that a host application adds with `addRoute`: wraps a function from an ApiRequest to a value into a
// RouteDefinition.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Scope } from '../contract/api-key.ts';
import { ApiReply } from './api-reply.ts';
import { callHandler } from './call-handler.ts';
import { abortSignalOf, factsOf } from './pipeline/request-facts.ts';
import type { HttpMethod, RouteDefinition } from './route.ts';

/** The argument of a handler of `addRoute`: a parsed and validated request whose API key is verified. */
export interface ApiRequest {
  readonly method: string;
  /** The path without the query string. */
  readonly path: string;
  /** Path parameters by name. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: unknown;
  readonly requestId: string;
  /** The id of the caller's API key; null on a server without keys. */
  readonly keyId: string | null;
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal;
}

/**
 * Handles a request to a route of `addRoute`. The returned value is the body of a 200, `undefined` is a 204; return
 * `reply(status, body, headers)` to set the status. An object with a field `status` is an ordinary body. A thrown
 * `CodeBuddyError` is sent with its status; any other error is a 500 without details.
 */
export type RouteHandler = (request: ApiRequest) => unknown;

/** Options of `addRoute`. */
export interface AddRouteOptions {
  /** The scope that the API key needs. `open`: no key. @default 'read' for GET, otherwise 'admin' */
  readonly scope?: Scope | 'open';
  /** One line for `GET /api` and /openapi.json. @default 'Added by the host application.' */
  readonly summary?: string;
  /** Unique camelCase name for /openapi.json. @default derived from method and path */
  readonly operationId?: string;
  /** JSON Schemas (2020-12) that validate the request and serialize the answer. @default none */
  readonly schema?: NonNullable<RouteDefinition['schema']>;
}

/** Creates the definition of an added route. @throws TypeError if `handler` is not a function */
export function addedRoute(
  method: HttpMethod,
  path: string,
  handler: RouteHandler,
  options: AddRouteOptions,
): RouteDefinition {
  if (typeof handler !== 'function') throw new TypeError('addRoute: the handler must be a function');
  return {
    method: (typeof method === 'string' ? method.toUpperCase() : method) as HttpMethod,
    path,
    isAdded: true,
    summary: options.summary ?? 'Added by the host application.',
    scope: options.scope ?? (method === 'GET' ? 'read' : 'admin'),
    ...(options.operationId === undefined ? {} : { operationId: options.operationId }),
    ...(options.schema === undefined ? {} : { schema: options.schema }),
    handler: async (request, reply) => {
      const answer = await callHandler(() => handler(apiRequest(request, reply)));
      if (!(answer instanceof ApiReply) && looksLikeFirstVersion(answer)) warnOnce(`${method} ${path}`);
      return send(reply, answer);
    },
  };
}

function apiRequest(request: FastifyRequest, reply: FastifyReply): ApiRequest {
  const facts = factsOf(request);
  let signal: AbortSignal | undefined;
  return {
    method: request.method,
    path: facts.path,
    params: request.params as Record<string, string>,
    query: request.query as Record<string, unknown>,
    headers: request.headers,
    body: request.body,
    requestId: request.id,
    keyId: facts.identity?.keyId ?? null,
    get signal() {
      signal ??= abortSignalOf(reply);
      return signal;
    },
  };
}

function send(reply: FastifyReply, value: unknown): FastifyReply {
  if (!(value instanceof ApiReply)) return sendBody(reply, value, false);
  reply.code(value.status);
  let hasType = false;
  for (const [name, content] of Object.entries(value.headers)) {
    hasType ||= name.toLowerCase() === 'content-type';
    reply.header(name, content);
  }
  return sendBody(reply, value.body, hasType);
}

function sendBody(reply: FastifyReply, body: unknown, hasType: boolean): FastifyReply {
  if (body === undefined) {
    if (reply.statusCode === 200) reply.code(204);
    return reply.send();
  }
  if (hasType && (typeof body === 'string' || body instanceof Uint8Array)) return reply.send(body);
  if (!hasType) reply.type('application/json; charset=utf-8');
  // Fastify sends a string as it is, without encoding it as JSON.
  return typeof body === 'object' && body !== null ? reply.send(body) : reply.send(JSON.stringify(body));
}

const firstVersionKeys: ReadonlySet<string> = new Set(['status', 'headers', 'body']);
const warned = new Set<string>();

/** True for the answers of first-version handlers. They are sent as ordinary bodies, with one warning per route. */
function looksLikeFirstVersion(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('status' in value && 'body' in value)) return false;
  return typeof value.status === 'number' && Object.keys(value).every((key) => firstVersionKeys.has(key));
}

function warnOnce(route: string): void {
  if (warned.has(route)) return;
  warned.add(route);
  process.emitWarning(
    `The handler of ${route} returned an object with "status" and "body". It is sent as the body of a 200; to set the status, return reply(status, body, headers).`,
    { code: 'CODEBUDDY_REPLY' },
  );
}
