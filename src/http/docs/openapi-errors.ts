// The problem responses of an operation for /openapi.json: those of every route of its kind and its own, grouped by
// status, each code with an example.

import { type ProblemCode, problems } from '../../base/errors.ts';
import { openAiErrorSchema } from '../../contract/openai-error.ts';
import { isOpenAiPath, openAiStatusOf } from '../pipeline/openai-error.ts';
import { problemType } from '../pipeline/problem.ts';
import type { RouteDefinition } from '../route.ts';
import { headerRefs, type ResponseHeaderName } from './openapi-headers.ts';

/** An OpenAPI response object. */
export interface ResponseObject {
  readonly description: string;
  readonly headers: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, object>>;
}

/** The problem codes of a route, in the order of the table. `isLimited`: the caller may have a key with limits. */
export function problemCodesOf(route: RouteDefinition, isLimited: boolean): readonly ProblemCode[] {
  const { schema, scope, idempotent, docs } = route;
  const isWrite = route.method !== 'GET';
  const isChecked = schema?.params !== undefined || schema?.querystring !== undefined;
  const codes = new Set<ProblemCode>([
    'invalid_url',
    'invalid_host_header',
    'invalid_header',
    'misdirected_request',
    'internal_error',
    'resources_exhausted',
    'shutting_down',
    'too_many_connections',
    ...(docs?.errors ?? []),
  ]);
  const add = (...more: readonly ProblemCode[]): void => more.forEach((code) => void codes.add(code));
  if (scope !== 'open') add('unauthorized', 'insufficient_scope', 'rate_limited');
  if (isLimited) add('key_limit_reached');
  if (isChecked || schema?.body !== undefined || idempotent === true) add('validation_failed');
  if (isWrite) {
    add('invalid_body', 'origin_not_allowed', 'body_too_large', 'unsupported_media_type', 'request_timeout');
    add('loop_detected');
  }
  if (idempotent === true) add('idempotency_conflict', 'idempotency_in_progress', 'idempotency_unknown');
  return (Object.keys(problems) as ProblemCode[]).filter((code) => codes.has(code));
}

/** The form of a route's errors: a problem document, or an error of the OpenAI API. */
interface ErrorForm {
  readonly mediaType: string;
  readonly schema: object;
  readonly statusOf: (code: ProblemCode) => number;
  /** The components of one problem each. */
  readonly examples: boolean;
}

const problemForm: ErrorForm = {
  mediaType: problemType,
  schema: { $ref: '#/components/schemas/Problem' },
  statusOf: (code) => problems[code].status,
  examples: true,
};

const openAiForm: ErrorForm = {
  mediaType: 'application/json',
  schema: openAiErrorSchema,
  statusOf: openAiStatusOf,
  examples: false,
};

/** The response objects of `codes` by status. `default` covers all other problems. */
export function problemResponses(
  codes: readonly ProblemCode[],
  path: string,
  common: readonly ResponseHeaderName[],
): Readonly<Record<string, ResponseObject>> {
  const form = isOpenAiPath(path) ? openAiForm : problemForm;
  const byStatus = Map.groupBy(codes, form.statusOf);
  const responses: Record<string, ResponseObject> = {};
  for (const [status, all] of [...byStatus].sort(([left], [right]) => left - right)) {
    responses[String(status)] = problemResponse(
      all.map((code) => `\`${code}\`: ${problems[code].when}`).join('\n\n'),
      [...common, ...extraHeaders(status)],
      form,
      all,
    );
  }
  responses.default = problemResponse(
    'Any other problem: of the connection or of the host application.',
    common,
    form,
  );
  return responses;
}

function extraHeaders(status: number): readonly ResponseHeaderName[] {
  if (status === 401) return ['WWW-Authenticate'];
  return [409, 429, 503].includes(status) ? ['Retry-After'] : [];
}

function problemResponse(
  description: string,
  headers: readonly ResponseHeaderName[],
  { mediaType, schema, examples: hasExamples }: ErrorForm,
  codes: readonly ProblemCode[] = [],
): ResponseObject {
  const examples = Object.fromEntries(
    codes.map((code) => [code, { $ref: `#/components/examples/${code}` }] as const),
  );
  return {
    description,
    headers: headerRefs(headers),
    content: {
      [mediaType]: {
        schema,
        ...(codes.length === 0 || !hasExamples ? {} : { examples }),
      },
    },
  };
}

/** `components.examples`: one problem per code. */
export function problemExamples(codes: ReadonlySet<ProblemCode>): Readonly<Record<string, object>> {
  return Object.fromEntries(
    [...codes].map((code) => {
      const { status, title, when } = problems[code];
      const value = {
        type: `urn:codebuddy:problem:${code}`,
        title,
        status,
        detail: when,
        code,
        requestId: 'req_0k3v9r7m2q',
        error: when,
      };
      return [code, { summary: title, value }];
    }),
  );
}
