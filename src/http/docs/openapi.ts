// Builds /openapi.json (OpenAPI 3.1) from the route definitions that also validate and serialize. Loads
// @fastify/swagger and creates a temporary Fastify app on the first request.

import { createRequire } from 'node:module';
import type { ProblemCode } from '../../base/errors.ts';
import { problemSchema } from '../../contract/problem.ts';
import type { HttpContext } from '../context.ts';
import { isOpenAiPath } from '../pipeline/openai-error.ts';
import type { HttpMethod, RouteDefinition } from '../route.ts';
import { problemCodesOf, problemExamples, problemResponses, type ResponseObject } from './openapi-errors.ts';
import {
  commonHeaders,
  headerComponents,
  headerRefs,
  headersSchema,
  type ResponseHeaderName,
} from './openapi-headers.ts';
import { openApiHead } from './openapi-info.ts';

/** Returns the document as JSON text. */
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
  const shown = routes.filter(({ docs }) => docs?.isHidden !== true);
  const tags = [...new Set(shown.map((route) => tagOf(route.path)))];
  await app.register(swagger, { openapi: openApiHead(context, tags) });
  const ids = new Set<string>();
  const byId = new Map<string, RouteDefinition>();
  for (const route of shown) {
    const operationId = unique(route.operationId ?? operationIdOf(route.method, route.path), ids);
    byId.set(operationId, route);
    app.route({
      method: route.method,
      url: route.path,
      schema: describe(route, operationId) as Record<string, unknown>,
      handler: never,
    });
  }
  await app.ready();
  const document = app.swagger() as unknown as OpenApiDocument;
  await app.close();
  return JSON.stringify(nameTitled(withResponses(document, byId, context.services.keys !== undefined)));
}

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, object>>;
}
type Operation = Readonly<Record<string, unknown>> & { readonly operationId: string };

/** Replaces the responses: @fastify/swagger supports one media type per response, and no problems. */
function withResponses(
  document: OpenApiDocument,
  routes: ReadonlyMap<string, RouteDefinition>,
  hasKeyLimits: boolean,
): OpenApiDocument {
  const codes = new Set<ProblemCode>();
  const shared = new SharedResponses();
  const headers = new Set<string>(['X-Request-Id', 'Retry-After']);
  const mapValues = <T, R>(record: Readonly<Record<string, T>>, change: (value: T) => R): Record<string, R> =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
  const paths = mapValues(document.paths, (operations) =>
    mapValues(operations, (operation) => {
      const route = routes.get(operation.operationId);
      if (route === undefined) return operation;
      const isLimited = hasKeyLimits && route.scope !== 'open';
      const own = problemCodesOf(route, isLimited);
      const common = commonHeaders(isLimited);
      // The errors of the OpenAI-compatible routes have no examples.
      if (!isOpenAiPath(route.path)) own.forEach((code) => void codes.add(code));
      const responses = merged(
        answersOf(route, headers, common),
        shared.referTo(problemResponses(own, route.path, common)),
      );
      return { ...operation, responses };
    }),
  );
  if (codes.has('unauthorized')) headers.add('WWW-Authenticate');
  const components = {
    ...document.components,
    schemas: { ...document.components.schemas, Problem: problemSchema },
    headers: headerComponents(headers),
    responses: shared.components(),
    examples: problemExamples(codes),
  };
  return { ...document, paths, components };
}

type Responses = Readonly<Record<string, ResponseObject>>;
type Reference = { readonly $ref: string };

/** Collects problem responses in `components`: many operations have the same ones. */
class SharedResponses {
  private readonly names = new Map<string, string>();
  private readonly responses: Record<string, ResponseObject> = {};

  referTo(
    responses: Responses,
  ): Readonly<Record<string, { readonly own: ResponseObject; readonly ref: Reference }>> {
    return Object.fromEntries(
      Object.entries(responses).map(([status, own]) => {
        const text = JSON.stringify(own);
        let name = this.names.get(text);
        if (name === undefined) {
          const prefix = `${nameOfForm(own)}${capital(status)}`;
          const others = Object.keys(this.responses).filter((known) => known.split('-')[0] === prefix).length;
          name = others === 0 ? prefix : `${prefix}-${others + 1}`;
          this.names.set(text, name);
          this.responses[name] = own;
        }
        return [status, { own, ref: { $ref: `#/components/responses/${name}` } }];
      }),
    );
  }

  components(): Responses {
    return this.responses;
  }
}

/** The form of an error. OpenAI's errors are plain JSON. */
function nameOfForm({ content = {} }: ResponseObject): string {
  return 'application/json' in content ? 'OpenAiError' : 'Problem';
}

