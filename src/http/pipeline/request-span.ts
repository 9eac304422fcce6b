// The span of a request, by OpenTelemetry's conventions for HTTP servers. Query strings, bodies and keys are left out.

import { parseTraceContext } from '../../base/trace-context.ts';
import type { Span, Tracing } from '../../base/tracing.ts';
import type { GatedRequest } from './request-facts.ts';
import type { RequestHead } from './request-head.ts';

export function startRequestSpan(
  tracing: Tracing,
  request: GatedRequest,
  { traceparent, tracestate }: Pick<RequestHead, 'traceparent' | 'tracestate'>,
): void {
  // Most requests of a server without tracing end here.
  if (!tracing.isOn && traceparent === undefined) return;
  const incoming = traceparent === undefined ? undefined : parseTraceContext(traceparent, tracestate);
  request.span = tracing.startRequest(methodOf(request), incoming) ?? null;
}

export function endRequestSpan(span: Span, request: GatedRequest, status: number): void {
  const { route, path, requestId, identity, hop } = request;
  const method = methodOf(request);
  span.rename(route === '' ? method : `${method} ${route}`);
  span.set({
    'http.request.method': method,
    'http.route': route === '' ? undefined : route,
    'url.path': path,
    'url.scheme': 'http',
    'http.response.status_code': status,
    'network.protocol.version': request.httpVersion,
    'codebuddy.request.id': requestId,
    'codebuddy.key.id': identity?.keyId ?? undefined,
    'codebuddy.hop': hop === 0 ? undefined : hop,
  });
  // Errors of clients are not errors of the server's span.
  if (status >= 500) span.fail(String(status));
  span.end();
}

const knownMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

function methodOf({ method = '' }: GatedRequest): string {
  return knownMethods.has(method) ? method : '_OTHER';
}
