// Problems of the routes below `/v1`, as clients of the OpenAI API expect them: its form of an error, its statuses and
// its codes.

import type { CodeBuddyError, ProblemCode } from '../../base/errors.ts';
import { problems } from '../../base/errors.ts';
import { fieldName } from '../../base/schema-errors.ts';
import type { OpenAiError, OpenAiErrorType } from '../../contract/openai-error.ts';

export const openAiErrorMedia = 'application/json; charset=utf-8';

/** True for `/v1` and everything below it. `target` may have a query string. */
export function isOpenAiPath(target: string | undefined): boolean {
  return target !== undefined && /^\/v1(?:[/?]|$)/.test(target);
}

/** The statuses of the OpenAI API that differ: clients handle 400 and 404, and some know no 422. */
export function openAiStatusOf(code: ProblemCode): number {
  if (code === 'model_not_found') return 404;
  const { status } = problems[code];
  return status === 422 ? 400 : status;
}

/** Codes that clients of the OpenAI API compare with. All others are those of this API. */
const knownCodes: Partial<Readonly<Record<ProblemCode, string>>> = {
  unauthorized: 'invalid_api_key',
  rate_limited: 'rate_limit_exceeded',
  key_limit_reached: 'rate_limit_exceeded',
  too_many_runs: 'rate_limit_exceeded',
  too_many_waiting_runs: 'rate_limit_exceeded',
  model_rate_limited: 'rate_limit_exceeded',
  cost_limit_reached: 'insufficient_quota',
  context_too_long: 'context_length_exceeded',
  validation_failed: 'invalid_value',
  run_not_found: 'response_not_found',
};

export function openAiErrorOf(problem: CodeBuddyError): OpenAiError {
  const { code, message, errors = [] } = problem;
  const [first] = errors;
  return {
    error: {
      message,
      type: typeOf(code, openAiStatusOf(code)),
      param: first === undefined || first.pointer === '' ? null : fieldName(first.pointer),
      code: knownCodes[code] ?? code,
    },
  };
}

function typeOf(code: ProblemCode, status: number): OpenAiErrorType {
  if (code === 'unauthorized') return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
