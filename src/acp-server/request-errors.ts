// The JSON-RPC error for each failure. Editors show its message. `data` has the stable code of the problem.

import { RequestError } from '@agentclientprotocol/sdk/unstable';
import { CodeBuddyApiError, CodeBuddyConnectionError } from '../client/index.ts';

/** As the protocol defines them. */
export const errorCodes = {
  invalidParams: -32602,
  internal: -32603,
  authRequired: -32000,
  notFound: -32002,
} as const;

export function invalidParams(message: string, data: Readonly<Record<string, unknown>> = {}): RequestError {
  return new RequestError(errorCodes.invalidParams, message, data);
}

export function sessionNotFound(sessionId: string): RequestError {
  return new RequestError(
    errorCodes.notFound,
    `Session ${JSON.stringify(sessionId)} is not open. Open it with session/new, session/load or session/resume.`,
    { sessionId },
  );
}

/** The error of a run that failed. */
export function runFailed(code: string, message: string, runId: string | undefined): RequestError {
  return new RequestError(errorCodes.internal, message, { code, runId });
}

/** Keeps errors of the protocol as they are. */
export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof CodeBuddyApiError) return fromApi(error);
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof CodeBuddyConnectionError ? 'server_unreachable' : 'internal_error';
  return new RequestError(errorCodes.internal, message, { code });
}

function fromApi({ status, code, message, errors, requestId }: CodeBuddyApiError): RequestError {
  const faults = errors.map(({ pointer, message: fault }) => `${pointer} ${fault}`);
  const text = [message, ...faults].join(' ');
  const data = { code, status, requestId, ...(errors.length === 0 ? {} : { errors }) };
  if (status === 401)
    return new RequestError(
      errorCodes.authRequired,
      `The server refused the API key. Set CODEBUDDY_API_KEY or --api-key, or leave both out to use the local key. ${text}`,
      data,
    );
  return new RequestError(jsonRpcCode(status), text, data);
}

function jsonRpcCode(status: number): number {
  if (status === 404) return errorCodes.notFound;
  if (status === 400 || status === 413 || status === 422) return errorCodes.invalidParams;
  return errorCodes.internal;
}
