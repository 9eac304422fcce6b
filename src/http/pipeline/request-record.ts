// Records each request when its answer has ended: counts it, logs one line and calls the host application's listeners.
// Never records query values, bodies or keys.

import type { Logger, RequestLine } from '../logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { GatedResponse } from './gated-response.ts';
import type { GatedRequest } from './request-facts.ts';
import { endRequestSpan } from './request-span.ts';

/** The argument of a `request` event. */
export type RequestEvent = Omit<RequestLine, 'keyId'>;

export interface RequestRecord {
  /** Records a request once its answer has ended. `startedAt` as `performance.now()` gives it. */
  started(request: GatedRequest, response: GatedResponse, startedAt: number): void;
  /** Records an answer to GET /health at once, without a listener on the response. */
  health(request: GatedRequest, startedAt: number): void;
  /** Logs an internal error, whose details must not reach the client. */
  internalError(error: unknown, requestId: string): void;
}

export interface RecordOptions {
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Called only while `hasListeners()` is true. */
  readonly onRequest: (event: RequestEvent) => void;
  readonly hasListeners: () => boolean;
  readonly onInternalError: (error: Error) => void;
}

/** The one metrics series for all paths without a route: scanners must not create thousands. */
const unmatched = '(unmatched)';
const clientClosedRequest = 499;

export function makeRequestRecord(options: RecordOptions): RequestRecord {
  const { metrics, logger, onRequest, hasListeners, onInternalError } = options;

  const healthCounter = metrics.route('GET', '/health');
  const isDebugged = (): boolean => logger.isLevelEnabled === undefined || logger.isLevelEnabled('debug');

  function report(request: GatedRequest, status: number, durationMs: number): void {
    const { method = '', path, route, requestId } = request;
    const level = route === '/health' ? 'debug' : 'info';
    if (logger.isLevelEnabled === undefined || logger.isLevelEnabled(level)) {
      const line = {
        requestId,
        method,
        path,
        route: route === '' ? null : route,
        status,
        durationMs: Math.round(durationMs * 1000) / 1000,
        keyId: request.identity?.keyId ?? null,
        ...(request.span?.context === undefined ? {} : { traceId: request.span.context.traceId }),
      };
      if (logger.request === undefined) logger[level](line, 'request');
      else logger.request(level, line);
    }
    if (hasListeners()) {
      onRequest({ requestId, method, path, route: route === '' ? null : route, status, durationMs });
    }
  }

  // One listener for all answers: `this` is the answer that has ended.
  function ended(this: GatedResponse): void {
    const request = this.req;
    const { method = '', route } = request;
    const durationMs = performance.now() - request.startedAt;
    const status = this.headersSent ? this.statusCode : clientClosedRequest;
    metrics.requestEnded();
    metrics.observeRequest(method, route === '' ? unmatched : route, status, durationMs, this.isStream);
    report(request, status, durationMs);
    if (request.span !== null) endRequestSpan(request.span, request, status);
  }

  return {
    started(request, response, startedAt) {
      request.startedAt = startedAt;
      metrics.requestStarted();
      response.on('close', ended);
    },
    health(request, startedAt) {
      const durationMs = performance.now() - startedAt;
      if (request.method === 'GET') healthCounter.observe(200, durationMs);
      else metrics.observeRequest('HEAD', '/health', 200, durationMs);
      if (hasListeners() || isDebugged()) report(request, 200, durationMs);
    },
    internalError(thrown, requestId) {
      const error = thrown instanceof Error ? thrown : new Error(`Thrown: ${String(thrown)}`);
      logger.error(
        { requestId, err: { message: error.message, stack: error.stack, cause: error.cause } },
        'internal error',
      );
      onInternalError(error);
    },
  };
}
