// The Fastify app behind the gate: routes, reads, validates and answers requests that passed it. The app never listens;
// it is rebuilt and swapped as a whole when routes are added.

import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { HttpContext } from '../context.ts';
import type { HttpMethod, RouteDefinition } from '../route.ts';
import { GatedResponse } from './gated-response.ts';
import { installIdempotency } from './idempotency.ts';
import { closeAfterAnswer, mayStillSend } from './lingering-close.ts';
import { toHandlerProblem, toProblem } from './problem.ts';
import { problemAnswer } from './problem-answer.ts';
import { factsOf, GatedRequest } from './request-facts.ts';
import { makeRouteEntry } from './route-entry.ts';
import { compileAddedValidator, compileSerializer, compileValidator } from './validation.ts';

export interface FastifyApp {
  readonly handle: RequestListener<typeof GatedRequest, typeof GatedResponse>;
}

const methods: readonly HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Builds an app with `routes` and waits until it is ready. */
export async function buildFastifyApp(
  context: HttpContext,
  routes: readonly RouteDefinition[],
  onInternalError: (error: unknown, requestId: string) => void,
): Promise<FastifyApp> {
  // Loading takes 60 ms and is not needed before the first start(). `require`, because importing CJS from ESM lexes
  // every file first.
  const { fastify } = createRequire(import.meta.url)('fastify') as typeof import('fastify');
  let handle: FastifyApp['handle'] | undefined;
  const app = fastify({
    bodyLimit: context.limits.maxRequestSize,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 1024 },
    // The gate has already set the id.
    genReqId: (raw) => (raw instanceof GatedRequest ? raw.requestId : ''),
    requestIdHeader: false,
    schemaController: {
      compilersFactory: {
        // Otherwise Fastify loads its own compilers at once.
        buildValidator: () => compileValidator as never,
        buildSerializer: () => compileSerializer as never,
      },
    },
    frameworkErrors: (error, _request, reply) => sendProblem(reply, toProblem(error)),
    serverFactory: (handler) => {
      handle = handler as unknown as FastifyApp['handle'];
      // Fastify requires a server. The one that listens is in http-server.ts.
      return createServer();
    },
  });

  app.setNotFoundHandler((request, reply) => answerNoRoute(app, factsOf(request), reply));
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error);
    if (problem.code === 'internal_error') {
      const { span } = factsOf(request);
      context.tracing.within(span ?? undefined, () => onInternalError(problem.cause ?? problem, request.id));
    }
    sendProblem(reply, problem);
  });
  installIdempotency(app, context);
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      ...(route.schema === undefined ? {} : { schema: route.schema }),
      ...(route.isAdded === true ? { validatorCompiler: compileAddedValidator } : {}),
      onRequest: makeRouteEntry(route, context.limits.maxRequestSize, context.tickets),
      handler: guarded(route.handler, context),
    });
  }
  await app.ready();
  // route-entry.ts reads bodies, so Fastify must not. Set after the routes are added, otherwise Fastify drops their
  // body schemas.
  for (const method of methods) app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  if (handle === undefined) throw new TypeError('Fastify created no handler');
  return { handle };
}

/** Translates errors of a handler where they are thrown: later they could be mistaken for errors of Fastify. */
function guarded(
  handler: RouteDefinition['handler'],
  { tracing }: Pick<HttpContext, 'tracing'>,
): RouteDefinition['handler'] {
  const rethrow = (error: unknown): never => {
    throw toHandlerProblem(error);
  };
  return (request, reply) => {
    try {
      const { span } = factsOf(request);
      const result =
        span === null ? handler(request, reply) : tracing.within(span, () => handler(request, reply));
      return result instanceof Promise ? result.catch(rethrow) : result;
    } catch (error) {
      return rethrow(error);
    }
  };
}

function answerNoRoute(app: FastifyInstance, facts: GatedRequest, reply: FastifyReply): FastifyReply {
  const allow = allowedAt(app, facts.path);
  if (allow === undefined) throw new CodeBuddyError('not_found', `No route for ${facts.path}.`);
  if (facts.method === 'OPTIONS') return reply.code(204).header('Allow', allow).send();
  throw new CodeBuddyError('method_not_allowed', `${facts.method} is not allowed here. Allowed: ${allow}.`, {
    headers: { Allow: allow },
  });
}

/** The value of `Allow` for a path; undefined if no method has a route there. */
function allowedAt(app: FastifyInstance, path: string): string | undefined {
  const allowed = methods.filter((method) => app.findRoute({ method, url: path }) !== null);
  if (allowed.length === 0) return undefined;
  return [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
}

/** Bypasses Fastify, which would add a charset that application/problem+json does not have (RFC 9457 §6.1). */
function sendProblem(reply: FastifyReply, problem: CodeBuddyError): void {
  const response = reply.raw;
  const request = reply.request.raw;
  reply.hijack();
  if (!(response instanceof GatedResponse) || response.headersSent || response.destroyed) {
    // The status is already sent: closing the connection is the only way left to signal the error.
    response.destroy();
    return;
  }
  if (mayStillSend(request)) closeAfterAnswer(response);
  const { status, contentType, body } = problemAnswer(problem, response.req);
  response.answer(status, contentType, body, problem.headers);
}
