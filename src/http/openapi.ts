// /openapi.json: OpenAPI 3.1 from the same route definitions that validate and serialize. @fastify/swagger is loaded, and a
// Fastify app made for it and thrown away, when someone first asks.

import { createRequire } from 'node:module';
import type { HttpContext } from './context.ts';
import type { HttpMethod, RouteDefinition } from './route.ts';
import { problemSchema } from './schemas.ts';

/** The document as JSON text. */
export async function buildOpenApi(
  context: HttpContext,
  routes: readonly RouteDefinition[] = context.routes(),
): Promise<string> {
  const require = createRequire(import.meta.url);
  const { fastify } = require('fastify') as typeof import('fastify');
  const { default: swagger } = require('@fastify/swagger') as typeof import('@fastify/swagger');
  const never = (): never => {
    throw new TypeError('This app only describes routes');
  };
  const app = fastify({
    exposeHeadRoutes: false,
    schemaController: {
      compilersFactory: { buildValidator: () => () => never, buildSerializer: () => () => never },
    },
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: context.name,
        version: context.version,
        description:
          'A coding agent behind a local HTTP API. Errors are RFC 9457 problem documents; times are RFC 3339 UTC.',
      },
      tags: [...new Set(routes.map((route) => tagOf(route.path)))].map((name) => ({ name })),
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _uri, _fragment, index) => nameOf(json.$id, index) },
  });
  app.addSchema({ $id: 'Problem', ...problemSchema });
  const used = new Set<string>();
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      schema: describe(route, used) as Record<string, unknown>,
      handler: never,
    });
  }
  await app.ready();
  const document: unknown = app.swagger();
  await app.close();
  return JSON.stringify(nameTitled(document));
}

/**
 * Moves schemas that have a `title` to `components.schemas` and refers to them, so that clients made from the document have one
 * type a thing. A title that stands for two different schemas stays where it is the second time.
 */
function nameTitled(document: unknown): unknown {
  const named: Record<string, unknown> = {};
  const texts = new Map<string, string>();

  function walk(node: unknown): unknown {
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== 'object' || node === null) return node;
    const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
    const { title, type } = copy;
    if (typeof title !== 'string' || type !== 'object' || !/^[A-Z][A-Za-z0-9]*$/.test(title)) return copy;
    const text = JSON.stringify(copy);
    if ((texts.get(title) ?? text) !== text) return copy;
    texts.set(title, text);
    named[title] = copy;
    return { $ref: `#/components/schemas/${title}` };
  }

  if (typeof document !== 'object' || document === null || !('paths' in document)) return document;
  const paths = walk(document.paths);
  const components = 'components' in document ? (document.components as Record<string, unknown>) : {};
  const schemas = { ...(components.schemas as Record<string, unknown>), ...named };
  return { ...document, components: { ...components, schemas }, paths };
}

function nameOf(id: unknown, index: number): string {
  return typeof id === 'string' ? id : `schema${index}`;
}

function describe(route: RouteDefinition, used: Set<string>): Readonly<Record<string, unknown>> {
  const { schema } = route;
  const response: Record<string, unknown> = {};
  for (const [status, body] of Object.entries(schema?.response ?? {})) {
    response[status] =
      // 204 has no body to describe.
      status === '204'
        ? { description: 'Done', type: 'null' }
        : { description: titleOf(body), content: { 'application/json': { schema: body } } };
  }
  if (Object.keys(response).length === 0) response['200'] = { description: 'Success' };
  response['4xx'] = problemResponse('The request was refused');
  response['5xx'] = problemResponse('The server could not answer');
  return {
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    operationId: unique(route.operationId ?? operationIdOf(route.method, route.path), used),
    tags: [tagOf(route.path)],
    security: route.scope === 'open' ? [] : [{ bearer: [] }, { apiKey: [] }],
    // OpenAPI knows scopes for OAuth only.
    ...(route.scope === 'open' ? {} : { 'x-scope': route.scope }),
    ...(route.idempotent === true ? { headers: idempotencyHeader } : {}),
    ...(schema?.params === undefined ? {} : { params: schema.params }),
    ...(schema?.querystring === undefined ? {} : { querystring: schema.querystring }),
    ...(schema?.body === undefined ? {} : { body: schema.body }),
    response,
  };
}

const idempotencyHeader = {
  type: 'object',
  properties: {
    'Idempotency-Key': {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'The same key and body within 24 h get the first answer again; another body, 409.',
    },
  },
} as const;

function problemResponse(description: string): object {
  return { description, content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } } };
}

function titleOf(schema: unknown): string {
  if (typeof schema !== 'object' || schema === null) return 'Success';
  const { description, title } = schema as Readonly<Record<string, unknown>>;
  return typeof description === 'string' ? description : typeof title === 'string' ? title : 'Success';
}

/** `/api/sessions/:id` belongs to `sessions`. */
function tagOf(path: string): string {
  const [first = '', second] = path.split('/').filter((part) => part !== '');
  if (first !== 'api') return first.replace(/[:*]/g, '') || 'root';
  return second === undefined || /[:*]/.test(second) ? 'api' : second;
}

const verbs: Readonly<Record<HttpMethod, string>> = {
  GET: 'get',
  POST: 'post',
  PUT: 'put',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** `POST /api/runs/:id/cancel` is `postRunsByIdCancel`: plain, stable, and different for different routes. */
function operationIdOf(method: HttpMethod, path: string): string {
  const words = path
    .split(/[/\-._~]+/)
    .filter((part) => part !== '' && part !== 'api')
    .map((part) => (part.startsWith(':') ? `By${capital(part.slice(1))}` : capital(part)))
    .map((part) => part.replace(/[^A-Za-z0-9]/g, ''));
  return verbs[method] + words.join('');
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function unique(name: string, used: Set<string>): string {
  let candidate = name;
  for (let count = 2; used.has(candidate); count++) candidate = `${name}${count}`;
  used.add(candidate);
  return candidate;
}
