// Which requests are sent again, and when.

import { expect, test } from 'vitest';
import { problems } from '../../src/base/errors.ts';
import {
  CodeBuddyApiError,
  CodeBuddyConnectionError,
  type ConnectionFailure,
} from '../../src/client/index.ts';
import { retryPauseMs } from '../../src/client/retry-policy.ts';

const api = (status: number, code?: string, retryAfter?: number): CodeBuddyApiError =>
  new CodeBuddyApiError(status, code === undefined ? {} : { code }, retryAfter);
const isRetried = (error: unknown, isRepeatable: boolean): boolean =>
  retryPauseMs(error, 0, isRepeatable, 0) !== undefined;

test('a request that the server may have received is sent again only if that is safe', () => {
  const reasons: Record<ConnectionFailure, readonly [safe: boolean, unsafe: boolean]> = {
    not_running: [true, true],
    refused: [true, true],
    not_found: [true, true],
    timeout: [true, false],
    closed: [true, false],
    unreachable: [true, false],
    unproven: [false, false],
  };
  for (const [reason, expected] of Object.entries(reasons)) {
    const error = new CodeBuddyConnectionError(reason as ConnectionFailure, 'x');
    expect([isRetried(error, true), isRetried(error, false)], reason).toEqual(expected);
  }
});

test.each([
  ['too_many_runs', 429, true, true],
  ['too_many_connections', 503, true, true],
  ['shutting_down', 503, true, false],
  ['storage_unavailable', 503, true, false],
  ['idempotency_in_progress', 409, true, false],
  ['handler_not_configured', 503, false, false],
  ['model_rate_limited', 429, false, false],
  ['rate_limited', 429, false, false],
  ['unauthorized', 401, false, false],
  ['internal_error', 500, false, false],
] as const)('%s', (code, status, safe, unsafe) => {
  expect(status).toBe(problems[code].status);
  expect([isRetried(api(status, code), true), isRetried(api(status, code), false)]).toEqual([safe, unsafe]);
});

test('answers of proxies are judged by their status', () => {
  for (const status of [408, 429, 502, 503, 504])
    expect(isRetried(api(status), true), `${status}`).toBe(true);
  for (const status of [400, 404, 500, 501]) expect(isRetried(api(status), true), `${status}`).toBe(false);
  expect(isRetried(api(503), false)).toBe(false);
  expect(isRetried(api(429), false)).toBe(true);
});

test('the pause grows, is spread, and is never shorter than Retry-After', () => {
  const busy = (seconds?: number): CodeBuddyApiError => api(429, 'too_many_runs', seconds);
  expect([0, 1, 2, 9].map((attempt) => retryPauseMs(busy(), attempt, true, 1))).toEqual([
    500, 1000, 2000, 8000,
  ]);
  expect(retryPauseMs(busy(), 0, true, 0)).toBe(250);
  for (const random of [0, 0.5, 1])
    expect(retryPauseMs(busy(3), 0, true, random)).toBeGreaterThanOrEqual(3000);
  expect(retryPauseMs(busy(61), 0, true, 0)).toBeUndefined();
});
