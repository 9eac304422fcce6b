// Steps 5 to 7: the Fastify app behind the gate. It never listens: it is a function from a request that passed the gate to an
// answer, built anew (and swapped in whole) when routes are added.

import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../errors.ts';
import { parseBody, refuseOtherMedia } from './body.ts';
import type { HttpContext } from './context.ts';
import { GatedResponse } from './gated-response.ts';
import { installIdempotency } from './idempotency.ts';
import { closeAfterAnswer, mayStillSend } from './lingering-close.ts';
import { problemBody, problemType, toProblem } from './problem.ts';
import { factsOf, GatedRequest } from './request-facts.ts';
import type { HttpMethod, RouteDefinition } from './route.ts';
import type { Scope } from './services.ts';
import { compileSerializer, compileValidator } from './validation.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope | 'open';
    /** Present where the route has a body schema; true if `{}` may stand for no body. */
    bodyMayBeMissing?: boolean;
  }
}

export interface FastifyApp {
  readonly handle: RequestListener<typeof GatedRequest, typeof GatedResponse>;
}

const methods: readonly HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Builds an app of `routes` and waits until it is ready. */
export async function buildFastifyApp(
  context: HttpContext,
  routes: readonly RouteDefinition[],
  onFault: (error: unknown, requestId: string) => void,
): Promise<FastifyApp> {
  // 60 ms, and not needed before the first start(). `require`, since ESM over CJS costs a lexer pass of every file.
  const { fastify } = createRequire(import.meta.url)('fastify') as typeof import('fastify');
  let handle: FastifyApp['handle'] | undefined;
  const app = fastify({
    bodyLimit: context.limits.maxRequestSize,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 1024 },
    // The gate has made the id.
    genReqId: (raw) => (raw instanceof GatedRequest ? raw.requestId : ''),
    requestIdHeader: false,
    schemaController: {
      compilersFactory: {
        // Named or Fastify would load its own compilers at once.
        buildValidator: () => compileValidator as never,
        buildSerializer: () => compileSerializer as never,
      },
    },
    frameworkErrors: (error, _request, reply) => sendProblem(reply, toProblem(error)),
    serverFactory: (handler) => {
      handle = handler as unknown as FastifyApp['handle'];
      // Fastify wants a server to hold; the one that listens is ours (server.ts).
      return createServer();
    },
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, done) => {
    try {
      const length = (bytes as Buffer).length;
      done(null, length === 0 ? undefined : parseBody(bytes as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404 && request.method === 'OPTIONS') {
      const allow = allowedAt(app, factsOf(request).path);
      if (allow !== undefined) {
        reply.code(204).header('Allow', allow).send();
        return;
      }
    }
    done(beforeBody(app, request));
  });
  app.addHook('preValidation', (request, _reply, done) => {
    done(replaceMissingBody(request));
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error);
    if (problem.code === 'internal_error') onFault(problem.cause ?? problem, request.id);
    sendProblem(reply, problem);
  });
  installIdempotency(app, context);
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      ...(route.schema === undefined ? {} : { schema: route.schema }),
      config: { scope: route.scope, ...missingBodyRule(route) },
      handler: route.handler,
    });
  }
  await app.ready();
  if (handle === undefined) throw new TypeError('Fastify made no handler');
  return { handle };
}

/** What can be said before a byte of the body is read: is there such a route, does the key reach, is it JSON? */
function beforeBody(app: FastifyInstance, request: FastifyRequest): Error | undefined {
  const facts = factsOf(request);
  if (request.is404) return noRoute(app, facts);
  facts.route = request.routeOptions.url ?? '';
  const scope = request.routeOptions.config.scope;
  if (scope !== undefined && scope !== 'open' && facts.identity?.scopes.includes(scope) !== true) {
    return new CodeBuddyError('insufficient_scope', `This needs a key with the scope '${scope}'`);
  }
  const { headers } = request.raw;
  // A HEAD of a stream would never end: it is answered as the page of JSON is.
  if (request.method === 'HEAD') headers.accept = 'application/json';
  else if (mayStillSend(request.raw)) {
    if (request.method !== 'GET') {
      try {
        refuseOtherMedia(headers['content-type'], headers['content-encoding']);
      } catch (error) {
        return error as CodeBuddyError;
      }
    }
  }
  return undefined;
}

function noRoute(app: FastifyInstance, facts: GatedRequest): CodeBuddyError {
  const allow = allowedAt(app, facts.path);
  return allow === undefined
    ? new CodeBuddyError('not_found', 'There is nothing at this path')
    : new CodeBuddyError('method_not_allowed', `This path knows ${allow}`, { headers: { Allow: allow } });
}

/** What `Allow` says of a path; undefined if no method has a route there. */
function allowedAt(app: FastifyInstance, path: string): string | undefined {
  const allowed = methods.filter((method) => app.findRoute({ method, url: path }) !== null);
  if (allowed.length === 0) return undefined;
  return [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
}

function missingBodyRule({ schema }: RouteDefinition): { bodyMayBeMissing?: boolean } {
  const body = schema?.body;
  if (typeof body !== 'object') return {};
  return { bodyMayBeMissing: body.required === undefined || body.required.length === 0 };
}

function replaceMissingBody(request: FastifyRequest): Error | undefined {
  const mayBeMissing = request.routeOptions.config.bodyMayBeMissing;
  if (request.body !== undefined || mayBeMissing === undefined) return undefined;
  if (!mayBeMissing) return new CodeBuddyError('invalid_body', 'A JSON body is needed');
  request.body = {};
  return undefined;
}

/** Past Fastify, which would add a charset that application/problem+json does not have (RFC 9457 §6.1). */
function sendProblem(reply: FastifyReply, problem: CodeBuddyError): void {
  const response = reply.raw;
  const request = reply.request.raw;
  reply.hijack();
  if (!(response instanceof GatedResponse) || response.headersSent || response.destroyed) {
    // The head is gone: cutting the connection is the only way left to say that something went wrong.
    response.destroy();
    return;
  }
  if (mayStillSend(request)) closeAfterAnswer(response);
  response.answer(problem.status, problemType, problemBody(problem, response.requestId), problem.headers);
}
