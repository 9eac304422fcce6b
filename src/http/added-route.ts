// Routes of a host: a plain function from a plain request to a value, wrapped into a RouteDefinition.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Scope } from '../contract/api-key.ts';
import { ApiReply } from './api-reply.ts';
import { callHost } from './host-fault.ts';
import { abortSignalOf, factsOf } from './pipeline/request-facts.ts';
import type { HttpMethod, RouteDefinition } from './route.ts';

/** A request as a host's handler sees it: parsed, checked, its key verified. */
export interface ApiRequest {
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: unknown;
  readonly requestId: string;
  /** Whose key it is; null on an open server. */
  readonly keyId: string | null;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

/**
 * Returns the body of a 200 (nothing: 204), or `reply(status, body, headers)`. An object with a field `status` is a body like any other. A
 * `CodeBuddyError` that it throws is answered as the error says, anything else as 500.
 */
export type RouteHandler = (request: ApiRequest) => unknown;

export interface AddRouteOptions {
  /** The scope a key needs; `open`: no key. @default 'read' for GET, 'admin' else */
  readonly scope?: Scope | 'open';
  readonly summary?: string;
  readonly operationId?: string;
  /** JSON Schemas (2020-12) that validate the request and describe the answer. */
  readonly schema?: NonNullable<RouteDefinition['schema']>;
}

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
    summary: options.summary ?? 'Added by the host',
    scope: options.scope ?? (method === 'GET' ? 'read' : 'admin'),
    ...(options.operationId === undefined ? {} : { operationId: options.operationId }),
    ...(options.schema === undefined ? {} : { schema: options.schema }),
    handler: async (request, reply) => {
      const answer = await callHost(() => handler(apiRequest(request, reply)));
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
  // Fastify takes a string for text that is ready to send.
  return typeof body === 'object' && body !== null ? reply.send(body) : reply.send(JSON.stringify(body));
}

const firstVersionKeys: ReadonlySet<string> = new Set(['status', 'headers', 'body']);
const warned = new Set<string>();

/** Handlers of the first version answered with such an object. It is sent as it is; its author is told. */
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