/** Merges both: a status may have an answer and problems, such as 503 of `GET /health/ready`. */
function merged(
  answers: Responses,
  problems: ReturnType<SharedResponses['referTo']>,
): Readonly<Record<string, ResponseObject | Reference>> {
  const all: Record<string, ResponseObject | Reference> = { ...answers };
  for (const [status, { own, ref }] of Object.entries(problems)) {
    const answer = answers[status];
    all[status] =
      answer === undefined
        ? ref
        : {
            description: `${answer.description}\n\n${own.description}`,
            headers: { ...answer.headers, ...own.headers },
            content: { ...answer.content, ...own.content },
          };
  }
  return all;
}

/** The responses with schemas of the route itself. */
function answersOf(
  route: RouteDefinition,
  headersUsed: Set<string>,
  common: readonly ResponseHeaderName[],
): Responses {
  const { schema, docs = {}, idempotent } = route;
  const statuses = new Set([...Object.keys(schema?.response ?? {}), ...Object.keys(docs.content ?? {})]);
  for (const status of Object.keys(docs.descriptions ?? {})) statuses.add(status);
  if (statuses.size === 0) statuses.add('200');
  const answers: Record<string, ResponseObject> = {};
  for (const status of statuses) {
    const json = schema?.response?.[Number(status)];
    const given = docs.content?.[Number(status)] ?? {};
    const hasJson = json !== undefined && status !== '204';
    const content = { ...(hasJson ? { 'application/json': json } : {}), ...given };
    const names: ResponseHeaderName[] = [...common, ...(docs.responseHeaders?.[Number(status)] ?? [])];
    if (idempotent === true && status.startsWith('2')) names.push('Idempotency-Replayed');
    for (const name of names) headersUsed.add(name);
    const description =
      docs.descriptions?.[Number(status)] ??
      (status === '204' ? 'Done. The response has no body.' : titleOf(json));
    answers[status] = {
      description,
      headers: headerRefs(names),
      ...(Object.keys(content).length === 0
        ? {}
        : {
            content: Object.fromEntries(
              Object.entries(content).map(([type, body]) => [type, { schema: body }]),
            ),
          }),
    };
  }
  return answers;
}

/**
 * Moves schemas with a `title` to `components.schemas` and refers to them, so generated clients have one named type per
 * schema. A second, different schema with the same title stays in place.
 */
function nameTitled(document: unknown): unknown {
  const named: Record<string, unknown> = {};
  const texts = new Map<string, string>();

  function walk(node: unknown): unknown {
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== 'object' || node === null) return node;
    const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
    const { title, type } = copy;
    const isThing = type === 'object' || Array.isArray(copy.oneOf);
    if (typeof title !== 'string' || !isThing || !/^[A-Z][A-Za-z0-9]*$/.test(title)) return copy;
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

function describe(route: RouteDefinition, operationId: string): Readonly<Record<string, unknown>> {
  const { schema, docs, idempotent, scope } = route;
  const headers = headersSchema([
    ...(docs?.requestHeaders ?? []),
    ...(idempotent === true ? (['Idempotency-Key'] as const) : []),
  ]);
  const needs =
    scope === 'open'
      ? `Needs no API key${route.isSigned === true ? ', but the signature of the sender' : ''}.`
      : scope === 'any'
        ? 'Requires an API key.'
        : `Requires an API key with the scope \`${scope}\`.`;
  return {
    summary: route.summary,
    description: route.description === undefined ? needs : `${route.description}\n\n${needs}`,
    operationId,
    tags: [tagOf(route.path)],
    security:
      scope === 'open'
        ? []
        : [{ bearer: [] }, { apiKey: [] }, ...(route.streams === true ? [{ ticket: [] }] : [])],
    // OpenAPI has scopes for OAuth only.
    ...(scope === 'open' || scope === 'any' ? {} : { 'x-scope': scope }),
    ...(headers === undefined ? {} : { headers }),
    ...(schema?.params === undefined ? {} : { params: schema.params }),
    ...(schema?.querystring === undefined ? {} : { querystring: schema.querystring }),
    ...(schema?.body === undefined ? {} : { body: schema.body }),
    ...(route.docs?.requestTypes === undefined
      ? {}
      : { body: { type: 'string', format: 'binary' }, consumes: route.docs.requestTypes }),
    response: { 200: { description: 'Success' } },
  };
}

function titleOf(schema: unknown): string {
  if (typeof schema !== 'object' || schema === null) return 'Success';
  const { description, title } = schema as Readonly<Record<string, unknown>>;
  return typeof description === 'string' ? description : typeof title === 'string' ? title : 'Success';
}

/** The tag of a path: `sessions` for `/api/sessions/:id`. */
function tagOf(path: string): string {
  const [first = '', second] = path.split('/').filter((part) => part !== '');
  if (first === 'v1') return 'openai';
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

/** The default operation id: `postRunsByIdCancel` for `POST /api/runs/:id/cancel`. */
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
